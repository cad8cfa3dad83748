import { isDeepStrictEqual } from 'node:util';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, DecoratorHandler, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici';
import type { Clock } from '../clock.ts';
import { asError, WaitingError } from '../errors.ts';
import {
  ApiError,
  type ApplyOptions,
  type Client,
  isApiError,
  type ListOptions,
  type RemoveOptions,
  type ServerVersion,
  type Status,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from './client.ts';
import { CredentialSource, type Credentials, type TlsMaterial } from './credentials.ts';
import { type Exchange, verbAndResource } from './exchange.ts';
import { JsonLines } from './json-lines.ts';
import {
  apiVersion,
  type KubeList,
  type KubeObject,
  type Resource,
  resourcePath,
} from './objects.ts';
import { TimeLimit } from './time-limit.ts';

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

/** What brings requests to the server. */
export interface Transport {
  /** Rejects where no answer comes, as sockets do. */
  request(request: WireRequest): Promise<WireResponse>;
  /** Breaks off what still runs. */
  close(): Promise<void>;
}

/** A request as it goes out. */
export interface WireRequest {
  readonly origin: string;
  /** With its query. */
  readonly path: string;
  readonly method: Request['method'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Aborted where nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** An answer whose body is still to be read, once. */
export interface WireResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array> & {
    json(): Promise<unknown>;
    text(): Promise<string>;
  };
}

/** A client that holds connections until it is closed. */
export interface ConnectedClient extends Client {
  /** Breaks off what still runs, open watches included, and closes every connection. */
  close(): Promise<void>;
}

/**
 * The server did not answer, or its answer broke off: refused, reset, too late, not readable. The
 * cause is what went wrong below; `code` is its code, for example `ECONNREFUSED`.
 */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: string;

  constructor(doing: string, thrown: unknown) {
    const cause = asError(thrown);
    super(`${doing}: ${cause.message}`, { cause });
    this.code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  }
}

/**
 * A client of the API server that the current context of a kubeconfig names: tokens, client
 * certificates, exec plug-ins, impersonation, CA, server name, `proxy-url` (http, https, socks5).
 * Nothing is read and no connection is opened before the first request.
 */
export function createClient(kubeConfig: KubeConfig, options: ClientOptions): ConnectedClient {
  return new HttpClient(kubeConfig, options);
}

interface Request {
  /** For messages: a verb and its object. */
  readonly doing: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly beforeSend?: (() => void) | undefined;
  /** The caller's own; a time limit comes on top. */
  readonly signal?: AbortSignal | undefined;
}

class HttpClient implements ConnectedClient {
  readonly #clock: Clock;
  readonly #userAgent: string;
  readonly #requestTimeoutMs: number;
  readonly #onExchange: (exchange: Exchange) => void;
  readonly #transport: Transport | undefined;
  readonly #credentials: CredentialSource;
  readonly #baseUrl: string;
  #pool: { readonly tls: TlsMaterial; readonly dispatcher: Dispatcher } | undefined;
  /** Pools of earlier TLS material whose requests are still running. */
  readonly #retired = new Set<Dispatcher>();
  #closed = false;

  constructor(kubeConfig: KubeConfig, options: ClientOptions) {
    this.#clock = options.clock;
    this.#userAgent = options.userAgent;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 10_000;
    this.#onExchange = options.onExchange ?? (() => {});
    this.#transport = options.transport;
    this.#credentials = new CredentialSource(kubeConfig, options.clock);
    this.#baseUrl = this.#credentials.cluster.server.replace(/\/+$/, '');
  }

  async get(resource: Resource, namespace: string, name: string): Promise<KubeObject | undefined> {
    try {
      return (await this.#json({
        doing: `get ${resource.plural} ${named(namespace, name)}`,
        method: 'GET',
        path: resourcePath(resource, namespace, name),
      })) as KubeObject;
    } catch (error) {
      if (isApiError(error, 404)) return undefined;
      throw error;
    }
  }

  async list(resource: Resource, options: ListOptions): Promise<KubeList> {
    const { namespace, signal, ...query } = options;
    const doing = `list ${resource.plural}`;
    const path = resourcePath(resource, namespace);
    const page = (await this.#json({ doing, method: 'GET', path, query, signal })) as ListBody;
    const { resourceVersion, continue: more } = page.metadata ?? {};
    if (!resourceVersion) throw new TransportError(doing, 'the list has no resourceVersion');
    const type = { apiVersion: apiVersion(resource), kind: resource.kind };
    return {
      resourceVersion,
      ...(more ? { continue: more } : {}),
      items: (page.items ?? []).map((item) => ({ ...type, ...item })),
    };
  }

  async watch(resource: Resource, options: WatchOptions): Promise<void> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds } = options;
    const request: Request = {
      doing: `watch ${resource.plural}`,
      method: 'GET',
      path: resourcePath(resource, namespace),
      query: {
        watch: true,
        allowWatchBookmarks: true,
        labelSelector,
        fieldSelector,
        resourceVersion,
        timeoutSeconds,
      },
    };
    using limit = new TimeLimit(this.#clock, this.#requestTimeoutMs, options.signal);
    try {
      const response = await this.#open(request, limit.signal);
      options.onOpen?.();
      limit.allow(options.inactivityMs);
      await readEvents(response, limit, options);
    } catch (error) {
      if (options.signal.aborted) return;
      throw error instanceof ApiError ? error : new TransportError(request.doing, error);
    }
  }

  async apply(resource: Resource, body: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const { namespace = '', name = '' } = body.metadata;
    return (await this.#json({
      doing: `apply ${resource.plural} ${named(namespace, name)}`,
      method: 'PATCH',
      path: resourcePath(resource, namespace, name, options.subresource),
      query: {
        fieldManager: options.fieldManager,
        force: options.force || undefined,
        dryRun: options.dryRun ? 'All' : undefined,
      },
      body,
      contentType: 'application/apply-patch+yaml',
      beforeSend: options.beforeSend,
      signal: options.signal,
    })) as KubeObject;
  }

  async create(
    resource: Resource,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const { namespace = '', name = '' } = body.metadata;
    return (await this.#json({
      doing: `create ${resource.plural} ${named(namespace, name)}`.trimEnd(),
      method: 'POST',
      path: resourcePath(resource, namespace),
      body,
      contentType: 'application/json',
      beforeSend: options.beforeSend,
      signal: options.signal,
    })) as KubeObject;
  }

  async update(
    resource: Resource,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const { namespace = '', name = '' } = body.metadata;
    return (await this.#json({
      doing: `update ${resource.plural} ${named(namespace, name)}`,
      method: 'PUT',
      path: resourcePath(resource, namespace, name),
      body,
      contentType: 'application/json',
      beforeSend: options.beforeSend,
      signal: options.signal,
    })) as KubeObject;
  }

  async remove(
    resource: Resource,
    object: KubeObject,
    options: RemoveOptions = {},
  ): Promise<boolean> {
    const { namespace = '', name = '', uid, resourceVersion } = object.metadata;
    const doing = `delete ${resource.plural} ${named(namespace, name)}`;
    if (!uid) throw new Error(`${doing}: without a uid it could be another object of that name`);
    try {
      await this.#json({
        doing,
        method: 'DELETE',
        path: resourcePath(resource, namespace, name),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          preconditions: { uid, ...(options.ifUnchanged && { resourceVersion }) },
          propagationPolicy: options.propagationPolicy ?? 'Background',
        },
        contentType: 'application/json',
        beforeSend: options.beforeSend,
        signal: options.signal,
      });
      return true;
    } catch (error) {
      if (isApiError(error, 404) || isApiError(error, 409)) return false;
      throw error;
    }
  }

  async groups(): Promise<ReadonlySet<string>> {
    const doing = 'discover the API groups';
    const [core, named] = await Promise.all([
      this.#json({ doing, method: 'GET', path: '/api' }) as Promise<{ versions?: unknown[] }>,
      this.#json({ doing, method: 'GET', path: '/apis' }) as Promise<{ groups?: NamedGroup[] }>,
    ]);
    if (!Array.isArray(core.versions) || !Array.isArray(named.groups)) {
      throw new TransportError(doing, 'the answer is no list of groups');
    }
    return new Set(['', ...named.groups.map((group) => group.name)]);
  }

  async version(): Promise<ServerVersion> {
    const doing = 'ask for the version';
    const body = (await this.#json({ doing, method: 'GET', path: '/version' })) as VersionBody;
    // Some vendors append a sign to the minor version: "34+".
    const [major, minor] = [Number.parseInt(body.major, 10), Number.parseInt(body.minor, 10)];
    if (Number.isNaN(major) || Number.isNaN(minor)) {
      throw new TransportError(doing, `"${body.major}.${body.minor}" is no version`);
    }
    return { major, minor, gitVersion: body.gitVersion };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#retired, ...(this.#pool ? [this.#pool.dispatcher] : [])];
    this.#retired.clear();
    this.#pool = undefined;
    await Promise.all([...pools.map((pool) => pool.destroy()), this.#transport?.close()]);
  }

  /** Sends a request and reads its JSON answer. */
  async #json(request: Request): Promise<unknown> {
    using limit = new TimeLimit(this.#clock, this.#requestTimeoutMs, request.signal);
    try {
      const response = await this.#open(request, limit.signal);
      return await response.body.json();
    } catch (error) {
      // The second is the caller's own, thrown before the request was sent.
      if (error instanceof ApiError || error instanceof WaitingError) throw error;
      throw new TransportError(request.doing, error);
    }
  }

  /** Resolves with an answer whose body is still to be read; throws ApiError where it is a refusal. */
  async #open(request: Request, signal: AbortSignal): Promise<WireResponse> {
    const credentials = await this.#credentials.current();
    let response = await this.#send(request, credentials, signal);
    if (response.statusCode === 401) {
      const refusal = await refusalOf(request, response, this.#clock);
      response = await this.#send(request, await this.#renewed(credentials, refusal), signal);
    }
    if (response.statusCode < 200 || response.statusCode > 299) {
      throw await refusalOf(request, response, this.#clock);
    }
    return response;
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
      const durationMs = this.#clock.monotonic() - began;
      const words = verbAndResource(method, path, query?.['watch'] === true);
      const code = answer?.statusCode;
      this.#onExchange({
        ...words,
        method,
        code,
        durationMs,
        answeredAt: answer && dateOf(answer),
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
    const answer = this.#transport
      ? this.#overTransport(this.#transport, wire, request)
      : this.#overPool(credentials.tls, wire, request);
    // undici looks at the signal only once it is connected.
    return await Promise.race([answer, rejectionOf(signal)]);
  }

  async #overTransport(
    transport: Transport,
    wire: WireRequest,
    { beforeSend }: Request,
  ): Promise<WireResponse> {
    beforeSend?.();
    return await transport.request(wire);
  }

  #overPool(tls: TlsMaterial, wire: WireRequest, { beforeSend }: Request): Promise<WireResponse> {
    const pool = this.#poolFor(tls);
    const dispatcher = beforeSend ? pool.compose(asking(beforeSend)) : pool;
    // Time is limited by the signal, on the clock that was handed in.
    return dispatcher.request({ ...wire, headersTimeout: 0, bodyTimeout: 0 });
  }

  #target(request: Request): { readonly origin: string; readonly path: string } {
    const url = new URL(this.#baseUrl + request.path);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return { origin: url.origin, path: url.pathname + url.search };
  }

  /** One pool for each generation of TLS material; the one before may end what it has begun. */
  #poolFor(tls: TlsMaterial): Dispatcher {
    if (this.#closed) throw new Error('the client is closed');
    if (this.#pool !== undefined && isDeepStrictEqual(this.#pool.tls, tls)) {
      return this.#pool.dispatcher;
    }
    if (this.#pool !== undefined) this.#retire(this.#pool.dispatcher);
    this.#pool = { tls, dispatcher: this.#createPool(tls) };
    return this.#pool.dispatcher;
  }

  #createPool(tls: TlsMaterial): Dispatcher {
    const connect = {
      timeout: this.#requestTimeoutMs,
      keepAlive: true,
      // As client-go has it, and below the idle limit of common load balancers.
      keepAliveInitialDelay: 30_000,
    };
    // HTTP/1.1: undici's HTTP/2 has hung after GOAWAY (nodejs/undici 3140, 3433). Idle connections
    // are kept for a minute: the API server itself closes them after 90 s.
    const pool = { allowH2: false, keepAliveTimeout: 60_000, keepAliveMaxTimeout: 60_000 };
    const proxy = this.#credentials.cluster.proxyUrl;
    if (!proxy) return new Agent({ ...pool, connect: { ...connect, ...tls } });
    const { protocol } = new URL(proxy);
    if (protocol === 'socks5:') return new Socks5ProxyAgent(proxy, { ...pool, requestTls: tls });
    if (protocol === 'http:' || protocol === 'https:') {
      return new ProxyAgent({ ...pool, uri: proxy, connect, requestTls: { ...connect, ...tls } });
    }
    throw new Error(`proxy-url "${proxy}" is neither http, https nor socks5`);
  }

  #retire(dispatcher: Dispatcher): void {
    this.#retired.add(dispatcher);
    dispatcher.close(() => this.#retired.delete(dispatcher));
  }
}

/**
 * Lets undici ask when it has a connection and is about to write the request on it, in the same turn
 * of the event loop: a process that is stopped while it connects does this first when it goes on.
 */
function asking(beforeSend: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, new AskingHandler(handler, beforeSend));
}

class AskingHandler extends DecoratorHandler implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #beforeSend: () => void;

  constructor(handler: Dispatcher.DispatchHandler, beforeSend: () => void) {
    super(handler);
    this.#handler = handler;
    this.#beforeSend = beforeSend;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: object): void {
    this.#handler.onRequestStart?.(controller, context);
    if (controller.aborted) return;
    try {
      this.#beforeSend();
    } catch (error) {
      controller.abort(asError(error));
    }
  }
}

interface ListBody {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubeObject[] | null;
}

interface NamedGroup {
  readonly name: string;
}

interface VersionBody {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
}

function named(namespace: string, name: string): string {
  return namespace ? `${namespace}/${name}` : name;
}

async function readEvents(
  response: WireResponse,
  limit: TimeLimit,
  options: WatchOptions,
): Promise<void> {
  const lines = new JsonLines();
  for await (const chunk of response.body) {
    limit.heard();
    for (const value of lines.push(chunk)) {
      options.onEvent(watchEvent(value));
      // What follows in the same chunk is no longer wanted.
      if (options.signal.aborted) return;
    }
  }
  lines.end();
}

const eventTypes: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

function watchEvent(value: unknown): WatchEvent {
  const { type, object } = (value ?? {}) as { type?: unknown; object?: Partial<KubeObject> | null };
  const isEvent =
    typeof object === 'object' &&
    object !== null &&
    (type === 'ERROR' || (eventTypes.has(type) && typeof object.metadata === 'object'));
  if (!isEvent) throw new Error('a line is not an event of a watch');
  return value as WatchEvent;
}

/** Reads the rest of an answer that is not what was asked for. */
async function refusalOf(
  request: Request,
  response: WireResponse,
  clock: Clock,
): Promise<ApiError> {
  const text = await response.body.text();
  const retryAfterMs = parseRetryAfter(response.headers['retry-after'], clock);
  return new ApiError(request.doing, response.statusCode, statusOf(text), retryAfterMs);
}

/** The Status of the API server, or the beginning of what something between us and it said. */
function statusOf(text: string): Status {
  try {
    const body: unknown = JSON.parse(text);
    if ((body as Status | null)?.kind === 'Status') return body as Status;
  } catch {
    // Not JSON: a proxy or a load balancer speaks for itself.
  }
  const beginning = text.trim().slice(0, 200);
  return beginning === '' ? {} : { message: beginning };
}

function dateOf({ headers }: WireResponse): number | undefined {
  const date = Date.parse(String(headers['date']));
  return Number.isNaN(date) ? undefined : date;
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function parseRetryAfter(header: string | string[] | undefined, clock: Clock): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - clock.now());
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
