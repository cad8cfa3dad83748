import type { Transport, WireRequest, WireResponse } from '../../src/kube/transport.ts';
import type { Answer } from '../cluster/embedded/api.ts';
import type { ApiServer, Outcome } from '../cluster/embedded/api-server.ts';
import { retryAfter } from '../cluster/embedded/http-server.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** One that speaks with the API server. */
export interface Caller extends Actor {
  readonly name: string;
  /** Ends the watches that it has open, by each. */
  readonly watches: Set<() => void>;
}

export interface NetworkParts {
  readonly scheduler: Scheduler;
  readonly random: () => number;
  readonly server: ApiServer;
  readonly trace: Trace;
  /** Told of each request when its caller sends it. */
  readonly onSend: (caller: string, wire: WireRequest) => void;
}

/** How long a message is on its way: mostly next to nothing, now and then a while. */
const usualMs = 3;
const slowMs = 80;
const slowShare = 0.04;

/**
 * Carries requests, answers and events of watches between callers and the API server, each as a step
 * of its own that takes as long as the seed says. A watch's events keep their order; nothing else does.
 */
export class Network {
  readonly #parts: NetworkParts;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /** What a caller's client sends its requests through. */
  transport(caller: Caller): Transport {
    return {
      request: (wire) =>
        new Promise((resolve, reject) => this.#send(caller, wire, [resolve, reject])),
      close: async () => this.hangUp(caller),
    };
  }

  /** Ends the caller's watches; what else is on its way to it never arrives. */
  hangUp(caller: Caller): void {
    caller.state = 'dead';
    for (const stop of caller.watches) stop();
    caller.watches.clear();
  }

  #send(caller: Caller, wire: WireRequest, [resolve, reject]: Ends): void {
    const { scheduler, server, trace, random } = this.#parts;
    this.#parts.onSend(caller.name, wire);
    // Of what a caller has sent just before its end only a part leaves its machine.
    const outlives = random() < 0.5;
    scheduler.after(this.#delay(), () => {
      if (caller.state === 'dead' && !outlives) return;
      const url = new URL(wire.path, wire.origin);
      const { method, headers, body } = wire;
      const asked = {
        method,
        path: url.pathname,
        query: url.searchParams,
        headers,
        body: body ?? '',
      };
      trace.add(caller.name, `→ ${method} ${wire.path}`);
      void server.handle(asked).then((outcome) => {
        trace.add(caller.name, `← ${inWords(outcome)} to ${method} ${url.pathname}`);
        // Never answered: the caller's time limit ends it.
        if ('broken' in outcome && outcome.broken === 'silence') return;
        const arrive = () => {
          if ('broken' in outcome) reject(connectionReset());
          else if (wire.signal.aborted) reject(wire.signal.reason as Error);
          else resolve(this.#responseOf(outcome, caller, wire));
        };
        scheduler.after(this.#delay(), arrive, caller);
      });
    });
  }

  #responseOf(answer: Answer, caller: Caller, { signal }: WireRequest): WireResponse {
    if (!('watch' in answer)) {
      const { code, body } = answer;
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return { statusCode: code, headers: retryAfter(body), body: whole(text) };
    }
    const lines = new Lines();
    let arrivesAt = 0;
    const later = (run: () => void) => {
      const { scheduler } = this.#parts;
      arrivesAt = Math.max(arrivesAt, scheduler.elapsed + this.#delay());
      scheduler.after(arrivesAt - scheduler.elapsed, run, caller);
    };
    const hangUp = answer.watch({
      write: (line) =>
        later(() => {
          this.#parts.trace.add(caller.name, `◂ ${eventInWords(line)}`);
          lines.push(line);
        }),
      end: () => later(() => lines.end()),
      reset: () => later(() => lines.end(connectionReset())),
    });
    const stop = () => {
      caller.watches.delete(stop);
      hangUp();
    };
    caller.watches.add(stop);
    const abort = () => {
      stop();
      lines.end(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    return { statusCode: 200, headers: {}, body: streamed(lines, stop) };
  }

  #delay(): number {
    const { random } = this.#parts;
    return random() < slowShare ? slowMs * random() : usualMs * random();
  }
}

type Ends = readonly [(response: WireResponse) => void, (error: Error) => void];

function connectionReset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}

function inWords(outcome: Outcome): string {
  if ('broken' in outcome) return outcome.broken;
  return 'watch' in outcome ? 'watch' : String(outcome.code);
}

/** Not parsed, as that is most of what a trace costs; the object's own metadata comes first. */
function eventInWords(line: string): string {
  const field = (name: string) => new RegExp(`"${name}":"([^"]*)"`).exec(line)?.[1] ?? '';
  return `${field('type')} ${field('kind')} ${field('name')} ${field('resourceVersion')}`;
}

const encoder = new TextEncoder();

function whole(text: string): WireResponse['body'] {
  return {
    text: async () => text,
    json: async () => JSON.parse(text),
    async *[Symbol.asyncIterator]() {
      yield encoder.encode(text);
    },
  };
}

/** Lines as they arrive, and how they end. */
class Lines {
  readonly #lines: string[] = [];
  #over: { readonly error: Error | undefined } | undefined;
  #wake = () => {};

  push(line: string): void {
    this.#lines.push(line);
    this.#wake();
  }

  end(error?: Error): void {
    this.#over ??= { error };
    this.#wake();
  }

  async next(): Promise<string | undefined> {
    while (this.#lines.length === 0 && this.#over === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const line = this.#lines.shift();
    if (line === undefined && this.#over?.error !== undefined) throw this.#over.error;
    return line;
  }
}

function streamed(lines: Lines, stop: () => void): WireResponse['body'] {
  async function* chunks() {
    try {
      for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
        yield encoder.encode(line);
      }
    } finally {
      stop();
    }
  }
  const text = async () => {
    let read = '';
    for await (const chunk of chunks()) read += new TextDecoder().decode(chunk);
    return read;
  };
  return { text, json: async () => JSON.parse(await text()), [Symbol.asyncIterator]: chunks };
}
