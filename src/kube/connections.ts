import { isDeepStrictEqual } from 'node:util';
import { Agent, DecoratorHandler, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici';
import { asError } from '../errors.ts';
import type { TlsMaterial } from './credentials.ts';
import type { WireRequest, WireResponse } from './transport.ts';

interface ConnectionsOptions {
  /** `proxy-url` of the kubeconfig. */
  readonly proxyUrl: string | undefined;
  readonly connectTimeoutMs: number;
}

/** How a request goes out. */
interface Sending {
  readonly tls: TlsMaterial;
  /** Called when the connection stands and the request is to be written; what it throws ends the request. */
  readonly beforeSend: (() => void) | undefined;
}

/** The connections to a server, kept for the next requests. None is opened before the first. */
export class Connections {
  readonly #options: ConnectionsOptions;
  #pool: { readonly tls: TlsMaterial; readonly dispatcher: Dispatcher } | undefined;
  /** Pools of earlier TLS material whose requests are still running. */
  readonly #retired = new Set<Dispatcher>();
  #closed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** Rejects where no answer comes; no time limit but the request's signal. */
  request(wire: WireRequest, { tls, beforeSend }: Sending): Promise<WireResponse> {
    const pool = this.#poolFor(tls);
    const dispatcher = beforeSend ? pool.compose(asking(beforeSend)) : pool;
    return dispatcher.request({ ...wire, headersTimeout: 0, bodyTimeout: 0 });
  }

  /** Breaks off what still runs, closes every connection and opens no other. */
  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#retired, ...(this.#pool ? [this.#pool.dispatcher] : [])];
    this.#retired.clear();
    this.#pool = undefined;
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  /** One pool for each generation of TLS material; the one before may end what it has begun. */
  #poolFor(tls: TlsMaterial): Dispatcher {
    if (this.#closed) throw new Error('the client is closed');
    if (this.#pool !== undefined && isDeepStrictEqual(this.#pool.tls, tls)) {
      return this.#pool.dispatcher;
    }
    if (this.#pool !== undefined) this.#retire(this.#pool.dispatcher);
    this.#pool = { tls, dispatcher: pool(tls, this.#options) };
    return this.#pool.dispatcher;
  }

  #retire(dispatcher: Dispatcher): void {
    this.#retired.add(dispatcher);
    dispatcher.close(() => this.#retired.delete(dispatcher));
  }
}

function pool(tls: TlsMaterial, { proxyUrl, connectTimeoutMs }: ConnectionsOptions): Dispatcher {
  const connect = {
    timeout: connectTimeoutMs,
    keepAlive: true,
    // As client-go has it, and below the idle limit of common load balancers.
    keepAliveInitialDelay: 30_000,
  };
  // HTTP/1.1: undici's HTTP/2 has hung after GOAWAY (nodejs/undici 3140, 3433). Idle connections
  // are kept for a minute: the API server itself closes them after 90 s.
  const common = { allowH2: false, keepAliveTimeout: 60_000, keepAliveMaxTimeout: 60_000 };
  if (!proxyUrl) return new Agent({ ...common, connect: { ...connect, ...tls } });
  const { protocol } = new URL(proxyUrl);
  if (protocol === 'socks5:') return new Socks5ProxyAgent(proxyUrl, { ...common, requestTls: tls });
  if (protocol === 'http:' || protocol === 'https:') {
    return new ProxyAgent({
      ...common,
      uri: proxyUrl,
      connect,
      requestTls: { ...connect, ...tls },
    });
  }
  throw new Error(`proxy-url "${proxyUrl}" is neither http, https nor socks5`);
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
