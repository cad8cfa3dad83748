import { type Clock, sleep } from '../clock.ts';
import { asError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Backoff } from './backoff.ts';
import { ApiError, type Client, isApiError, type WatchEvent } from './client.ts';
import { listPages, usualPageSize } from './list-all.ts';
import type { KubeObject, Resource } from './objects.ts';
import type { Runnable } from './operator.ts';
import { isOlder } from './resource-version.ts';
import { type Change, Store } from './store.ts';
import { TimeLimit, TimeLimitError } from './time-limit.ts';

/** What a {@link Reflector} holds, and how it keeps up with it. */
export interface ReflectorOptions {
  readonly client: Client;
  readonly resource: Resource;
  /** Absent for all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly clock: Clock;
  /** Answers like Math.random. */
  readonly random: () => number;
  readonly log: Log;
  /**
   * Trims an object before it is stored; must keep name, namespace, uid and resourceVersion.
   * Applied page by page, so that a long list is never held whole.
   */
  readonly project?: (object: KubeObject) => KubeObject;
  /** Objects in one page of a list. */
  readonly pageSize?: number;
  /** How often the server is listed anew at the latest, to heal what a watch has lost. */
  readonly resyncEveryMs?: number;
  /** Told whenever a full list or a watch is asked for: often, where something breaks them. */
  readonly onStart?: (what: 'list' | 'watch') => void;
}

/** Bookmarks come about once a minute, so a silence of one and a half is that of a dead connection. */
const inactivityMs = 90_000;

/**
 * A connection that has lived for this long was a good one, even if it was silent. client-go takes
 * two minutes (tools/cache/reflector.go), which a silent connection of ours does not reach.
 */
const goodAfterMs = 60_000;

/** A server that ends watches as soon as they are open is not asked again at once. */
const shortestWatchMs = 1_000;

/** The most and the least that a server's Retry-After is followed. */
const retryAfterMs = { least: 800, most: 120_000 };

/** How long a failed resync leaves the watch alone. */
const resyncAgainMs = 60_000;

/**
 * Holds what a server holds of one kind: a full list, then a watch, for ever, until it is stopped.
 * Whatever goes wrong is waited out and made up for; the objects known so far stay readable
 * meanwhile, unless their kind itself is gone. The rules are those of client-go's reflector
 * (tools/cache/reflector.go), except that the server is also listed anew every ten minutes, as watches
 * have lost events (kubernetes/kubernetes 123072), and that a server which was away is not believed to
 * have the same store.
 */
export class Reflector implements Runnable {
  readonly name: string;
  /** The plural of the kind. */
  readonly resource: string;
  readonly #options: ReflectorOptions;
  readonly #store = new Store();
  readonly #backoff: Backoff;
  readonly #handlers = new Set<(change: Change) => void>();
  readonly #stopping = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #hasSynced = false;
  #lastError: Error | undefined;
  /** Everything up to this resourceVersion is in the store; undefined asks for a full list. */
  #position: string | undefined;
  /** What happened to the server since the position was true. */
  #doubt: Doubt | undefined;
  #resyncAt = 0;

  constructor(options: ReflectorOptions) {
    const { resource, namespace, random } = options;
    this.name = `cache of ${resource.plural}${namespace ? ` in ${namespace}` : ''}`;
    this.resource = resource.plural;
    this.#options = options;
    this.#backoff = new Backoff(800, 30_000, random);
    // Nobody has to wait for it.
    this.#synced.promise.catch(() => {});
  }

  /** The object as it was last seen; cluster-scoped ones have the empty namespace. */
  get(namespace: string, name: string): KubeObject | undefined {
    return this.#store.get(namespace, name);
  }

  /** All objects, or those of one namespace. */
  list(namespace?: string): readonly KubeObject[] {
    return this.#store.list(namespace);
  }

  /** Claims that the store once held a full list. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Everything up to this resourceVersion is in the store; undefined while a full list is needed. */
  get position(): string | undefined {
    return this.#position;
  }

  /** What the server's last answer, or the lack of one, was; undefined while all is well. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** Resolves when the store holds its first full list; rejects where it is stopped before. */
  synced(): Promise<void> {
    return this.#synced.promise;
  }

  /**
   * Calls back for each change, in order, until the returned function is called. A handler must
   * only compute, a key to work on for example; what it throws is logged.
   */
  onChange(handler: (change: Change) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /**
   * Takes in what a write returned, so that the next look sees it; older states are ignored. Nobody
   * is called back: who wrote knows, and would only be woken to find nothing to do.
   */
  observe(object: KubeObject): void {
    this.#store.put(this.#project(object));
  }

  /**
   * Takes in what a read returned before the watch told of it. Whoever listens is called back now, as the
   * watch's own word will be none that is new.
   */
  learn(object: KubeObject): void {
    this.#notify(this.#store.put(this.#project(object)));
  }

  /** Resolves with the first full list, or when it is stopped before. */
  async start(): Promise<void> {
    this.#running ??= this.#run();
    await Promise.race([this.#synced.promise.catch(() => {}), this.#running]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#synced.reject(new Error(`the ${this.name} was stopped before its first list`));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const pauseMs = await this.#step();
      if (pauseMs > 0) await sleep(this.#options.clock, pauseMs, signal);
    }
  }

  /** One full list or one watch; returns how long to wait before the next. */
  async #step(): Promise<number> {
    const from = this.#isResyncDue() ? undefined : this.#position;
    this.#options.onStart?.(from === undefined ? 'list' : 'watch');
    try {
      return from === undefined ? await this.#relist() : await this.#watch(from);
    } catch (error) {
      if (this.#stopping.signal.aborted) return 0;
      return this.#failed(asError(error), from === undefined);
    }
  }

  async #relist(): Promise<number> {
    const { client, resource, clock, random, pageSize, resyncEveryMs = 600_000 } = this.#options;
    this.#store.beginList();
    const { items, resourceVersion } = await listPages(client, resource, {
      ...this.#selection(),
      ...(pageSize !== undefined && { pageSize }),
      project: (object) => this.#project(object),
      signal: this.#stopping.signal,
    });
    const changes = this.#store.replace(items, resourceVersion);
    this.#position = resourceVersion;
    this.#doubt = undefined;
    this.#resyncAt = clock.monotonic() + resyncEveryMs * (1 - 0.2 * random());
    this.#recovered();
    this.#notify(changes);
    this.#hasSynced = true;
    this.#synced.resolve();
    return 0;
  }

  /** Follows one watch to its end; returns how long to wait before the next request. */
  async #watch(resourceVersion: string): Promise<number> {
    const { clock } = this.#options;
    if (await this.#isDoubtful(resourceVersion)) {
      this.#position = undefined;
      return 0;
    }
    const run: WatchRun = { openedAt: undefined, hasDelivered: false, broken: undefined };
    const livedMs = () => (run.openedAt === undefined ? 0 : clock.monotonic() - run.openedAt);
    try {
      await this.#follow(resourceVersion, run);
    } catch (error) {
      if (run.openedAt === undefined) this.#doubt = worse(this.#doubt, doubtAfter(error));
      throw error;
    } finally {
      if (run.hasDelivered || livedMs() >= goodAfterMs) this.#backoff.reset();
    }
    if (run.broken !== undefined) throw run.broken;
    return livedMs() >= shortestWatchMs || this.#isResyncDue() ? 0 : this.#backoff.next();
  }

  /**
   * Claims that a watch from a position may tell nothing of what happened, as after etcd was put back to
   * an older copy: the watch is accepted, and silent until the server has counted up to the position.
   * How far it has counted is one look; once it is past, nobody can tell any more. So a server that was
   * gone is listed anew where that is one request too; beyond one page the next resync heals.
   */
  async #isDoubtful(position: string): Promise<boolean> {
    const { client, resource, pageSize = usualPageSize } = this.#options;
    if (this.#doubt === undefined) return false;
    if (this.#doubt === 'gone' && this.#store.size < pageSize) return true;
    const { signal } = this.#stopping;
    const one = await client.list(resource, { ...this.#selection(), limit: 1, signal });
    return isOlder(one.resourceVersion, position);
  }

  /** One watch, until it ends by itself, a resync is due or an event breaks it. */
  async #follow(resourceVersion: string, run: WatchRun): Promise<void> {
    const { client, resource, clock, random } = this.#options;
    using end = new TimeLimit(clock, this.#resyncAt - clock.monotonic(), this.#stopping.signal);
    await client.watch(resource, {
      ...this.#selection(),
      resourceVersion,
      // As client-go: reconnections of many watches spread out by themselves.
      timeoutSeconds: Math.round(300 + 300 * random()),
      inactivityMs,
      signal: end.signal,
      onOpen: () => {
        run.openedAt = clock.monotonic();
        this.#doubt = undefined;
        this.#recovered();
      },
      onEvent: (event) => {
        try {
          this.#take(event);
          run.hasDelivered = true;
        } catch (error) {
          run.broken = asError(error);
          end.end();
        }
      },
    });
  }

  #take(event: WatchEvent): void {
    if (event.type === 'ERROR') {
      const { plural } = this.#options.resource;
      throw new ApiError(`watch ${plural}`, event.object.code ?? 500, event.object);
    }
    const { resourceVersion = '' } = event.object.metadata;
    if (event.type !== 'BOOKMARK') this.#takeObject(event.type, this.#project(event.object));
    this.#advance(resourceVersion);
  }

  #takeObject(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    this.#notify(type === 'DELETED' ? this.#store.remove(object) : this.#store.put(object));
  }

  /** Late events do not turn the position back. */
  #advance(resourceVersion: string): void {
    if (resourceVersion === '' || this.#position === undefined) return;
    if (!isOlder(resourceVersion, this.#position)) this.#position = resourceVersion;
  }

  /** Takes note of a failure; returns how long to wait. */
  #failed(error: Error, wasListing: boolean): number {
    if (!wasListing && asksForList(error)) this.#position = undefined;
    if (isApiError(error, 404)) this.#empty();
    // Where only the resync failed the watch goes on from where it was.
    if (wasListing) this.#resyncAt = this.#options.clock.monotonic() + resyncAgainMs;
    const pauseMs = this.#pauseAfter(error);
    this.#logFailure(error, pauseMs);
    this.#lastError = error;
    return pauseMs;
  }

  /** A kind that is not served has no objects, and none of their deletions may have been told. */
  #empty(): void {
    this.#store.beginList();
    this.#notify(this.#store.replace([], ''));
  }

  /** The server's own word where it gives one, with a tenth on top so that not all come back at once. */
  #pauseAfter(error: Error): number {
    const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
    if (asked === undefined) return this.#backoff.next();
    const within = Math.min(Math.max(asked, retryAfterMs.least), retryAfterMs.most);
    return within * (1 + 0.1 * this.#options.random());
  }

  /** What goes on failing in the same way is said once. */
  #logFailure(error: Error, pauseMs: number): void {
    const { log } = this.#options;
    const isNews = this.#lastError?.message !== error.message;
    const what = isApiError(error) ? 'refused by the API server' : 'lost touch with the API server';
    log[isNews ? 'warn' : 'debug'](what, {
      cache: this.name,
      error,
      retryInMs: Math.round(pauseMs),
    });
  }

  #recovered(): void {
    if (this.#lastError === undefined) return;
    this.#lastError = undefined;
    this.#options.log.info('in touch with the API server again', { cache: this.name });
  }

  #notify(changes: readonly Change[]): void {
    for (const change of changes) {
      for (const handler of this.#handlers) this.#call(handler, change);
    }
  }

  /** A handler's mistake must neither break the stream nor keep the change from the other handlers. */
  #call(handler: (change: Change) => void, change: Change): void {
    try {
      handler(change);
    } catch (error) {
      this.#options.log.error('a handler of changes failed', { cache: this.name, error });
    }
  }

  #project(object: KubeObject): KubeObject {
    return this.#options.project?.(object) ?? object;
  }

  #selection(): Pick<ReflectorOptions, 'namespace' | 'labelSelector' | 'fieldSelector'> {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }

  #isResyncDue(): boolean {
    return this.#options.clock.monotonic() >= this.#resyncAt;
  }
}

/** What came of one watch. */
interface WatchRun {
  /** Monotonic time at which the server accepted it. */
  openedAt: number | undefined;
  hasDelivered: boolean;
  /** An event that could not be taken in. */
  broken: Error | undefined;
}

/**
 * Of a server: nobody answered, or one that has just started; or somebody who could not serve. It may come back
 * with another store.
 */
type Doubt = 'gone' | 'troubled';

/**
 * A server that has just started refuses everybody until it has read its roles, and what is defined by a
 * CustomResourceDefinition until it has read that (kubernetes/kubernetes: pkg/registry/rbac/validation/rule.go;
 * kubernetes/apiserver: pkg/storage/cacher/cacher.go).
 */
function doubtAfter(error: unknown): Doubt | undefined {
  if (isApiError(error)) {
    const isStarting = error.code === 403 || error.message.includes('storage is (re)initializing');
    if (isStarting) return 'gone';
    return error.code >= 500 ? 'troubled' : undefined;
  }
  // A server that is slow to answer has trouble enough without a list.
  return asError(error).cause instanceof TimeLimitError ? 'troubled' : 'gone';
}

function worse(a: Doubt | undefined, b: Doubt | undefined): Doubt | undefined {
  return a === 'gone' || b === undefined ? a : b;
}

/**
 * Claims that a watch cannot go on from where it was: too old (410), not yet reached, not
 * understood (400, 422), or the kind itself is gone and may come back empty (404). After anything
 * else it can, and a list would only add to the trouble of a server that has some.
 */
function asksForList(error: Error): boolean {
  if (!isApiError(error)) return false;
  const causes = error.status.details?.causes ?? [];
  return (
    [400, 404, 410, 422].includes(error.code) ||
    causes.some((cause) => cause.reason === 'ResourceVersionTooLarge')
  );
}
