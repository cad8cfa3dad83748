import { holdOf } from '../api/findings.ts';
import { parseSpec } from '../api/parse.ts';
import type { ImagePullerStatus, RawSpec } from '../api/types.ts';
import * as api from '../api/types.ts';
import type { OperatorConfig } from '../config.ts';
import { asError } from '../errors.ts';
import type { Cache } from '../kube/cache.ts';
import { type Client, isApiError, isRefusal } from '../kube/client.ts';
import type { ReconcileContext, ReconcileResult } from '../kube/controller.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import { NotLeadingError } from '../kube/leader-election.ts';
import { type Key, type KubeObject, splitKey } from '../kube/objects.ts';
import type { Log } from '../log.ts';
import { identityOf } from '../manifests/input.ts';
import { fieldManager } from '../manifests/names.ts';
import { reasons } from '../status/conditions.ts';
import { concludesTheSame, meansTheSame, saysTheSame } from '../status/due.ts';
import { newsBetween, type Told } from '../status/news.ts';
import { isMoving } from '../status/observation.ts';
import { type Summary, stalledInMs, summary } from '../status/summarize.ts';
import { NameConflictError } from './conflicts.ts';
import { type ConvergeDependencies, type Converged, converge, nothingDone } from './converge.ts';
import { failureOf, isTransient, newRefusal, noLaterThan, notSynced, retryOf } from './failure.ts';
import { imagePullers } from './keys.ts';
import type { NameWatches } from './name-watches.ts';
import { type ObserveDependencies, observe } from './observe.ts';
import { Patience } from './patience.ts';
import { PodReadings } from './pod-readings.ts';
import { PodRequestsKnowledge } from './pod-requests.ts';
import { Refusals } from './refusals.ts';
import { StartTroubles } from './start-troubles.ts';
import { generationOf, type Subject, statusOf } from './subject.ts';

/** Everything that an {@link ImagePullerController} does its work with. */
export interface Dependencies
  extends Omit<ConvergeDependencies, 'readPods' | 'refusals' | 'fateOfSpec'>,
    Readable {
  readonly client: Client;
  readonly recorder: Recorder;
  readonly pullers: Cache;
  readonly nameWatches: NameWatches;
  readonly config: OperatorConfig;
  /** Found out at start and again slowly, so it is asked at every run. */
  readonly isOpenShift: () => boolean;
  /** Told at each run what a puller's status is, undefined once it is gone; must not throw. */
  readonly onStatus: (key: Key, status: ImagePullerStatus | undefined) => void;
  readonly log: Log;
}

/** What observing needs, but for what this controller remembers itself. */
type Readable = Omit<
  ObserveDependencies,
  'patience' | 'podReadings' | 'refusals' | 'startTroubles'
>;

/** Tells of objects by Events; returns at once. */
export type Recorder = Pick<EventRecorder, 'record'>;

/** What the operator does with a puller, in the words of an Event. */
const action = 'Caching';

/** How soon a puller is looked at again where the server refuses to show a kind. */
const refusedCacheRetryMs = 10_000;
/** The same, where its status could not be written as others wrote at the same time. */
const statusConflictRetryMs = 1_000;

/**
 * Makes what a KubernetesImagePuller asks for so, and says in its status how far that is. Level-based:
 * it takes a key, reads everything anew and never learns which event woke it.
 */
export class ImagePullerController {
  readonly #the: Dependencies;
  readonly #patience: Patience;
  readonly #refusals: Refusals;
  readonly #startTroubles: StartTroubles;
  readonly #podRequests: PodRequestsKnowledge;
  readonly #podReadings = new PodReadings();
  /** What rows were like at the last look: more than are told, and sooner. A restart forgets them. */
  readonly #seen = new Map<Key, Summary['seen']>();
  /** What was told last, as far as statuses have no room for it. */
  readonly #told = new Map<Key, Told>();

  constructor(dependencies: Dependencies) {
    const { client, clock, config, log } = dependencies;
    this.#the = dependencies;
    this.#patience = new Patience(clock, config.progressDeadlineMs);
    this.#refusals = new Refusals(client, clock, log);
    this.#startTroubles = new StartTroubles(client, clock, log);
    this.#podRequests = new PodRequestsKnowledge(dependencies);
  }

  async reconcile(key: Key, context: ReconcileContext): Promise<ReconcileResult> {
    const refusal = this.#refusedCache(key);
    const puller = this.#puller(key);
    if (!puller) {
      this.#forget(key);
      return {};
    }
    const subject = this.#subject(key, puller);

    const outcome = refusal
      ? { ...nothingDone, error: refusal }
      : await this.#converge(subject, context);
    if (this.#mayPass(subject, outcome.error)) throw retryOf(outcome.error);
    const { observed, againMs } = await observe(subject, outcome, {
      ...this.#the,
      patience: this.#patience,
      podReadings: this.#podReadings,
      refusals: this.#refusals,
      startTroubles: this.#startTroubles,
    });
    const refusals = observed.observation.refusals.map(({ message }) => message);
    // No status tells of pods that are about to be other ones.
    if (!outcome.error && this.#podRequests.learn(subject.input.puller, refusals)) {
      this.#refusals.overcome(key);
      return { requeueAfterMs: 0 };
    }
    const time = {
      now: this.#the.clock.now(),
      progressDeadlineMs: this.#the.config.progressDeadlineMs,
    };
    const stored = statusOf(puller);
    const { status, seen, complaints } = summary(observed, {
      previous: { ...stored, ...(stored.conditions && this.#seen.get(key)) },
      generation: generationOf(puller),
      ...time,
    });
    this.#the.onStatus(key, status);
    this.#seen.set(key, seen);
    const told = { status, rows: seen.images, complaints, findings: subject.parsed.findings };
    const isCalm = !isMoving(observed.observation);
    const writeAgainMs = await this.#write(subject, told, { isCalm, log: context.log });

    // The cache asks again by itself, and nobody tells us when it has succeeded.
    if (refusal) throw retryOf(refusal, refusedCacheRetryMs);
    if (outcome.error) throw noLaterThan(writeAgainMs, this.#retry(outcome.error, context.log));
    return soonest([outcome.againMs, ...againMs, stalledInMs(status, time), writeAgainMs]);
  }

  #forget(key: Key): void {
    this.#patience.forget(key);
    this.#refusals.forget(key);
    this.#startTroubles.forget(key);
    this.#podReadings.forget(key);
    this.#seen.delete(key);
    this.#told.delete(key);
    this.#the.nameWatches.keep(key, []);
    this.#the.onStatus(key, undefined);
  }

  /**
   * Each namespace for itself: one that cannot be read does not hold up the others. What was known before
   * a right was taken away is as good as unknown: it grows old, and nobody would say why.
   *
   * @returns the server's refusal to show a kind, which is for the user to know
   * @throws WaitingError while the caches of the namespace fill
   */
  #refusedCache(key: Key): Error | undefined {
    const { namespace } = splitKey(key);
    const caches = [this.#the.pullers, ...this.#the.children.values()];
    const refusal = caches.map((cache) => cache.lastError(namespace)).find(isRefusal);
    if (refusal) return refusal;
    if (caches.every((cache) => cache.hasSynced(namespace))) return undefined;
    throw notSynced(`not everything in the namespace ${namespace} is known yet`);
  }

  /** One whose deletion has begun counts as gone: the garbage collector takes its children. */
  #puller(key: Key): KubeObject | undefined {
    const { namespace, name } = splitKey(key);
    const puller = this.#the.pullers.get(namespace, name);
    return puller?.metadata.deletionTimestamp === undefined ? puller : undefined;
  }

  #subject(key: Key, puller: KubeObject): Subject {
    const { config, isOpenShift } = this.#the;
    const raw = (puller['spec'] ?? {}) as RawSpec;
    const parsed = parseSpec(raw, config);
    const { operatorImage, sleeperImage, maxSurge, priorityClass, allowedRegistries } = config;
    const settings = {
      operatorImage,
      sleeperImage,
      maxSurge,
      priorityClass,
      allowedRegistries,
      openshift: isOpenShift(),
    };
    const input = { puller: identityOf(puller), raw, spec: parsed.spec, settings };
    return { key, puller, parsed, input };
  }

  /** Turns the failure of a run into a value, so that the status can tell of it. */
  async #converge(
    { key, puller, input, parsed }: Subject,
    context: ReconcileContext,
  ): Promise<Converged & { readonly error?: Error }> {
    if (holdOf(parsed.findings)) {
      this.#the.nameWatches.keep(key, []);
      return nothingDone;
    }
    try {
      const podRequests = await this.#podRequests.of(input);
      const converged = await converge(
        { ...input, settings: { ...input.settings, podRequests } },
        {
          ...this.#the,
          readPods: (...seen) => this.#podReadings.read(key, ...seen),
          refusals: this.#refusals.known(key),
          fateOfSpec: () => this.#fateOfSpec(puller),
        },
        context,
      );
      this.#the.nameWatches.keep(key, []);
      return converged;
    } catch (thrown) {
      // The program ends, or the run took too long: nothing more is to be written.
      context.signal.throwIfAborted();
      const error = asError(thrown);
      // No news about the puller, and whoever leads will look at it anew.
      if (error instanceof NotLeadingError) throw error;
      this.#the.nameWatches.keep(key, error instanceof NameConflictError ? error.conflicts : []);
      return { ...nothingDone, error };
    }
  }

  /** Takes in what the server has, so that the next run acts on that. */
  async #fateOfSpec({ metadata }: KubeObject): Promise<'current' | 'changed' | 'gone'> {
    const { namespace = '', name = '', uid, generation } = metadata;
    const live = await this.#the.client.get(imagePullers, namespace, name);
    if (live === undefined) return 'gone';
    this.#the.pullers.learn(live);
    const isSame = live.metadata.uid === uid && live.metadata.generation === generation;
    return isSame ? 'current' : 'changed';
  }

  /** What lasts a moment only is tried again before it turns a condition that was set before. */
  #mayPass({ key, puller }: Subject, error: Error | undefined): error is Error {
    if (error && isTransient(error)) {
      return !this.#patience.failsForLong(key) && statusOf(puller).conditions !== undefined;
    }
    this.#patience.succeeded(key);
    return false;
  }

  /** Where nothing is stored, nothing was told: it may be another puller of that name. */
  #lastTold({ key, puller }: Subject): Told {
    const status = statusOf(puller);
    return { ...(status.conditions && this.#told.get(key)), status };
  }

  /** Waiting is no news to the work queue, yet a refusal is to the operator's log. */
  #retry(error: Error, log: Log): Error {
    const refusal = newRefusal(error);
    if (refusal) {
      const { reason } = failureOf(refusal);
      // A namespace that is being deleted takes its puller along: nobody need do anything.
      const level = reason === reasons.waitingForDeletion ? 'info' : 'warn';
      log[level]('refused by the API server', { reason, error: refusal });
    }
    return retryOf(error);
  }

  /**
   * Writes what has changed: a new meaning at once, counts that move in their turn. What is news is
   * told once it is written, so that nothing is told twice.
   */
  async #write(
    subject: Subject,
    told: Told,
    { isCalm, log }: { readonly isCalm: boolean; readonly log: Log },
  ): Promise<number | undefined> {
    const { key, puller } = subject;
    const { status } = told;
    const last = this.#lastTold(subject);
    if (saysTheSame(last.status, status)) {
      this.#told.set(key, told);
      return undefined;
    }
    const meansNothingNew = meansTheSame(last.status, status);
    const isOverwritten = this.#isOverwritten(key, last.status, status);
    const dueMs = meansNothingNew ? this.#patience.untilCounts(key, status, isCalm) : 0;
    const waitMs = isOverwritten ? this.#patience.untilRepeated(key) : dueMs;
    if (waitMs > 0) return waitMs;

    const { name, namespace, uid } = puller.metadata;
    const body = {
      apiVersion: api.apiVersion,
      kind: api.kind,
      metadata: { name, namespace, uid } as KubeObject['metadata'],
      status,
    };
    const options = { fieldManager, force: true, subresource: 'status' } as const;
    let written: KubeObject;
    try {
      written = await this.#the.client.apply(imagePullers, body, options);
    } catch (error) {
      // Deleted: its own event follows.
      if (isApiError(error, 404)) return undefined;
      // Replaced by another of the same name, or written by others faster than the server can merge.
      if (isApiError(error, 409)) return statusConflictRetryMs;
      throw this.#retry(asError(error), log);
    }
    // Otherwise the spec was edited meanwhile, and its event, still on its way, would tell nobody.
    if (generationOf(written) === generationOf(puller)) this.#the.pullers.observe(written);
    const times = this.#patience.statusWritten(key, isOverwritten);
    if (times > 1) {
      log.warn('somebody else writes another status, which is put right at growing intervals', {
        times,
      });
    }
    for (const news of newsBetween(last, told)) {
      this.#the.recorder.record(written, { ...news, action });
    }
    this.#told.set(key, told);
    if (!meansNothingNew) log.info('status', spoken(status));
    return undefined;
  }

  /** Claims that the last word was ours, is so still, and that another one stands in its place. */
  #isOverwritten(key: Key, stored: ImagePullerStatus, status: ImagePullerStatus): boolean {
    const ours = this.#told.get(key)?.status;
    return (
      ours !== undefined && concludesTheSame(ours, status) && !concludesTheSame(stored, status)
    );
  }
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
