import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../../src/clock.ts';
import type { Answer, Body } from './api.ts';
import type { ApiRequest } from './api-request.ts';
import type { ApiServer } from './api-server.ts';
import { protobufType } from './protobuf.ts';

export interface HttpParts {
  readonly server: ApiServer;
  /** Whose time answers tell. */
  readonly clock: Clock;
  /** Serves TLS with these, in PEM; plain HTTP without. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
}

/** The HTTP face of the API server: JSON in and out. */
export class HttpServer {
  readonly #parts: HttpParts;
  readonly #server: Server;
  readonly #watches = new Set<() => void>();

  constructor(parts: HttpParts) {
    this.#parts = parts;
    const answer = (incoming: IncomingMessage, response: ServerResponse) => {
      this.#answer(incoming, response).catch((error: unknown) => response.destroy(error as Error));
    };
    this.#server =
      parts.certificate === undefined
        ? createServer(answer)
        : createTlsServer(parts.certificate, answer);
  }

  /** Listens on the loopback interface, at a free port unless one is given; resolves with the base URL. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    const scheme = this.#parts.certificate === undefined ? 'http' : 'https';
    return `${scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends every watch and connection. */
  async close(): Promise<void> {
    for (const stop of this.#watches) stop();
    this.#watches.clear();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const outcome = await this.#parts.server.handle(await read(incoming));
    if (response.destroyed) return;
    response.setHeader('date', httpDate(this.#parts.clock));
    if ('broken' in outcome) {
      if (outcome.broken === 'reset') reset(response);
    } else if ('watch' in outcome) this.#stream(outcome.watch, response);
    else send(response, outcome);
  }

  #stream(watch: Extract<Answer, { watch: unknown }>['watch'], response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const stop = watch({
      write: (line) => response.write(line),
      end: () => response.end(),
      reset: () => reset(response),
    });
    this.#watches.add(stop);
    response.once('close', () => {
      stop();
      this.#watches.delete(stop);
    });
  }
}

/** As in the header Date: in whole seconds. */
export function httpDate(clock: Clock): string {
  return new Date(clock.now()).toUTCString();
}

async function read(incoming: IncomingMessage): Promise<ApiRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const url = new URL(incoming.url ?? '/', 'http://cluster');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers as Readonly<Record<string, string | undefined>>,
    body: Buffer.concat(chunks).toString(isProtobuf(incoming) ? 'base64' : 'utf8'),
  };
}

function isProtobuf({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.startsWith(protobufType) ?? false;
}

/** The client sees its connection end without an answer, or in the middle of one. */
function reset({ socket }: ServerResponse): void {
  // A TLS connection has no RST of its own.
  if (socket instanceof TLSSocket) socket.destroy();
  else socket?.resetAndDestroy();
}

function send(response: ServerResponse, { code, body, warnings = [] }: Body): void {
  const isText = typeof body === 'string';
  const text = isText ? body : `${JSON.stringify(body)}\n`;
  const headers: OutgoingHttpHeaders = {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    'content-length': Buffer.byteLength(text),
    ...retryAfter(body),
    ...(warnings.length > 0 && { warning: warnings.map(warning).join(', ') }),
  };
  response.writeHead(code, headers);
  response.end(text);
}

/** RFC 7234, section 5.5: the code of a warning that stays, from no agent in particular. */
function warning(text: string): string {
  return `299 - ${JSON.stringify(text)}`;
}

/** The header by which an answer asks to wait, where it does. */
export function retryAfter(body: unknown): Record<string, string> {
  const seconds = (body as { details?: { retryAfterSeconds?: number } } | undefined)?.details
    ?.retryAfterSeconds;
  return seconds === undefined ? {} : { 'retry-after': String(seconds) };
}
