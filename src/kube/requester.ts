import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../clock.ts';
import { WaitingError } from '../errors.ts';
import { ApiError, TransportError } from './client.ts';
import { Connections } from './connections.ts';
import { CredentialSource, type Credentials } from './credentials.ts';
import { type Exchange, verbAndResource } from './exchange.ts';
import { answeredAt, refusalOf } from './response.ts';
import { TimeLimit } from './time-limit.ts';
import type { Transport, WireRequest, WireResponse } from './transport.ts';

/** What a client is made with. */
export interface ClientOptions {
  readonly clock: Clock;
  readonly userAgent: string;
  /** From sending a request to the last byte of its answer; of a watch, to its first. */
  readonly requestTimeoutMs?: number;
  /** Told of each request that was sent, a repeated one twice; must not throw. */
  readonly onExchange?: (exchange: Exchange) => void;
  /** Carries requests instead of the client's own connections, as to a server in this process. */
  readonly transport?: Transport;
}

/** One thing asked of the API server. */
export interface Request {
  /** For messages: a verb and its object. */
  readonly doing: string;
  readonly method: WireRequest['method'];
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly beforeSend?: (() => void) | undefined;
  /** The caller's own; a time limit comes on top. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends requests with the credentials of a kubeconfig. Those that were refused with 401 are sent once
 * more with renewed ones; those that may be done twice, once more where a kept connection was closed
 * under them.
 */
export class Requester {
  readonly #clock: Clock;
  readonly #userAgent: string;
  readonly #requestTimeoutMs: number;
  readonly #onExchange: (exchange: Exchange) => void;
  readonly #transport: Transport | undefined;
  readonly #credentials: CredentialSource;
  readonly #baseUrl: string;
  readonly #connections: Connections;

  constructor(kubeConfig: KubeConfig, options: ClientOptions) {
    this.#clock = options.clock;
    this.#userAgent = options.userAgent;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 10_000;
    this.#onExchange = options.onExchange ?? (() => {});
    this.#transport = options.transport;
    this.#credentials = new CredentialSource(kubeConfig, options.clock);
    const { server, proxyUrl } = this.#credentials.cluster;
    this.#baseUrl = server.replace(/\/+$/, '');
    this.#connections = new Connections({ proxyUrl, connectTimeoutMs: this.#requestTimeoutMs });
  }

  /** Sends a request and reads its JSON answer, in the time that a request has. */
  async json(request: Request): Promise<unknown> {
    using limit = this.limit(request.signal);
    try {
      const response = await this.open(request, limit.signal);
      return await response.body.json();
    } catch (error) {
      // The second is the caller's own, thrown before the request was sent.
      if (error instanceof ApiError || error instanceof WaitingError) throw error;
      throw new TransportError(request.doing, error);
    }
  }

  /** The time that a request has, unless its caller has had enough before. */
  limit(signal: AbortSignal | undefined): TimeLimit {
    return new TimeLimit(this.#clock, this.#requestTimeoutMs, signal);
  }

  /** Resolves with an answer whose body is still to be read; throws ApiError where it is a refusal. */
  async open(request: Request, signal: AbortSignal): Promise<WireResponse> {
    const credentials = await this.#credentials.current();
    let response = await this.#send(request, credentials, signal);
    if (response.statusCode === 401) {
      const refusal = await refusalOf(request.doing, response, this.#clock);
      response = await this.#send(request, await this.#renewed(credentials, refusal), signal);
    }
    if (response.statusCode < 200 || response.statusCode > 299) {
      throw await refusalOf(request.doing, response, this.#clock);
    }
    return response;
  }

  /** Breaks off what still runs and closes every connection. */
  async close(): Promise<void> {
    await Promise.all([this.#connections.close(), this.#transport?.close()]);
  }

  /** Where nothing better can be read, the refusal is what matters, and the reading is why. */
  async #renewed(refused: Credentials, refusal: ApiError): Promise<Credentials> {
    try {
      return await this.#credentials.renewed(refused);
    } catch (cause) {
      refusal.cause = cause;
      throw refusal;
    }
  }

  async #send(
    request: Request,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<WireResponse> {
    const attempt = () => this.#told(request, () => this.#attempt(request, credentials, signal));
    try {
      return await attempt();
    } catch (error) {
      // The caller's own: nothing was sent, and nothing was learned about the server.
      if (error instanceof WaitingError) throw error;
      // The certificate of the server, or ours, may have been replaced.
      this.#credentials.expire();
      // A server closes a kept connection when it likes, also while a request is on its way to it.
      // Only what may be done twice is: of two deletions, creations or replacements, the second answers
      // 404 or 409 although the first did it.
      const isRepeatable = request.method === 'GET' || request.method === 'PATCH';
      if (!isRepeatable || signal.aborted || !isClosedConnection(error)) throw error;
      return await attempt();
    }
  }

  /** Makes an attempt and tells the observer how it ended, unless nothing was sent. */
  async #told(request: Request, attempt: () => Promise<WireResponse>): Promise<WireResponse> {
    const { method, path, query } = request;
    const began = this.#clock.monotonic();
    const tell = (answer?: WireResponse) => {
      this.#onExchange({
        ...verbAndResource(method, path, query?.['watch'] === true),
        method,
        code: answer?.statusCode,
        durationMs: this.#clock.monotonic() - began,
        answeredAt: answer && answeredAt(answer),
      });
    };
    try {
      const response = await attempt();
      tell(response);
      return response;
    } catch (error) {
      if (!(error instanceof WaitingError)) tell();
      throw error;
    }
  }

  async #attempt(
    request: Request,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<WireResponse> {
    signal.throwIfAborted();
    const wire: WireRequest = {
      ...this.#target(request),
      method: request.method,
      headers: {
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...(request.contentType ? { 'content-type': request.contentType } : {}),
        ...credentials.headers,
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal,
    };
    const { beforeSend } = request;
    const answer = this.#transport
      ? overTransport(this.#transport, wire, beforeSend)
      : this.#connections.request(wire, { tls: credentials.tls, beforeSend });
    // undici looks at the signal only once it is connected.
    return await Promise.race([answer, rejectionOf(signal)]);
  }

  #target({ path, query = {} }: Request): Pick<WireRequest, 'origin' | 'path'> {
    const url = new URL(this.#baseUrl + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return { origin: url.origin, path: url.pathname + url.search };
  }
}

async function overTransport(
  transport: Transport,
  wire: WireRequest,
  beforeSend: Request['beforeSend'],
): Promise<WireResponse> {
  beforeSend?.();
  return await transport.request(wire);
}

const closedConnectionCodes: ReadonlySet<unknown> = new Set([
  'UND_ERR_SOCKET',
  'ECONNRESET',
  'EPIPE',
]);

function isClosedConnection(error: unknown): boolean {
  return closedConnectionCodes.has((error as { code?: unknown } | null)?.code);
}

/** Never resolves; rejects with the reason of the signal when that is aborted. */
function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
