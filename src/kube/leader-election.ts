import { type Clock, sleep } from '../clock.ts';
import { asError, WaitingError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Client, isApiError } from './client.ts';
import type { Leadership } from './leading-client.ts';
import { microTime } from './micro-time.ts';
import { apiVersion, type KubeObject, leases } from './objects.ts';
import type { Runnable } from './operator.ts';

/** Another process may lead, so nothing was sent. Looked at again soon: the lease may be ours by then. */
export class NotLeadingError extends WaitingError {
  constructor() {
    super('NotLeading', 1_000, 'this process does not hold the lease, so it writes nothing');
  }
}

/** Who stands for election, by which Lease, and what happens when it is lost. */
export interface LeaderElectionOptions {
  /**
   * Carries the requests about the Lease and no others. They have to end within five seconds, so that
   * one that hangs leaves time for another before the lease has run out.
   */
  readonly client: Pick<Client, 'get' | 'create' | 'update'>;
  /** Where the Lease is; it is created where it is missing. */
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Claims that nobody can ever have led, so that a Lease which is not there never was; must not reject. */
  readonly isFirst: () => Promise<boolean>;
  /** Unlike that of any other process, also of an earlier one in the same pod. */
  readonly identity: string;
  readonly clock: Clock;
  /** Answers like Math.random. */
  readonly random: () => number;
  readonly log: Log;
  /** Called once, when the lease turns out not to be ours any more: this process is to end. */
  readonly onLost: () => void;
}

/** As client-go and controller-runtime have them by default, so that theirs and ours trust each other. */
const leaseMs = 15_000;
const renewEveryMs = 2_000;

/**
 * For so long after a renewal was sent this process writes. Others wait for fifteen seconds from when
 * they saw it, by their own clock: the five between cover a request on its way, and a clock of theirs
 * that runs faster than ours.
 */
const writeMs = 10_000;

/**
 * How often somebody else's lease is looked at, at most and at least: client-go lets up to 4.4 s pass,
 * and leaves a lease that was released idle for as long.
 */
const lookEveryMs = { most: 1_800, least: 1_500 };

/** What a renewal leaves as it was. */
interface Term {
  readonly acquireTime: string;
  readonly leaseTransitions: number;
}

/** A Lease's spec, as far as it can be trusted: others may have written anything. */
interface LeaseSpec {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly leaseTransitions: number;
  /** Only ever handed on. */
  readonly acquireTime: string | undefined;
}

/**
 * Stands for election by a Lease, on the wire like client-go (tools/leaderelection, its LeaseLock):
 * one of several processes holds the lease at a time, Go's included. `start` resolves once it is ours,
 * `stop` gives it back.
 *
 * Each write of the Lease names the resourceVersion that it replaces, and only intervals of the local
 * monotonic clock decide: times in the Lease are for people, and somebody else's lease runs out when
 * it has not changed for its duration since we first saw it so. That makes wall clocks free to jump
 * and to differ; it does not fence, as the API server takes late requests from anybody.
 *
 * Where the lease cannot be renewed nothing is written, and the renewal is tried on: it succeeds only
 * while nobody else has touched the Lease, and then no other process has led meanwhile. Once somebody
 * has, this process is over. client-go gives up after ten seconds, which ends every operator of a
 * cluster when its API server restarts.
 */
export class LeaderElection implements Runnable, Leadership {
  readonly name = 'leader election';
  readonly #options: LeaderElectionOptions;
  readonly #stopping = new AbortController();
  readonly #elected = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  /** The Lease as we have stored it; undefined before it was ours. */
  #held: KubeObject | undefined;
  /** When the last renewal that succeeded was sent, on the monotonic clock. */
  #renewedAt = Number.NEGATIVE_INFINITY;
  #term = overAlready();
  #cancelEndOfTerm = () => {};
  /** What was last seen where the lease is not ours, and when that runs out if it stays so. */
  #seen: string | undefined;
  #freeAt = 0;
  #leader = '';
  #lastError: Error | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
  }

  /** Claims that no other process can hold the lease now. */
  get isLeading(): boolean {
    const { clock } = this.#options;
    return !this.#stopping.signal.aborted && clock.monotonic() - this.#renewedAt < writeMs;
  }

  /** @throws NotLeadingError where another process may hold the lease by now */
  assertLeading(): void {
    if (!this.isLeading) throw new NotLeadingError();
  }

  /** Renewals prolong it; once it is over the next renewal that succeeds begins another one. */
  get term(): AbortSignal {
    return this.#term.signal;
  }

  /** Resolves once the lease is ours, or when it is stopped before. */
  async start(): Promise<void> {
    this.#running ??= this.#run();
    await Promise.race([this.#elected.promise, this.#running]);
  }

  /** Nothing may be written from now on; a lease that is ours is free when this resolves. */
  async stop(): Promise<void> {
    this.#end();
    await this.#running;
    if (this.#held !== undefined) await this.#release();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const begunAt = clock.monotonic();
      await this.#attempt();
      await sleep(clock, this.#pauseMs(begunAt), signal);
    }
  }

  /** How long to wait after an attempt. */
  #pauseMs(begunAt: number): number {
    const { clock, random } = this.#options;
    const now = clock.monotonic();
    if (this.#held !== undefined) return Math.max(0, begunAt + renewEveryMs - now);
    const { most, least } = lookEveryMs;
    const lookMs = least + (most - least) * random();
    return this.#freeAt > now ? Math.min(lookMs, this.#freeAt - now) : lookMs;
  }

  async #attempt(): Promise<void> {
    try {
      await this.#stand();
      this.#recovered();
    } catch (error) {
      this.#failed(asError(error));
    }
  }

  /** Renews the lease where it is ours, takes it where it is free, and otherwise remembers what it saw. */
  async #stand(): Promise<void> {
    const { client, lease, identity } = this.#options;
    if (this.#held !== undefined && (await this.#renewUnread(this.#held))) return;
    const live = await client.get(leases, lease.namespace, lease.name);
    const { holderIdentity } = specOf(live);
    if (live === undefined) {
      await this.#createIfFree();
    } else if (holderIdentity === identity) {
      await this.#renew(live);
    } else if (this.#held !== undefined) {
      this.#lose(holderIdentity);
    } else {
      await this.#takeIfFree(live);
    }
  }

  /** The usual case, in one request; false where the server does not agree that the lease is as we know it. */
  async #renewUnread(held: KubeObject): Promise<boolean> {
    try {
      await this.#renew(held);
      return true;
    } catch (error) {
      // Somebody has written, or it was ourselves and the answer was lost.
      if (isApiError(error)) return false;
      throw error;
    }
  }

  async #renew(live: KubeObject): Promise<void> {
    const { acquireTime = this.#now(), leaseTransitions } = specOf(live);
    await this.#hold(() => this.#replace(live, { acquireTime, leaseTransitions }));
  }

  async #takeIfFree(live: KubeObject): Promise<void> {
    this.#observe(live);
    if (!this.#isFree) return;
    const leaseTransitions = specOf(live).leaseTransitions + 1;
    await this.#hold(() => this.#replace(live, { acquireTime: this.#now(), leaseTransitions }));
  }

  /**
   * A Lease that somebody deletes binds whoever knew it for as long as before: its holder may not have
   * noticed yet. client-go creates it anew at once, whoever comes first, and then two can lead for as
   * long as one renewal takes to come.
   */
  async #createIfFree(): Promise<void> {
    if (this.#held === undefined) {
      const isKnown = this.#seen !== undefined || !(await this.#options.isFirst());
      this.#see('no Lease', isKnown ? leaseMs : 0);
      if (!this.#isFree) return;
    } else if (!this.isLeading) {
      // Another one may have led since, and lead now.
      this.#lose('');
      return;
    }
    await this.#create();
  }

  async #create(): Promise<void> {
    const { client, lease } = this.#options;
    const spec = this.#ourSpec({ acquireTime: this.#now(), leaseTransitions: 0 });
    const { kind } = leases;
    const body = { apiVersion: apiVersion(leases), kind, metadata: lease, spec };
    await this.#hold(() => client.create(leases, body));
  }

  /** The lease counts from when it was asked for: nobody else can have seen it before. */
  async #hold(write: () => Promise<KubeObject>): Promise<void> {
    const { clock, log, lease, identity } = this.#options;
    const sentAt = clock.monotonic();
    const isNew = this.#held === undefined;
    this.#held = await write();
    this.#renewedAt = sentAt;
    if (!this.#stopping.signal.aborted) this.#prolongTerm();
    if (!isNew) return;
    log.info('leading', { lease: lease.name, identity });
    this.#elected.resolve();
  }

  #prolongTerm(): void {
    if (!this.#term.signal.aborted) return;
    this.#term = new AbortController();
    this.#awaitEndOfTerm();
  }

  #awaitEndOfTerm(): void {
    const { clock } = this.#options;
    const leftMs = this.#renewedAt + writeMs - clock.monotonic();
    if (leftMs > 0) this.#cancelEndOfTerm = clock.after(leftMs, () => this.#awaitEndOfTerm());
    else this.#endTerm();
  }

  #endTerm(): void {
    this.#cancelEndOfTerm();
    this.#term.abort(new Error('the lease was no longer held'));
  }

  /** For good. */
  #end(): void {
    this.#stopping.abort();
    this.#endTerm();
  }

  #replace(live: KubeObject, term: Term): Promise<KubeObject> {
    return this.#options.client.update(leases, { ...live, spec: this.#ourSpec(term) });
  }

  #ourSpec(term: Term) {
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: leaseMs / 1000,
      renewTime: this.#now(),
      ...term,
    };
  }

  /** A change of the lease, whatever it is, makes it last for its duration from now. */
  #observe(live: KubeObject): void {
    const { holderIdentity, leaseDurationSeconds } = specOf(live);
    this.#see(
      JSON.stringify(live['spec']),
      holderIdentity === '' ? 0 : leaseDurationSeconds * 1000,
    );
    this.#tellLeader(holderIdentity);
  }

  #see(what: string, lastsMs: number): void {
    if (what === this.#seen) return;
    this.#seen = what;
    this.#freeAt = this.#options.clock.monotonic() + lastsMs;
  }

  get #isFree(): boolean {
    return this.#options.clock.monotonic() >= this.#freeAt;
  }

  #tellLeader(leader: string): void {
    const { log, lease } = this.#options;
    if (leader !== '' && leader !== this.#leader) {
      log.info('standing by', { lease: lease.name, leader });
    }
    this.#leader = leader;
  }

  /**
   * The process ends instead of standing by again: a fresh one has nothing left over from the term that
   * is over, and another one stands by already.
   */
  #lose(leader: string): void {
    const { log, lease, onLost } = this.#options;
    this.#held = undefined;
    this.#end();
    log.error('lost the lease', { lease: lease.name, leader });
    onLost();
  }

  /** As client-go leaves a lease that it gives back: nobody's, and for a second only. */
  async #release(): Promise<void> {
    const { client, lease, identity, log } = this.#options;
    // Read anew: the answer to the last renewal may have been lost.
    const live = await client.get(leases, lease.namespace, lease.name);
    const { holderIdentity, leaseTransitions } = specOf(live);
    if (live === undefined || holderIdentity !== identity) return;
    const now = this.#now();
    const spec = {
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: now,
      renewTime: now,
      leaseTransitions,
    };
    await client.update(leases, { ...live, spec });
    log.info('released the lease', { lease: lease.name });
  }

  #now(): string {
    return microTime(this.#options.clock.now());
  }

  /** What goes on failing in the same way is said once; to come second to another process is no failure. */
  #failed(error: Error): void {
    const { log, lease } = this.#options;
    const isNews = this.#lastError?.message !== error.message && !isApiError(error, 409);
    log[isNews ? 'warn' : 'debug']('the lease could not be looked after', {
      lease: lease.name,
      error,
    });
    this.#lastError = error;
  }

  #recovered(): void {
    if (this.#lastError !== undefined && !isApiError(this.#lastError, 409)) {
      this.#options.log.info('the lease is looked after again', {
        lease: this.#options.lease.name,
      });
    }
    this.#lastError = undefined;
  }
}

function overAlready(): AbortController {
  const over = new AbortController();
  over.abort();
  return over;
}

/** What others left out or mistyped has the safe value: a lease without a duration is as long as ours. */
function specOf(lease: KubeObject | undefined): LeaseSpec {
  const spec = (lease?.['spec'] ?? {}) as Readonly<Record<string, unknown>>;
  const { holderIdentity, leaseDurationSeconds, leaseTransitions, acquireTime } = spec;
  return {
    holderIdentity: typeof holderIdentity === 'string' ? holderIdentity : '',
    leaseDurationSeconds:
      typeof leaseDurationSeconds === 'number' && leaseDurationSeconds > 0
        ? leaseDurationSeconds
        : leaseMs / 1000,
    leaseTransitions: typeof leaseTransitions === 'number' ? leaseTransitions : 0,
    acquireTime: typeof acquireTime === 'string' ? acquireTime : undefined,
  };
}
