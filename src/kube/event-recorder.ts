import { type Clock, sleep } from '../clock.ts';
import { asError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Backoff } from './backoff.ts';
import { type Client, isApiError, isOfEndingNamespace } from './client.ts';
import { microTime } from './micro-time.ts';
import { apiVersion, events, type KubeObject } from './objects.ts';
import type { Runnable } from './operator.ts';

/** Something that happened to an object, as `kubectl describe` shows it. */
export interface News {
  readonly type: 'Normal' | 'Warning';
  /** Why it is told: a PascalCase word, as in conditions. */
  readonly reason: string;
  /** What was done or tried: a PascalCase word. */
  readonly action: string;
  /** A sentence for people; the server takes 1,024 bytes of it. */
  readonly note: string;
}

/** Who tells of what, and through whom. */
export interface EventRecorderOptions {
  readonly client: Pick<Client, 'create' | 'apply'>;
  readonly clock: Clock;
  /** Answers like Math.random. */
  readonly random: () => number;
  readonly log: Log;
  /** The program that tells, for example its field manager. */
  readonly controller: string;
  /** Which one of its processes. */
  readonly instance: string;
}

/** What is told again within this time belongs to the series that it began (client-go: tools/events). */
const seriesEndsMs = 6 * 60_000;
/** How often the count of a running series is written. */
const countEveryMs = 60_000;
/**
 * How many new Events an object gets at once, and how soon one more (client-go: tools/record, its spam
 * filter).
 */
const burst = 25;
const oneMoreMs = 5 * 60_000;
/** Events that are kept, to be sent or to be counted; the oldest are forgotten. */
const mostKept = 1000;
/** How often an Event is tried to be sent. */
const attempts = 5;
/** The server's limits, in bytes (kubernetes/kubernetes: pkg/apis/core/validation/events.go). */
const longestNote = 1024;
const longestInstance = 128;

/** One Event and how often it happened. */
interface Series {
  readonly event: KubeObject;
  count: number;
  /** The count that the server knows. */
  told: number;
  /** When it happened last: monotonic, and by the wall clock. */
  lastAt: number;
  lastTime: number;
}

/**
 * Tells of objects by Events (events.k8s.io/v1). What is told again is counted in a series instead of
 * told twice, and no object gets more than a few. Nobody waits for it and nothing fails by it: what
 * cannot be sent after a few attempts is lost, and the log says so once.
 */
export class EventRecorder implements Runnable {
  readonly name = 'events';
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, Series>();
  readonly #allowances = new Map<string, { left: number; at: number }>();
  readonly #unsent = new Set<Series>();
  readonly #stopping = new AbortController();
  #sending: Promise<void> | undefined;
  #cancelCount: (() => void) | undefined;
  #lastFailure = '';
  #sequence = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Has nothing to begin with. */
  async start(): Promise<void> {}

  /** Takes nothing more, and sends what is still to be sent, each once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelCount?.();
    this.#sendCounts();
    await this.#sending;
  }

  /** Tells of an object; returns at once. */
  record(regarding: KubeObject, news: News): void {
    if (this.#stopping.signal.aborted) return;
    const { clock, log } = this.#options;
    const { uid = '', namespace, name } = regarding.metadata;
    const key = JSON.stringify([uid, news.type, news.reason, news.action, news.note]);
    if (this.#countAgain(key)) return;
    if (!this.#mayTell(uid)) {
      log.debug('an event is one too many', { namespace, name, reason: news.reason });
      return;
    }
    const [lastAt, lastTime] = [clock.monotonic(), clock.now()];
    const event = this.#event(regarding, news);
    const series: Series = { event, count: 1, told: 0, lastAt, lastTime };
    this.#series.set(key, series);
    forgetOldest(this.#series);
    this.#send(series);
  }

  /** Claims that the same was told a short while ago, and counts it there. */
  #countAgain(key: string): boolean {
    const { clock } = this.#options;
    const now = clock.monotonic();
    const series = this.#series.get(key);
    // Moved to the end, so that the oldest are those that happened longest ago.
    this.#series.delete(key);
    if (series === undefined || now - series.lastAt >= seriesEndsMs) return false;
    this.#series.set(key, series);
    series.count += 1;
    series.lastAt = now;
    series.lastTime = clock.now();
    this.#cancelCount ??= clock.after(countEveryMs, () => {
      this.#cancelCount = undefined;
      this.#sendCounts();
    });
    return true;
  }

  /** A bucket of tokens for each object: full at first, and filled up slowly. */
  #mayTell(uid: string): boolean {
    const now = this.#options.clock.monotonic();
    const before = this.#allowances.get(uid) ?? { left: burst, at: now };
    const left = Math.min(burst, before.left + (now - before.at) / oneMoreMs);
    const isAllowed = left >= 1;
    this.#allowances.delete(uid);
    this.#allowances.set(uid, { left: isAllowed ? left - 1 : left, at: now });
    forgetOldest(this.#allowances);
    return isAllowed;
  }

  #event(regarding: KubeObject, { type, reason, action, note }: News): KubeObject {
    const { clock, controller, instance } = this.#options;
    const { name = '', namespace = 'default', uid, resourceVersion } = regarding.metadata;
    const now = clock.now();
    this.#sequence = (this.#sequence + 1) % 1000;
    const beginning = name.slice(0, 200).replace(/[.-]+$/, '');
    return {
      apiVersion: apiVersion(events),
      kind: events.kind,
      metadata: {
        name: `${beginning}.${(now * 1000 + this.#sequence).toString(16)}`,
        namespace,
      },
      eventTime: microTime(now),
      type,
      reason,
      action,
      note: cutBytes(note, longestNote),
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        name,
        namespace,
        uid,
        resourceVersion,
      },
      reportingController: controller,
      reportingInstance: cutBytes(instance, longestInstance),
    };
  }

  #sendCounts(): void {
    for (const series of this.#series.values()) {
      if (series.count > series.told) this.#send(series);
    }
  }

  #send(series: Series): void {
    this.#unsent.add(series);
    this.#sending ??= this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    for (const series of this.#unsent) {
      // Before it is sent: what happens meanwhile adds it once more.
      this.#unsent.delete(series);
      await this.#sendOne(series);
    }
    this.#sending = undefined;
  }

  /** Never rejects: nothing may fail because nobody could be told of it. */
  async #sendOne(series: Series): Promise<void> {
    const { clock, random } = this.#options;
    const backoff = new Backoff(1_000, 10_000, random);
    for (let attempt = 1; ; attempt += 1) {
      const { count } = series;
      try {
        await this.#write(series);
        series.told = count;
        this.#lastFailure = '';
        return;
      } catch (error) {
        const isStopping = this.#stopping.signal.aborted;
        // A server that does not answer would hold up the end of the program with every one.
        if (isStopping && mayPass(error)) this.#unsent.clear();
        if (isStopping || attempt === attempts || !mayPass(error)) {
          // Else each flush of counts would try again what has just been given up.
          series.told = count;
          this.#sayLost(asError(error));
          return;
        }
      }
      await sleep(clock, backoff.next(), this.#stopping.signal);
    }
  }

  async #write({ event, count, told, lastTime }: Series): Promise<void> {
    const { client, controller } = this.#options;
    if (told === 0 && count === 1) {
      await client.create(events, event).catch((error: unknown) => {
        // The answer to an earlier attempt was lost.
        if (!isApiError(error, 409)) throw error;
      });
      return;
    }
    const series = { count, lastObservedTime: microTime(lastTime) };
    await client.apply(events, { ...event, series }, { fieldManager: controller, force: true });
  }

  /** What goes on failing in the same way is said once. */
  #sayLost(error: Error): void {
    const { log } = this.#options;
    if (isApiError(error) && isOfEndingNamespace(error)) {
      log.debug('an event is of a namespace that is being deleted', { error });
      return;
    }
    // Not by the message, which holds the name of the Event.
    const failure = isApiError(error) ? String(error.code) : error.name;
    const level = this.#lastFailure === failure ? 'debug' : 'warn';
    this.#lastFailure = failure;
    log[level]('an event could not be sent', { error });
  }
}

/** Refusals do not pass by themselves; too many requests, a server in trouble and lost connections do. */
function mayPass(error: unknown): boolean {
  return !isApiError(error) || error.code === 429 || error.code >= 500;
}

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > mostKept && oldest !== undefined) map.delete(oldest);
}

/** Shortens a text to what fits into so many bytes of UTF-8, with an ellipsis where something is missing. */
function cutBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  // As a stream that may go on, so that a character that was cut apart is left out.
  return `${new TextDecoder().decode(bytes.subarray(0, limit - 3), { stream: true })}...`;
}
