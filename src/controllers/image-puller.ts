import { holdOf } from '../api/findings.ts';
import { parseSpec } from '../api/parse.ts';
import type { ImagePullerStatus, ParsedSpec, RawSpec } from '../api/types.ts';
import * as api from '../api/types.ts';
import type { OperatorConfig } from '../config.ts';
import { asError, WaitingError } from '../errors.ts';
import { NotOursError } from '../kube/applier.ts';
import type { Cache } from '../kube/cache.ts';
import { type Client, isApiError } from '../kube/client.ts';
import type { ReconcileContext, ReconcileResult } from '../kube/controller.ts';
import { NotLeadingError } from '../kube/leader-election.ts';
import {
  daemonSets,
  deployments,
  isControlledBy,
  type Key,
  type KubeObject,
  type Resource,
  splitKey,
} from '../kube/objects.ts';
import type { Log } from '../log.ts';
import { sleeperImage } from '../manifests/config-map.ts';
import { identityOf, type ManifestInput } from '../manifests/input.ts';
import { fieldManager } from '../manifests/names.ts';
import { meansTheSame, saysTheSame } from '../status/due.ts';
import { rolloutOf } from '../status/rollout.ts';
import { summarize } from '../status/summarize.ts';
import { type ConvergeDependencies, converge } from './converge.ts';
import { failureOf, isRefusal, isTransient, retryOf } from './failure.ts';
import type { NameWatches } from './name-watches.ts';
import { Patience } from './patience.ts';

/** KubernetesImagePuller, as the API server serves it. */
export const imagePullers: Resource = {
  group: api.group,
  version: api.version,
  plural: api.plural,
  kind: api.kind,
  namespaced: true,
};

export interface Dependencies extends ConvergeDependencies {
  readonly client: Client;
  readonly pullers: Cache;
  readonly nameWatches: NameWatches;
  readonly config: OperatorConfig;
  /** Found out at start and again slowly, so it is asked at every run. */
  readonly isOpenShift: () => boolean;
}

/** How soon a puller is looked at again whose namespace is not known yet. */
const syncRetryMs = 250;
/** The same, where the server refuses to show a kind. */
const refusedCacheRetryMs = 10_000;

/**
 * Makes what a KubernetesImagePuller asks for so, and says in its status how far that is. Level-based:
 * it takes a key, reads everything anew and never learns which event woke it.
 */
export class ImagePullerController {
  readonly #the: Dependencies;
  readonly #patience: Patience;

  constructor(dependencies: Dependencies) {
    this.#the = dependencies;
    this.#patience = new Patience(dependencies.clock, dependencies.config.progressDeadlineMs);
  }

  async reconcile(key: Key, context: ReconcileContext): Promise<ReconcileResult> {
    const refusal = this.#refusedCache(key);
    const puller = this.#puller(key);
    if (!puller) {
      this.#patience.forget(key);
      this.#the.nameWatches.keep(key, []);
      return {};
    }
    const raw = (puller['spec'] ?? {}) as RawSpec;
    const parsed = parseSpec(raw, this.#the.config);
    const input = this.#input(puller, raw, parsed);

    const outcome = refusal
      ? { error: refusal, againMs: undefined }
      : await this.#converge(key, input, parsed, context);
    if (this.#mayPass(key, puller, outcome.error)) throw outcome.error;
    const { status, againMs } = this.#status(key, puller, input, parsed, outcome.error);
    const writeAgainMs = await this.#write(key, puller, status, context.log);

    // The cache asks again by itself, and nobody tells us when it has succeeded.
    if (refusal) throw retryOf(refusal, refusedCacheRetryMs);
    if (outcome.error) throw this.#retry(outcome.error, context.log);
    return soonest([outcome.againMs, ...againMs, writeAgainMs]);
  }

  /**
   * Each namespace for itself: one that cannot be read does not hold up the others.
   *
   * @returns the server's refusal to show a kind, which is for the user to know
   * @throws WaitingError while the caches of the namespace fill
   */
  #refusedCache(key: Key): Error | undefined {
    const { namespace } = splitKey(key);
    const unknown = [this.#the.pullers, ...this.#the.children.values()].filter(
      (cache) => !cache.hasSynced(namespace),
    );
    if (unknown.length === 0) return undefined;
    const errors = unknown.map((cache) => cache.lastError(namespace));
    const refusal = errors.find((error) => isApiError(error) && isRefusal(error));
    if (refusal) return refusal;
    const message = `not everything in the namespace ${namespace} is known yet`;
    throw new WaitingError('CachesNotSynced', syncRetryMs, message);
  }

  /** One whose deletion has begun counts as gone: the garbage collector takes its children. */
  #puller(key: Key): KubeObject | undefined {
    const { namespace, name } = splitKey(key);
    const puller = this.#the.pullers.get(namespace, name);
    return puller?.metadata.deletionTimestamp === undefined ? puller : undefined;
  }

  #input(puller: KubeObject, raw: RawSpec, { spec }: ParsedSpec): ManifestInput {
    const { operatorImage, sleeperImage, maxSurge } = this.#the.config;
    const settings = { operatorImage, sleeperImage, maxSurge, openshift: this.#the.isOpenShift() };
    return { puller: identityOf(puller), raw, spec, settings };
  }

  /** Turns the failure of a run into a value, so that the status can tell of it. */
  async #converge(
    key: Key,
    input: ManifestInput,
    { findings }: ParsedSpec,
    context: ReconcileContext,
  ): Promise<{ readonly error?: Error; readonly againMs?: number | undefined }> {
    if (holdOf(findings)) {
      this.#the.nameWatches.keep(key, []);
      return {};
    }
    try {
      const againMs = await converge(input, this.#the, context);
      this.#the.nameWatches.keep(key, []);
      return { againMs };
    } catch (thrown) {
      // The program ends, or the run took too long: nothing more is to be written.
      context.signal.throwIfAborted();
      const error = asError(thrown);
      // No news about the puller, and whoever leads will look at it anew.
      if (error instanceof NotLeadingError) throw error;
      this.#the.nameWatches.keep(key, error instanceof NotOursError ? [error] : []);
      return { error };
    }
  }

  /** What lasts a moment only is tried again before it turns a condition that was set before. */
  #mayPass(key: Key, puller: KubeObject, error: Error | undefined): error is Error {
    if (error && isTransient(error)) {
      return !this.#patience.failsForLong(key) && statusOf(puller).conditions !== undefined;
    }
    this.#patience.succeeded(key);
    return false;
  }

  /** Waiting is no news to the work queue, yet a refusal is to the operator's log. */
  #retry(error: Error, log: Log): Error {
    if (isApiError(error) && isRefusal(error)) {
      log.warn('refused by the API server', { reason: failureOf(error, '').reason, error });
    }
    return retryOf(error);
  }

  #status(
    key: Key,
    puller: KubeObject,
    input: ManifestInput,
    { spec, findings }: ParsedSpec,
    error: Error | undefined,
  ): { readonly status: ImagePullerStatus; readonly againMs: readonly (number | undefined)[] } {
    const stored = statusOf(puller);
    // One that was removed just now may still be in the cache.
    const hasDaemonSet = spec.images.length > 0 || holdOf(findings) !== undefined;
    const daemonSet = hasDaemonSet ? this.#own(daemonSets, input, spec.daemonsetName) : undefined;
    const failure = this.#patience.told(key, error && failureOf(error, input.puller.name));
    const stalled = this.#patience.stalled(key, daemonSet, stored);
    const unavailable = this.#patience.unavailable(
      this.#own(deployments, input, spec.deploymentName),
    );
    const status = summarize(
      {
        spec,
        findings,
        sleeperImage: sleeperImage(input),
        rollout: daemonSet && rolloutOf(daemonSet),
        stalled: stalled.value,
        pullerUnavailable: unavailable.value,
        failure: failure.value,
      },
      {
        previous: stored.conditions,
        generation: puller.metadata.generation ?? 0,
        now: this.#the.clock.now(),
      },
    );
    return { status, againMs: [stalled.againMs, unavailable.againMs, failure.againMs] };
  }

  #own(resource: Resource, { puller }: ManifestInput, name: string): KubeObject | undefined {
    const object = this.#the.children.get(resource)?.get(puller.namespace, name);
    return object && isControlledBy(object, puller.uid ?? '') ? object : undefined;
  }

  /** Writes what has changed: a new meaning at once, counts that move in their turn. */
  async #write(
    key: Key,
    puller: KubeObject,
    status: ImagePullerStatus,
    log: Log,
  ): Promise<number | undefined> {
    const stored = statusOf(puller);
    if (saysTheSame(stored, status)) return undefined;
    const meansNothingNew = meansTheSame(stored, status);
    const waitMs = meansNothingNew ? this.#patience.untilCounts(key) : 0;
    if (waitMs > 0) return waitMs;

    const { name, namespace, uid } = puller.metadata;
    const body = {
      apiVersion: api.apiVersion,
      kind: api.kind,
      metadata: { name, namespace, uid } as KubeObject['metadata'],
      status,
    };
    const options = { fieldManager, force: true, subresource: 'status' } as const;
    try {
      this.#the.pullers.observe(await this.#the.client.apply(imagePullers, body, options));
    } catch (error) {
      // Deleted, or replaced by another of the same name: its own event follows.
      if (isApiError(error, 404) || isApiError(error, 409)) return undefined;
      throw error;
    }
    this.#patience.statusWritten(key);
    if (!meansNothingNew) log.info('status', spoken(status));
    return undefined;
  }
}

function statusOf(puller: KubeObject): ImagePullerStatus {
  return (puller['status'] ?? {}) as ImagePullerStatus;
}

/** A status as one line of the log: each condition with its reason. */
function spoken({ conditions = [] }: ImagePullerStatus): Record<string, string> {
  return Object.fromEntries(
    conditions.map(({ type, status, reason }) => [type.toLowerCase(), `${status} ${reason}`]),
  );
}

function soonest(times: readonly (number | undefined)[]): ReconcileResult {
  const given = times.filter((time) => time !== undefined);
  return given.length === 0 ? {} : { requeueAfterMs: Math.min(...given) };
}
