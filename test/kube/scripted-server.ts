import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import {
  createServer as createTlsServer,
  type ServerOptions,
  type Server as TlsServer,
} from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';

/** One request that has arrived, and the test's hold on its answer. */
export class Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Which connection it came by, counted from 1. */
  readonly connection: number;
  readonly #response: ServerResponse;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
    connection: number,
  ) {
    const url = new URL(request.url ?? '/', 'http://server');
    this.method = request.method ?? '';
    this.path = url.pathname;
    this.query = Object.fromEntries(url.searchParams);
    this.headers = request.headers;
    this.body = body;
    this.connection = connection;
    this.#response = response;
  }

  /** Claims that the client has given up this exchange, or that it is over. */
  get isClosed(): boolean {
    return this.#response.closed || this.#response.destroyed;
  }

  /** A whole answer. */
  answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers });
    this.#response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  /** Accepts a watch. */
  open(): void {
    this.#response.writeHead(200, { 'content-type': 'application/json' });
    this.#response.flushHeaders();
  }

  /** Bytes of an open watch; resolves when they are out of our hands. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#response.write(bytes, () => resolve()));
  }

  /** One event of an open watch. */
  event(type: string, object: unknown): Promise<void> {
    return this.write(`${JSON.stringify({ type, object })}\n`);
  }

  /** Ends an open watch as a server does whose time is up. */
  end(): void {
    this.#response.end();
  }

  /** Closes the connection in the middle of the answer. */
  hangUp(): void {
    this.#response.socket?.destroy();
  }

  /** Resets the connection (RST). */
  reset(): void {
    this.#response.socket?.resetAndDestroy();
  }
}

/**
 * An HTTP server on the loopback interface that answers nothing by itself: a test takes the
 * requests as they come and answers each as its story wants it.
 */
export class ScriptedServer {
  readonly url: string;
  /** Connections accepted so far. */
  connections = 0;
  readonly #server: Server;
  readonly #waiting: Exchange[] = [];
  readonly #takers: ((exchange: Exchange) => void)[] = [];
  #always: ((exchange: Exchange) => void) | undefined;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
    const numbers = new WeakMap<Socket, number>();
    server.on('request', async (request: IncomingMessage, response: ServerResponse) => {
      if (!numbers.has(request.socket)) {
        this.connections += 1;
        numbers.set(request.socket, this.connections);
      }
      response.on('error', () => {});
      const body = await text(request);
      this.#take(new Exchange(request, response, body, numbers.get(request.socket) ?? 0));
    });
  }

  /** With TLS options it speaks https; port 0 is any free one. */
  static async start(tls?: ServerOptions, port = 0): Promise<ScriptedServer> {
    const server = tls ? createTlsServer(tls) : createServer();
    // A kept connection is closed when a test says so, not by a timer.
    server.keepAliveTimeout = 0;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const { port: bound } = server.address() as AddressInfo;
    return new ScriptedServer(server as Server, `${tls ? 'https' : 'http'}://127.0.0.1:${bound}`);
  }

  /** The next request that nobody has taken yet. */
  next(): Promise<Exchange> {
    const exchange = this.#waiting.shift();
    if (exchange !== undefined) return Promise.resolve(exchange);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Requests that have arrived and that nobody has taken. */
  get untaken(): readonly Exchange[] {
    return this.#waiting;
  }

  /** Answers every request from now on, until undefined is given. */
  always(respond: ((exchange: Exchange) => void) | undefined): void {
    this.#always = respond;
  }

  /** Shows another certificate to new connections. */
  useCertificate(certificate: { readonly cert: string; readonly key: string }): void {
    (this.#server as TlsServer).setSecureContext(certificate);
  }

  /** Cuts every open connection. */
  dropConnections(): void {
    this.#server.closeAllConnections();
  }

  /** Stops listening: new connections are refused, open ones are cut. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #take(exchange: Exchange): void {
    if (this.#always !== undefined) this.#always(exchange);
    else if (this.#takers.length > 0) this.#takers.shift()?.(exchange);
    else this.#waiting.push(exchange);
  }
}

/** A kubeconfig for a server, by default without TLS and credentials. */
export function aKubeConfig(
  server: string,
  parts: { readonly cluster?: object; readonly user?: object } = {},
): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: 'test', server, skipTLSVerify: false, ...parts.cluster },
    { name: 'tester', ...parts.user },
  );
  return kubeConfig;
}

/** A Status as the API server answers it. */
export function aStatus(code: number, reason: string, message: string, details: object = {}) {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details };
}
