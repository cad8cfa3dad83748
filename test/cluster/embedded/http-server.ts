import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Answer, Api, Body } from './api.ts';
import { type ApiRequest, targetOf } from './api-request.ts';
import type { Authorizer } from './rbac.ts';
import { internal, StatusError, unauthorized } from './status-error.ts';
import type { Store } from './store.ts';
import { anonymous, type Tokens, type User } from './users.ts';

/** One request that was answered, for tests that count what somebody asks for. */
export interface LoggedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly user: string;
  readonly code: number;
  /** Something was stored because of it. */
  readonly changed: boolean;
}

export interface HttpParts {
  readonly api: Api;
  readonly store: Store;
  readonly authorizer: Authorizer;
  readonly tokens: Tokens;
  readonly log: (request: LoggedRequest) => void;
  /** Serves TLS with these, in PEM; plain HTTP without. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
}

/** The HTTP face of the API server: who asks, may they, and JSON in and out. */
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
    const request = await read(incoming);
    const before = this.#parts.store.revision;
    let user = anonymous;
    let answer: Answer;
    try {
      user = this.#authenticate(request);
      const target = targetOf(request);
      this.#parts.authorizer.refuse(user, target);
      answer = this.#parts.api.handle(request, target, user);
    } catch (error) {
      answer = refusal(error);
    }
    this.#parts.log({
      method: request.method,
      path: incoming.url ?? '',
      user: user.name,
      code: 'watch' in answer ? 200 : answer.code,
      changed: this.#parts.store.revision !== before,
    });
    if ('watch' in answer) this.#stream(answer.watch, response);
    else send(response, answer);
  }

  #authenticate({ headers }: ApiRequest): User {
    const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1];
    if (token === undefined) return anonymous;
    const user = this.#parts.tokens.userOf(token);
    if (user === undefined) throw unauthorized();
    return user;
  }

  #stream(watch: Extract<Answer, { watch: unknown }>['watch'], response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const stop = watch({
      write: (line) => response.write(line),
      end: () => response.end(),
    });
    this.#watches.add(stop);
    response.once('close', () => {
      stop();
      this.#watches.delete(stop);
    });
  }
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
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

/** A mistake of the model itself is shown to the client too: it fails the test that met it. */
function refusal(error: unknown): { readonly code: number; readonly body: unknown } {
  const status =
    error instanceof StatusError ? error : internal(String((error as Error).stack ?? error));
  return { code: status.code, body: status.status() };
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
