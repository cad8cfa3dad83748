import type { Clock } from '../../../src/clock.ts';
import type { Transport, WireResponse } from '../../../src/kube/transport.ts';
import type { Answer } from './api.ts';
import type { ApiServer } from './api-server.ts';
import { httpDate, retryAfter } from './http-server.ts';

/**
 * Carries the requests of a client to an API server of this process by function calls. A connection
 * that a fault ends is told by the error that a socket would throw.
 */
export function inProcessTransport(server: ApiServer, clock: Clock): Transport {
  const closing = new AbortController();
  const closed = rejectionOf(closing.signal);
  return {
    async request({ path, method, headers, body, signal }) {
      const url = new URL(path, 'http://in-process.invalid');
      const query = url.searchParams;
      const asked = { method, path: url.pathname, query, headers, body: body ?? '' };
      closing.signal.throwIfAborted();
      const outcome = await Promise.race([server.handle(asked), closed]);
      if ('broken' in outcome) return await (outcome.broken === 'reset' ? reset() : closed);
      const response =
        'watch' in outcome
          ? streamed(outcome.watch, AbortSignal.any([signal, closing.signal]))
          : whole(outcome);
      return { ...response, headers: { ...response.headers, date: httpDate(clock) } };
    },
    async close() {
      closing.abort(new Error('the client is closed'));
    },
  };
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  promise.catch(() => {}); // where nothing is under way, nobody waits for it
  return promise;
}

function streamed(watch: Watch, signal: AbortSignal): WireResponse {
  return { statusCode: 200, headers: {}, body: new Stream(watch, signal) };
}

function reset(): never {
  throw connectionReset();
}

function whole({ code, body }: Exclude<Answer, { watch: unknown }>): WireResponse {
  const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
  return { statusCode: code, headers: retryAfter(body), body: new Text(text) };
}

function connectionReset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}

const encoder = new TextEncoder();

/** A body that is there as a whole. */
class Text {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  async text(): Promise<string> {
    return this.#text;
  }

  async json(): Promise<unknown> {
    return JSON.parse(this.#text);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    yield encoder.encode(this.#text);
  }
}

type Watch = Extract<Answer, { watch: unknown }>['watch'];

/** The lines of a watch as they come, until either side ends it. */
class Stream {
  readonly #watch: Watch;
  readonly #signal: AbortSignal;

  constructor(watch: Watch, signal: AbortSignal) {
    this.#watch = watch;
    this.#signal = signal;
  }

  async text(): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const lines: string[] = [];
    let over: { readonly error?: Error } | undefined;
    let wake = () => {};
    const end = (how: { readonly error?: Error }) => {
      over ??= how;
      wake();
    };
    const stop = this.#watch({
      write(line) {
        lines.push(line);
        wake();
      },
      end: () => end({}),
      reset: () => end({ error: connectionReset() }),
    });
    const abort = () => end({ error: this.#signal.reason as Error });
    this.#signal.addEventListener('abort', abort, { once: true });
    try {
      for (;;) {
        for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
          yield encoder.encode(line);
        }
        if (over !== undefined) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (over.error !== undefined) throw over.error;
    } finally {
      this.#signal.removeEventListener('abort', abort);
      stop();
    }
  }
}
