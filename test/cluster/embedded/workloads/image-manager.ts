import { type Clock, sleep } from '../../../../src/clock.ts';
import { BackOff, type BackOffLimits } from './back-off.ts';
import { type ImageReference, parseImage } from './image-reference.ts';
import { ImageStore, type StoredImage } from './image-store.ts';
import type { HasSecret, Image, Registries } from './registry.ts';
import type { WaitingState } from './shapes.ts';

/** An image that a container of a pod needs. */
export interface ImageRequest {
  readonly podUid: string;
  /** As the container spells it. */
  readonly image: string;
  readonly policy: string;
  readonly hasSecret: HasSecret;
  /** Aborted when the pod is no longer wanted. */
  readonly signal: AbortSignal;
}

/** The image, or why the container has to wait. */
export type Ensured = { readonly stored: StoredImage } | { readonly waiting: WaitingState };

/** What the pulls of a node depend on. */
export interface ImageManagerOptions {
  readonly clock: Clock;
  readonly registries: Registries;
  /** Of the node, as `amd64`. */
  readonly architecture: string;
  /** How long a registry takes to answer, in milliseconds. */
  readonly answerMs: number;
  readonly backOff: BackOffLimits;
}

interface Failure {
  readonly backOff: BackOff;
  readonly message: string;
  readonly at: number;
}

/**
 * Brings images to one node, one after another (serializeImagePulls), and backs off from those that
 * fail. (kubernetes/kubernetes: pkg/kubelet/images/image_manager.go)
 */
export class ImageManager {
  readonly store = new ImageStore();
  readonly #options: ImageManagerOptions;
  readonly #failures = new Map<string, Failure>();
  #lastPull: Promise<unknown> = Promise.resolve();

  constructor(options: ImageManagerOptions) {
    this.#options = options;
  }

  async ensure(request: ImageRequest): Promise<Ensured> {
    const { image, policy } = request;
    const reference = parseImage(image);
    if ('error' in reference) {
      const why = `couldn't parse image name "${image}": ${reference.error}`;
      return waiting('InvalidImageName', `Failed to apply default image tag "${image}": ${why}`);
    }
    const stored = policy === 'Always' ? undefined : this.store.find(reference);
    if (stored !== undefined) return { stored };
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      return waiting('ErrImageNeverPull', message);
    }
    return this.#pullUnlessBackingOff(request, reference);
  }

  /** Forgets the failures of a pod that is gone. */
  forget(podUid: string): void {
    for (const key of this.#failures.keys()) {
      if (key.startsWith(`${podUid}_`)) this.#failures.delete(key);
    }
  }

  async #pullUnlessBackingOff(request: ImageRequest, reference: ImageReference): Promise<Ensured> {
    const { clock, backOff: limits } = this.#options;
    const shown = withDefaultTag(request.image, reference);
    const key = `${request.podUid}_${shown}`;
    const failure = this.#failures.get(key);
    if (failure !== undefined && failure.backOff.remainingMs(failure.at, clock.monotonic()) > 0) {
      const message = `Back-off pulling image "${shown}": ErrImagePull: ${failure.message}`;
      return waiting('ImagePullBackOff', message);
    }
    const pulled = await this.#inTurn(() => this.#pull(request, reference));
    if ('stored' in pulled) {
      this.#failures.delete(key);
      return pulled;
    }
    const backOff = failure?.backOff ?? new BackOff(limits);
    const at = clock.monotonic();
    backOff.count(at, at);
    this.#failures.set(key, { backOff, message: pulled.refusal, at });
    return waiting('ErrImagePull', pulled.refusal);
  }

  async #pull(
    { hasSecret, signal }: ImageRequest,
    reference: ImageReference,
  ): Promise<{ stored: StoredImage } | { refusal: string }> {
    const { clock, registries, answerMs, architecture } = this.#options;
    await sleep(clock, answerMs, signal);
    if (signal.aborted) return { refusal: 'context canceled' };
    const answer = registries.pull(reference, hasSecret);
    if ('refusal' in answer) return answer;
    if ((answer.image.architecture ?? architecture) !== architecture) {
      return noPlatform(answer.image);
    }
    await sleep(clock, this.#downloadMs(answer.image), signal);
    if (signal.aborted) return { refusal: 'context canceled' };
    return { stored: this.store.add(reference, answer.image) };
  }

  /** What is on the disk already is not downloaded again. */
  #downloadMs(image: Image): number {
    return this.store.has(image) ? 0 : image.pullMs;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#lastPull.then(work);
    this.#lastPull = result;
    return result;
  }
}

/** The words of containerd 2.2 (core/images/image.go, Manifest, as seen on a node of 1.36.3). */
function noPlatform({ digest }: Image): { refusal: string } {
  const why = `no match for platform in manifest ${digest}: not found`;
  return { refusal: `rpc error: code = NotFound desc = get image config descriptor: ${why}` };
}

function waiting(reason: string, message: string): Ensured {
  return { waiting: { reason, message } };
}

/** The reference as it was written, with `:latest` where it has neither tag nor digest. */
function withDefaultTag(image: string, { tag, digest }: ImageReference): string {
  return digest === undefined && !image.endsWith(`:${tag}`) ? `${image}:${tag}` : image;
}
