import { type Clock, sleep } from '../clock.ts';
import { asError, TerminalError, WaitingError } from '../errors.ts';
import type { Fields, Log } from '../log.ts';
import { isApiError } from './client.ts';
import type { Key } from './objects.ts';
import type { Runnable } from './operator.ts';
import type { WorkQueue } from './work-queue.ts';

/**
 * Brings what one key is about to where it should be, from whatever state it is in. Throws a
 * {@link TerminalError} where only a change from outside can help, a {@link WaitingError} where
 * nothing is wrong but something is awaited, and anything else to be run again.
 */
export type Reconcile = (key: Key, context: ReconcileContext) => Promise<ReconcileResult>;

/** What a run is given beside its key. */
export interface ReconcileContext {
  /** Aborted when the run has taken too long or the program ends: begin no further writes then. */
  readonly signal: AbortSignal;
  /** Adds the key and an id of this run to every line. */
  readonly log: Log;
}

/** What a run asks for when it has ended well. */
export interface ReconcileResult {
  /** When to look again though nothing happens. */
  readonly requeueAfterMs?: number | undefined;
}

/** What a {@link Controller} works on, and how. */
export interface ControllerOptions {
  /** Shown in the log. */
  readonly name: string;
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  readonly log: Log;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** How many keys are worked on at once; 1 by default. */
  readonly workers?: number;
  /** All keys there are: looked at anew every ten minutes though nothing happened. Must not throw. */
  readonly resync?: () => Iterable<Key>;
  /** Told of each run that has ended; must not throw. */
  readonly onRun?: (run: FinishedRun) => void;
}

/** How a run ended, and how long it took. */
export interface FinishedRun {
  readonly result: Outcome['kind'];
  readonly durationMs: number;
}

/** How a run ended. */
type Outcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'requeued'; readonly afterMs: number }
  | { readonly kind: 'waiting'; readonly error: WaitingError }
  | { readonly kind: 'terminal'; readonly error: TerminalError }
  | { readonly kind: 'failed'; readonly error: Error; readonly notBeforeMs: number };

/** Work on a key that goes on. */
interface Run {
  readonly key: Key;
  readonly abort: AbortController;
  readonly ended: AbortSignal;
}

/** How long a run may take before it is aborted. */
const reconcileTimeoutMs = 60_000;
/** How long `stop` lets running work end by itself before it is aborted. */
const stopGraceMs = 5_000;
/** How long aborted work may take to notice before nobody waits for it any more. */
const abortGraceMs = 1_000;
const resyncMs = 10 * 60_000;
/** The keys of a resync are spread over this share of its period. */
const resyncSpread = 0.1;

/**
 * Takes keys from a queue and reconciles them, several at once but never one key twice at once. The
 * only place where the end of a run decides about the next one, and where a failure is logged.
 */
export class Controller implements Runnable {
  readonly name: string;
  readonly #queue: WorkQueue;
  readonly #reconcile: Reconcile;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #random: () => number;
  readonly #workers: number;
  readonly #resync: (() => Iterable<Key>) | undefined;
  readonly #onRun: (run: FinishedRun) => void;
  readonly #failures = new FailureRows();
  readonly #runs = new Set<Run>();
  #cancelResync = () => {};
  #stopping = false;

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.#queue = options.queue;
    this.#reconcile = options.reconcile;
    this.#clock = options.clock;
    this.#log = withFields(options.log, { controller: options.name });
    this.#random = options.random;
    this.#workers = options.workers ?? 1;
    this.#resync = options.resync;
    this.#onRun = options.onRun ?? (() => {});
  }

  /** Begins to work; keys that were added before have waited. */
  async start(): Promise<void> {
    if (this.#stopping) return;
    for (let worker = 0; worker < this.#workers; worker++) void this.#work();
    this.#resyncLater();
  }

  /** Begins no more work, lets what runs end by itself, and aborts what does not within the grace. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelResync();
    this.#queue.shutDown();
    await this.#untilEnded(stopGraceMs);
    for (const { abort } of this.#runs) abort.abort(new Error('the program is stopping'));
    await this.#untilEnded(abortGraceMs);
    for (const { key } of this.#runs) {
      this.#log.warn('left behind a reconcile that did not end when aborted', { key });
    }
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.get(); key !== undefined; key = await this.#queue.get()) {
      if (this.#stopping) {
        this.#queue.done(key);
      } else {
        await this.#limited(this.#begin(key));
      }
    }
  }

  #begin(key: Key): Run {
    const abort = new AbortController();
    const ended = new AbortController();
    const run = { key, abort, ended: ended.signal };
    this.#runs.add(run);
    void this.#run(key, abort.signal).finally(() => {
      this.#runs.delete(run);
      ended.abort();
      this.#queue.done(key);
    });
    return run;
  }

  /** A run that takes no notice of its abortion keeps its key, so that nobody else gets it, but no worker. */
  async #limited({ key, abort, ended }: Run): Promise<void> {
    await sleep(this.#clock, reconcileTimeoutMs, ended);
    if (ended.aborted) return;
    abort.abort(new Error(`the reconcile took longer than ${reconcileTimeoutMs / 1000} s`));
    await sleep(this.#clock, abortGraceMs, ended);
    if (!ended.aborted) this.#log.error('a reconcile did not end when aborted', { key });
  }

  async #run(key: Key, signal: AbortSignal): Promise<void> {
    const log = withFields(this.#log, { key, reconcileId: this.#newId() });
    const began = this.#clock.monotonic();
    const outcome = await this.#outcome(key, { signal, log });
    this.#onRun({ result: outcome.kind, durationMs: this.#clock.monotonic() - began });
    this.#conclude(key, outcome, log);
  }

  async #outcome(key: Key, context: ReconcileContext): Promise<Outcome> {
    try {
      const { requeueAfterMs } = await this.#reconcile(key, context);
      return requeueAfterMs === undefined
        ? { kind: 'success' }
        : { kind: 'requeued', afterMs: requeueAfterMs };
    } catch (thrown) {
      return failureOf(asError(thrown));
    }
  }

  /** The one place where an outcome becomes the next run. */
  #conclude(key: Key, outcome: Outcome, log: Log): void {
    switch (outcome.kind) {
      case 'success':
        this.#queue.forget(key);
        this.#reportRecovery(key, log);
        return;
      case 'requeued':
        this.#queue.forget(key);
        this.#queue.addAfter(key, outcome.afterMs);
        this.#reportRecovery(key, log);
        return;
      case 'waiting': {
        const { error } = outcome;
        this.#queue.forget(key);
        this.#queue.addAfter(key, error.retryAfterMs);
        this.#failures.end(key);
        log.debug('reconcile waits', {
          reason: error.reason,
          error,
          retryInMs: error.retryAfterMs,
        });
        return;
      }
      case 'terminal': {
        const { error } = outcome;
        this.#queue.forget(key);
        const times = this.#failures.count(key, error);
        if (isTold(times)) {
          log.error('reconcile waits for a change', { reason: error.reason, error, times });
        }
        return;
      }
      case 'failed': {
        const { error } = outcome;
        const retryInMs = Math.round(this.#queue.addRateLimited(key, outcome.notBeforeMs));
        const times = this.#failures.count(key, error);
        if (isTold(times)) log.warn('reconcile failed', { error, retryInMs, times });
      }
    }
  }

  #reportRecovery(key: Key, log: Log): void {
    const times = this.#failures.end(key);
    if (times > 0) log.info('reconcile succeeds again', { failures: times });
  }

  #resyncLater(): void {
    const resync = this.#resync;
    if (resync === undefined) return;
    this.#cancelResync = this.#clock.after(resyncMs, () => {
      for (const key of resync()) {
        this.#queue.addAfter(key, this.#random() * resyncSpread * resyncMs);
      }
      this.#resyncLater();
    });
  }

  async #untilEnded(atMostMs: number): Promise<void> {
    await Promise.all([...this.#runs].map(({ ended }) => sleep(this.#clock, atMostMs, ended)));
  }

  #newId(): string {
    return Math.floor(this.#random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  }
}

function failureOf(error: Error): Outcome {
  if (error instanceof TerminalError) return { kind: 'terminal', error };
  if (error instanceof WaitingError) return { kind: 'waiting', error };
  const notBeforeMs = isApiError(error) ? (error.retryAfterMs ?? 0) : 0;
  return { kind: 'failed', error, notBeforeMs };
}

/** Counts identical failures of a key in a row. */
class FailureRows {
  readonly #rows = new Map<Key, { readonly message: string; readonly times: number }>();

  /** How often the key has now failed in this way since it last did not. */
  count(key: Key, { message }: Error): number {
    const before = this.#rows.get(key);
    const times = before?.message === message ? before.times + 1 : 1;
    this.#rows.set(key, { message, times });
    return times;
  }

  /** The row has ended; how long it was. */
  end(key: Key): number {
    const times = this.#rows.get(key)?.times ?? 0;
    this.#rows.delete(key);
    return times;
  }
}

/** Identical failures are told the first time, the second, the fourth, the eighth and so on. */
function isTold(times: number): boolean {
  return Number.isInteger(Math.log2(times));
}

function withFields(log: Log, common: Fields): Log {
  return {
    debug: (message, fields) => log.debug(message, { ...common, ...fields }),
    info: (message, fields) => log.info(message, { ...common, ...fields }),
    warn: (message, fields) => log.warn(message, { ...common, ...fields }),
    error: (message, fields) => log.error(message, { ...common, ...fields }),
  };
}
