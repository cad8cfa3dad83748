import type { ImagePullerStatus } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import type { Key, KubeObject } from '../kube/objects.ts';
import { availabilityOf } from '../status/availability.ts';
import { conditionOf, conditionTypes, reasons } from '../status/conditions.ts';
import { calmIntervalMs, countsIntervalMs, saysTheSame } from '../status/due.ts';
import type { Failure } from '../status/facts.ts';
import type { Observation } from '../status/observation.ts';
import { follow, type Progress } from '../status/rollout.ts';

/** Starting a pod takes a moment; a Deployment that is unavailable for longer than this is reported. */
const startMs = 60_000;

/** What may pass by itself is told to the user when it has lasted this long. */
const passingMs = 10_000;

/** Who keeps changing an object back pauses now and then: what is told of it stays this long. */
const disputeMs = 2 * 60_000;

/** How long a status is left alone that somebody else has written over: doubled each time, up to this. */
const overwritten = { firstMs: 1_000, mostMs: 5 * 60_000 };

/** What a role that follows, or a finalizer that ends, makes pass. */
const hindrances: ReadonlySet<string> = new Set([reasons.forbidden, reasons.waitingForDeletion]);

/** A verdict that depends on time alone: what holds now, and in how many milliseconds to ask again. */
export interface Verdict<Value> {
  readonly value: Value;
  readonly againMs?: number;
}

/** What a roll-out is followed by. */
type Counted = Pick<Observation, 'rollout' | 'nodesDesired' | 'nodesReady' | 'lagging' | 'missing'>;

/**
 * What only waiting tells about pullers: roll-outs that do not advance, Deployments that do not come
 * up, counts that were written a moment ago. Lives in memory; a restart costs one more wait at most.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #progressDeadlineMs: number;
  readonly #progress = new Map<Key, Progress>();
  readonly #written = new Map<Key, number>();
  readonly #unwritten = new Map<
    Key,
    { readonly status: ImagePullerStatus; readonly since: number }
  >();
  readonly #failing = new Map<Key, number>();
  readonly #blind = new Map<Key, number>();
  readonly #overwritten = new Map<Key, number>();
  readonly #hindered = new Map<Key, { readonly reason: string; readonly since: number }>();
  readonly #disputes = new Map<Key, { readonly failure: Failure; readonly until: number }>();

  constructor(clock: Clock, progressDeadlineMs: number) {
    this.#clock = clock;
    this.#progressDeadlineMs = progressDeadlineMs;
  }

  forget(key: Key): void {
    this.#progress.delete(key);
    this.#written.delete(key);
    this.#unwritten.delete(key);
    this.#failing.delete(key);
    this.#blind.delete(key);
    this.#hindered.delete(key);
    this.#disputes.delete(key);
    this.#overwritten.delete(key);
  }

  /**
   * What is to be told of failures: the present one, or a dispute that may only pause. Without that,
   * conditions would turn with every round of it. What others have to let happen is final once it has
   * lasted for the progress deadline.
   */
  told(
    key: Key,
    failure: Failure | undefined,
    stored: ImagePullerStatus,
  ): Verdict<Failure | undefined> {
    if (failure && hindrances.has(failure.reason)) return this.#hindrance(key, failure, stored);
    this.#hindered.delete(key);
    const now = this.#clock.monotonic();
    if (failure?.reason === reasons.contended) {
      this.#disputes.set(key, {
        failure: { ...failure, sparesCache: true },
        until: now + disputeMs,
      });
    }
    const dispute = this.#disputes.get(key);
    if (failure || !dispute) return { value: failure };
    const leftMs = dispute.until - now;
    if (leftMs > 0) return { value: dispute.failure, againMs: leftMs };
    this.#disputes.delete(key);
    return { value: undefined };
  }

  #hindrance(key: Key, failure: Failure, stored: ImagePullerStatus): Verdict<Failure> {
    const now = this.#clock.monotonic();
    const { reason } = failure;
    const known = this.#hindered.get(key);
    const wasFinal =
      known === undefined && conditionOf(stored, conditionTypes.stalled)?.reason === reason;
    const begun = wasFinal ? now - this.#progressDeadlineMs : now;
    const hindered = known?.reason === reason ? known : { reason, since: begun };
    this.#hindered.set(key, hindered);
    const leftMs = hindered.since + this.#progressDeadlineMs - now;
    return leftMs > 0
      ? { value: failure, againMs: leftMs }
      : { value: { ...failure, isFinal: true } };
  }

  /** Claims that the puller has met with failures, without a success between them, for a while. */
  failsForLong(key: Key): boolean {
    return this.#lastsForLong(this.#failing, key);
  }

  succeeded(key: Key): void {
    this.#failing.delete(key);
  }

  /** Claims that the pods of the puller have been asked for in vain for a while. */
  isBlindForLong(key: Key): boolean {
    return this.#lastsForLong(this.#blind, key);
  }

  seesPods(key: Key): void {
    this.#blind.delete(key);
  }

  #lastsForLong(beginnings: Map<Key, number>, key: Key): boolean {
    const now = this.#clock.monotonic();
    const since = beginnings.get(key) ?? now;
    beginnings.set(key, since);
    return now - since >= passingMs;
  }

  /**
   * Claims that a roll-out has not advanced within its deadline. It goes on while nodes lack images,
   * also where its DaemonSets are content: they may have forgotten these nodes.
   */
  stalled(key: Key, observation: Counted, stored: ImagePullerStatus): Verdict<boolean> {
    const { rollout, lagging, missing } = observation;
    const isOver = rollout.complete && lagging.length === 0 && missing === 0;
    if (rollout.identity === '' || isOver) {
      this.#progress.delete(key);
      return { value: false };
    }
    const now = this.#clock.monotonic();
    const before = this.#progress.get(key);
    const progress = follow(before, rollout, now);
    const resumed = before === undefined && saidStalled(stored, observation);
    const since = resumed ? now - this.#progressDeadlineMs : progress.since;
    this.#progress.set(key, { ...progress, since });
    const leftMs = since + this.#progressDeadlineMs - now;
    return leftMs > 0 ? { value: false, againMs: leftMs } : { value: true };
  }

  /** Why the puller's Deployment is not available, once it has had the time to start. */
  unavailable(deployment: KubeObject | undefined): Verdict<string | undefined> {
    const availability = deployment && availabilityOf(deployment);
    if (!availability || availability.available) return { value: undefined };
    const now = this.#clock.now();
    const leftMs = (availability.unavailableSince ?? now) + startMs - now;
    return leftMs > 0
      ? { value: undefined, againMs: leftMs }
      : { value: availability.message || 'it has no available pod' };
  }

  /**
   * Milliseconds until counts may be written again; 0 means now. `isCalm` claims that no node is about to
   * get images: what does not move either is exact, and does not wait for its turn.
   */
  untilCounts(key: Key, status: ImagePullerStatus, isCalm: boolean): number {
    const now = this.#clock.monotonic();
    const known = this.#unwritten.get(key);
    const unwritten = known && saysTheSame(known.status, status) ? known : { status, since: now };
    this.#unwritten.set(key, unwritten);
    const written = this.#written.get(key) ?? now - countsIntervalMs;
    const inTurn = written + countsIntervalMs;
    const dueAt = isCalm ? Math.min(inTurn, unwritten.since + calmIntervalMs) : inTurn;
    return Math.max(0, dueAt - now);
  }

  /**
   * Milliseconds until a status may be written again that somebody else has written over; 0 means now.
   * Two operators that draw other conclusions would else answer each other without end.
   */
  untilRepeated(key: Key): number {
    const times = this.#overwritten.get(key) ?? 0;
    const pauseMs = Math.min(overwritten.firstMs * 2 ** times, overwritten.mostMs);
    const written = this.#written.get(key) ?? Number.NEGATIVE_INFINITY;
    return Math.max(0, written + pauseMs - this.#clock.monotonic());
  }

  /**
   * A status was written; `isRepeated` claims that it was written over before. Who has left it alone for
   * long is not held to be at it still.
   *
   * @returns how many times in a row it was written over
   */
  statusWritten(key: Key, isRepeated = false): number {
    const now = this.#clock.monotonic();
    const sinceMs = now - (this.#written.get(key) ?? now);
    const before = sinceMs > 2 * overwritten.mostMs ? 0 : (this.#overwritten.get(key) ?? 0);
    const times = isRepeated ? before + 1 : 0;
    this.#overwritten.set(key, times);
    this.#unwritten.delete(key);
    this.#written.set(key, now);
    return times;
  }
}

/**
 * Claims that the status, written before a restart, already called this very roll-out stalled: since
 * our last change of its DaemonSets, and with as many nodes.
 */
function saidStalled(
  stored: ImagePullerStatus,
  { rollout, nodesDesired, nodesReady }: Counted,
): boolean {
  const degraded = conditionOf(stored, conditionTypes.degraded);
  const progressing = conditionOf(stored, conditionTypes.progressing);
  return (
    degraded?.status === 'True' &&
    progressing?.reason === reasons.rolloutStalled &&
    Date.parse(progressing.lastTransitionTime) >= rollout.changedAt &&
    stored.nodesDesired === nodesDesired &&
    stored.nodesReady === nodesReady
  );
}
