import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { asError } from '../errors.ts';
import type { Log } from '../log.ts';
import { listen } from '../server.ts';
import type { Access } from './scrape-access.ts';
import type { Certificate } from './self-signed.ts';

/** What is served, to whom, and by which certificate. */
export interface MetricsServerOptions {
  /** 0 takes any free one. */
  readonly port: number;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly access: {
    of(authorization: string | undefined, address: string | undefined): Promise<Access>;
  };
  readonly certificate: { current(): Promise<Certificate> };
  readonly clock: Clock;
  readonly log: Log;
}

interface Answer {
  readonly code: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How soon a certificate that was replaced is shown. */
const certificateEveryMs = 10_000;
const limits = {
  minVersion: 'TLSv1.2',
  maxHeaderSize: 16_384,
  handshakeTimeout: 5_000,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  // How often the two before are looked after.
  connectionsCheckingInterval: 2_500,
} as const;
/** Scrapers keep a connection each; more than these are refused. */
const mostConnections = 64;

const refusals: Readonly<Record<Exclude<Access, 'granted'>, Answer>> = {
  anonymous: {
    code: 401,
    text: 'unauthorized: send the token of a ServiceAccount as "Authorization: Bearer TOKEN"',
    headers: { 'www-authenticate': 'Bearer' },
  },
  forbidden: { code: 403, text: 'forbidden: the token does not allow to get /metrics' },
  unknown: {
    code: 503,
    text: 'unavailable: the API server did not tell whose token that is',
    headers: { 'retry-after': '10' },
  },
  busy: {
    code: 503,
    text: 'unavailable: too many unknown tokens at once',
    headers: { 'retry-after': '1' },
  },
};

/**
 * Serves /metrics over HTTPS to whom the API server lets `get` that path. Whatever is sent to it, it
 * answers in its time with a short text, and keeps nothing of it.
 */
export class MetricsServer {
  readonly name = 'metrics server';
  readonly #options: MetricsServerOptions;
  #server: Server | undefined;
  #shown: Certificate | undefined;
  #cancelLook = () => {};
  /** Also those whose handshake goes on, which the HTTP server does not know yet. */
  readonly #connections = new Set<Socket>();

  constructor(options: MetricsServerOptions) {
    this.#options = options;
  }

  /** The port it listens on; 0 before the start. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  /** @throws ConfigError that names the variable, where the port is taken or not ours to take */
  async start(): Promise<void> {
    this.#shown = await this.#options.certificate.current();
    const server = createServer({ ...this.#shown, ...limits }, (request, response) => {
      void this.#serve(request, response);
    });
    server.maxConnections = mostConnections;
    // Longer than Prometheus waits between two scrapes.
    server.keepAliveTimeout = 65_000;
    // One that reads no answer has no right to wait for it.
    server.timeout = 30_000;
    server.on('connection', (connection: Socket) => {
      this.#connections.add(connection);
      connection.once('close', () => this.#connections.delete(connection));
    });
    this.#server = server;
    await listen(server, { setting: 'METRICS_PORT', port: this.#options.port });
    this.#lookLater();
  }

  stop(): Promise<void> {
    this.#cancelLook();
    const server = this.#server;
    if (!server) return Promise.resolve();
    return new Promise((resolve) => {
      server.close(() => resolve());
      for (const connection of this.#connections) connection.destroy();
    });
  }

  #lookLater(): void {
    const { clock } = this.#options;
    this.#cancelLook = clock.after(certificateEveryMs, () => void this.#look());
  }

  /** Connections that are open go on with the certificate that they were shown. */
  async #look(): Promise<void> {
    const certificate = await this.#options.certificate.current();
    if (certificate !== this.#shown) this.#server?.setSecureContext({ ...certificate });
    this.#shown = certificate;
    if (this.#server?.listening) this.#lookLater();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { code, text, headers } = await this.#answer(request);
    const isRead = request.method !== 'HEAD';
    response.writeHead(code, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      ...(hasBody(request) && { connection: 'close' }),
      ...headers,
    });
    response.end(isRead ? text : undefined);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const [path] = (request.url ?? '').split('?');
    if (path !== '/metrics') return { code: 404, text: 'not found: try /metrics' };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { code: 405, text: 'method not allowed: GET it', headers: { allow: 'GET, HEAD' } };
    }
    if (hasBody(request)) return { code: 413, text: 'content too large: send none' };
    const { headers, socket } = request;
    const access = await this.#options.access.of(headers.authorization, socket.remoteAddress);
    return access === 'granted' ? await this.#metrics() : refusals[access];
  }

  /** The last resort of a defect: it must not end the operator. */
  async #metrics(): Promise<Answer> {
    const { metrics, log } = this.#options;
    try {
      const headers = { 'content-type': metrics.contentType };
      return { code: 200, text: await metrics.text(), headers };
    } catch (error) {
      log.error('cannot put the metrics into words', { error: asError(error) });
      return { code: 500, text: 'internal error: see the log of the operator' };
    }
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return (headers['content-length'] ?? '0') !== '0' || 'transfer-encoding' in headers;
}
