import { createHash } from 'node:crypto';
import type { V1Container } from '@kubernetes/client-node';
import { sleep } from '../../../../src/clock.ts';
import { pods } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { timestamp } from '../writer.ts';
import { BackOff, type BackOffLimits } from './back-off.ts';
import {
  configError,
  duration,
  format,
  isStarved,
  startError,
  starved,
} from './container-start.ts';
import type { EventRecorder } from './events.ts';
import type { ImageManager } from './image-manager.ts';
import { parseImage } from './image-reference.ts';
import { imageId, type StoredImage } from './image-store.ts';
import { type ContainerRecord, evictedStatus, type PodFailure, podStatus } from './pod-status.ts';
import { isDeleting } from './pods.ts';
import type { Image } from './registry.ts';
import {
  find,
  nameOf,
  type Pod,
  secrets,
  type TerminatedState,
  uidOf,
  type WaitingState,
} from './shapes.ts';
import { writeStatus } from './write-status.ts';

/** How long things take on a node, in milliseconds. */
export interface NodeTimings {
  /** From the order to start a container to its running. */
  readonly startMs: number;
  /** From TERM to the end of a container that heeds it. */
  readonly stopMs: number;
  /** Until the kubelet notices what its containers did. */
  readonly relistMs: number;
  /** Until it tries again after a failure. */
  readonly retryMs: number;
  /** Of restarts after a crash. */
  readonly crashBackOff: BackOffLimits;
}

/** What the pods of a node share. */
export interface NodeServices {
  readonly controlPlane: ControlPlane;
  readonly images: ImageManager;
  readonly events: EventRecorder;
  readonly timings: NodeTimings;
  /** Claims that the kubelet reaches the API server. */
  readonly isReachable: () => boolean;
}

/** What became of the attempt to start a container. */
type Attempt = 'started' | { readonly retryMs: number };

/**
 * Runs one pod, as the kubelet's worker of that pod does: it reports the status, then starts what
 * is missing, one container after another, and looks again when something changed or failed. So a
 * status appears only between two rounds, however long the pulls of a round take.
 * (kubernetes/kubernetes: pkg/kubelet/kubelet.go, SyncPod)
 */
export class PodWorker {
  readonly #services: NodeServices;
  readonly #records = new Map<string, ContainerRecord>();
  /** The image of each container that was ever made. */
  readonly #madeFrom = new Map<string, Image>();
  readonly #crashes = new Map<string, { readonly backOff: BackOff; at: number }>();
  readonly #wanted = new AbortController();
  readonly #present = new AbortController();
  /** Why it was ended for good. */
  #failure: PodFailure | undefined;
  #pod: Pod;
  #wake: () => void = () => {};

  constructor(pod: Pod, services: NodeServices) {
    this.#pod = pod;
    this.#services = services;
    void this.#run();
  }

  /** Ids of the images that its containers were made from: they are in use. */
  get imagesInUse(): readonly string[] {
    return [...this.#madeFrom.values()].map(imageId);
  }

  /** What its running containers were asked to be made from; nothing once it has been told to end. */
  get imagesRunning(): readonly string[] {
    if (this.#wanted.signal.aborted) return [];
    const runs = (name: string) => {
      const instance = this.#records.get(name)?.instance;
      return instance !== undefined && instance.exit === undefined;
    };
    const running = this.#pod.spec.containers.filter(({ name }) => runs(name));
    return running.map(({ image = '' }) => image);
  }

  /** Takes notice of a new state of the pod. Only its deletion changes what there is to do. */
  see(pod: Pod): void {
    this.#pod = pod;
    if (!isDeleting(pod)) return;
    this.#wanted.abort();
    this.#wake();
  }

  /** Ends its containers at once and for good, as under pressure. */
  evict(failure: PodFailure): void {
    this.#failure = failure;
    this.#wanted.abort();
    this.#wake();
  }

  /** The API server can be reached again. */
  reconnect(): void {
    this.#wake();
  }

  /** The pod exists no more: everything ends at once. */
  stop(): void {
    this.#present.abort();
    this.#wanted.abort();
    this.#wake();
  }

  async #run(): Promise<void> {
    let isNew = true;
    while (!this.#wanted.signal.aborted) {
      this.#report();
      const attempts = await this.#startMissing();
      const hasChanged = isNew || attempts.includes('started');
      isNew = false;
      const ms = hasChanged ? this.#services.timings.relistMs : soonest(attempts);
      await this.#rest(ms, this.#wanted.signal);
    }
    if (!this.#present.signal.aborted) {
      if (this.#failure === undefined) await this.#terminate();
      else this.#reportEviction(this.#failure);
    }
    this.#services.images.forget(uidOf(this.#pod));
  }

  async #startMissing(): Promise<readonly Attempt[]> {
    const attempts: Attempt[] = [];
    for (const container of this.#missing()) {
      const attempt = await this.#start(container);
      if (this.#wanted.signal.aborted) break;
      attempts.push(attempt);
    }
    return attempts;
  }

  /** The first init container that has not succeeded, or else all containers that do not run. */
  #missing(): readonly V1Container[] {
    const { initContainers = [], containers } = this.#pod.spec;
    const pending = initContainers.find(
      ({ name }) => this.#records.get(name)?.instance?.exit?.exitCode !== 0,
    );
    const due = pending === undefined ? containers : [pending];
    return due.filter((container) => this.#mayStart(container));
  }

  #mayStart({ name }: V1Container): boolean {
    const instance = this.#records.get(name)?.instance;
    if (instance === undefined) return true;
    if (instance.exit === undefined) return false;
    const { restartPolicy = 'Always' } = this.#pod.spec;
    return restartPolicy === 'OnFailure'
      ? instance.exit.exitCode !== 0
      : restartPolicy === 'Always';
  }

  async #start(container: V1Container): Promise<Attempt> {
    const { timings, controlPlane } = this.#services;
    const crashed = this.#backOffFromCrash(container);
    if (crashed !== undefined) return crashed;
    const stored = await this.#imageFor(container);
    if (!('image' in stored)) return stored;
    const error = configError(this.#pod, container, stored.image) ?? createError(stored.image);
    this.#note(container, error === undefined ? {} : { waiting: error });
    if (isStarved(container)) this.#complain('FailedCreatePodSandBox', starved);
    if (error !== undefined || isStarved(container)) return { retryMs: timings.retryMs };
    await sleep(controlPlane.clock, timings.startMs, this.#wanted.signal);
    if (this.#wanted.signal.aborted) return 'started';
    const message = startError(container, stored.image);
    this.#started(container, stored, message);
    if (message === undefined) return 'started';
    this.#note(container, { waiting: { reason: 'RunContainerError', message } });
    return { retryMs: timings.retryMs };
  }

  #complain(reason: string, message: string): void {
    const { events, isReachable } = this.#services;
    if (isReachable()) events.record({ about: this.#pod, type: 'Warning', reason, message });
  }

  /** After a crash the next start waits, longer each time; the first restart comes at once. */
  #backOffFromCrash(container: V1Container): Attempt | undefined {
    const crash = this.#crashes.get(container.name);
    if (crash === undefined) return undefined;
    const now = this.#services.controlPlane.clock.monotonic();
    const retryMs = crash.backOff.remainingMs(crash.at, now);
    if (retryMs === 0) {
      crash.backOff.count(crash.at, now);
      return undefined;
    }
    const message = `back-off ${duration(crash.backOff.delayMs)} restarting failed container=${container.name} pod=${format(this.#pod)}`;
    this.#note(container, { waiting: { reason: 'CrashLoopBackOff', message } });
    return { retryMs: Math.min(retryMs, this.#services.timings.retryMs) };
  }

  async #imageFor(container: V1Container): Promise<StoredImage | { readonly retryMs: number }> {
    const { controlPlane, images, timings } = this.#services;
    const { metadata, spec } = this.#pod;
    const ensured = await images.ensure({
      podUid: uidOf(this.#pod),
      image: container.image ?? '',
      policy: pullPolicy(container),
      hasSecret: (name) =>
        spec.imagePullSecrets?.some((secret) => secret.name === name) === true &&
        controlPlane.get(secrets, metadata.namespace ?? '', name) !== undefined,
      signal: this.#wanted.signal,
    });
    if ('stored' in ensured) return ensured.stored;
    this.#note(container, { waiting: ensured.waiting });
    return { retryMs: timings.retryMs };
  }

  /** `failure` is why its first process did not come up. */
  #started(
    container: V1Container,
    { image, repoDigests, repoTags }: StoredImage,
    failure?: string,
  ): void {
    const { name } = container;
    const previous = this.#records.get(name);
    const restartCount = previous?.instance === undefined ? 0 : previous.restartCount + 1;
    const containerID = `containerd://${createHash('sha256')
      .update(`${uidOf(this.#pod)} ${name} ${restartCount}`)
      .digest('hex')}`;
    const now = timestamp(this.#services.controlPlane.clock.now());
    const isInit = this.#pod.spec.initContainers?.some((each) => each.name === name) ?? false;
    const exit =
      failure === undefined
        ? exitOf(image, isInit, { containerID, startedAt: now, finishedAt: now })
        : neverStarted(failure, containerID, now);
    this.#records.set(name, {
      instance: {
        containerID,
        image: repoTags[0] ?? imageId(image),
        imageID: repoDigests[0] ?? '',
        startedAt: now,
        ...(exit && { exit }),
      },
      restartCount,
      ...(previous?.instance?.exit && { lastExit: previous.instance.exit }),
    });
    this.#madeFrom.set(name, image);
    if (exit !== undefined && !(isInit && exit.exitCode === 0)) this.#crashed(name);
  }

  #crashed(name: string): void {
    const { controlPlane, timings } = this.#services;
    const at = controlPlane.clock.monotonic();
    const crash = this.#crashes.get(name);
    if (crash === undefined) {
      this.#crashes.set(name, { backOff: new BackOff(timings.crashBackOff), at });
    } else crash.at = at;
  }

  #note({ name }: V1Container, change: Pick<ContainerRecord, 'waiting'>): void {
    const { instance, restartCount = 0, lastExit } = this.#records.get(name) ?? {};
    this.#records.set(name, {
      restartCount,
      ...(instance && { instance }),
      ...(lastExit && { lastExit }),
      ...change,
    });
  }

  #report(): void {
    const { controlPlane, isReachable } = this.#services;
    const live = this.#live();
    if (live === undefined || !isReachable()) return;
    const status = podStatus(live, this.#records, controlPlane.clock.now());
    writeStatus(controlPlane, pods, live, status);
  }

  /** A container that ran was killed. */
  #reportEviction(failure: PodFailure): void {
    const { controlPlane } = this.#services;
    const live = this.#live();
    if (live === undefined) return;
    const now = controlPlane.clock.now();
    for (const [name, record] of this.#records) {
      const { instance } = record;
      if (instance === undefined || instance.exit !== undefined) continue;
      const { containerID, startedAt } = instance;
      const times = { startedAt, finishedAt: timestamp(now) };
      const exit = { exitCode: 137, reason: 'Error', ...times, containerID };
      this.#records.set(name, { ...record, instance: { ...instance, exit } });
    }
    const status = podStatus(live, this.#records, now);
    writeStatus(controlPlane, pods, live, evictedStatus(status, failure, now));
  }

  /** The pod as the API server holds it, unless another one has taken its name. */
  #live(): Pod | undefined {
    const { metadata } = this.#pod;
    const live = find<Pod>(this.#services.controlPlane, pods, {
      namespace: metadata.namespace,
      name: nameOf(this.#pod),
    });
    return live !== undefined && uidOf(live) === uidOf(this.#pod) ? live : undefined;
  }

  /** Ends the containers within their grace period and then confirms that the pod is gone. */
  async #terminate(): Promise<void> {
    const { controlPlane, timings, isReachable } = this.#services;
    const graceMs = (this.#pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
    const isStubborn = [...this.#madeFrom.values()].some(({ ignoresTerm }) => ignoresTerm === true);
    const lasts = isStubborn ? graceMs : Math.min(graceMs, timings.stopMs);
    await sleep(controlPlane.clock, this.#madeFrom.size === 0 ? 0 : lasts, this.#present.signal);
    while (!isReachable() && !this.#present.signal.aborted) {
      await this.#rest(undefined, this.#present.signal);
    }
    const live = this.#live();
    if (live === undefined) return;
    controlPlane.remove(pods, live.metadata.namespace ?? '', nameOf(live), {
      uid: uidOf(live),
      gracePeriodSeconds: 0,
    });
  }

  /** Waits so long, or until something wakes it or the signal is aborted; without a time only for those. */
  #rest(ms: number | undefined, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock } = this.#services.controlPlane;
    const cancel = ms === undefined ? () => {} : clock.after(ms, resolve);
    this.#wake = () => {
      cancel();
      resolve();
    };
    return promise;
  }
}

/** When the first of the failed attempts is to be repeated; undefined where none failed. */
function soonest(attempts: readonly Attempt[]): number | undefined {
  const waits = attempts.flatMap((attempt) => (attempt === 'started' ? [] : attempt.retryMs));
  return waits.length === 0 ? undefined : Math.min(...waits);
}

/** The API server fills the policy in; without one, only the tag `latest` is always pulled. */
function pullPolicy({ imagePullPolicy, image = '' }: V1Container): string {
  const reference = parseImage(image);
  const isLatest = 'tag' in reference && reference.tag === 'latest';
  return imagePullPolicy ?? (isLatest ? 'Always' : 'IfNotPresent');
}

/** How a container of this image ends as soon as it starts; undefined where it runs on. */
function exitOf(
  image: Image,
  isInit: boolean,
  when: Pick<TerminatedState, 'containerID' | 'startedAt' | 'finishedAt'>,
): TerminatedState | undefined {
  const exitCode = image.exitCode ?? (isInit ? 0 : undefined);
  if (exitCode === undefined) return undefined;
  const reason = image.exitReason ?? (exitCode === 0 ? 'Completed' : 'Error');
  return { exitCode, reason, ...when };
}

function neverStarted(message: string, containerID: string, now: string): TerminatedState {
  const startedAt = '1970-01-01T00:00:00Z';
  return { exitCode: 128, reason: 'StartError', message, startedAt, finishedAt: now, containerID };
}

function createError({ createError: message }: Image): WaitingState | undefined {
  return message === undefined ? undefined : { reason: 'CreateContainerError', message };
}
