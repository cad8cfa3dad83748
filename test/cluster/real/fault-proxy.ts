import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { Agent, type Dispatcher } from 'undici';

/** A request on its way. */
export interface PassingRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
}

/**
 * What becomes of a request: an answer that the server did not give; its connection ends before the
 * server has heard of it (`reset`) or when it has done it (`lost`); it waits until a promise is kept; or
 * its query gets more parameters.
 */
export type Trouble =
  | { readonly code: number; readonly message?: string; readonly retryAfterSeconds?: number }
  | 'reset'
  | 'lost'
  | { readonly wait: Promise<void> }
  | { readonly query: Readonly<Record<string, string>> };

/**
 * Stands between a client and a real API server and makes trouble. Towards the client it speaks plain
 * HTTP, over which our own client sends its token.
 */
export class FaultProxy {
  /** Asked for each request; undefined lets it pass. Tests set it. */
  trouble: (request: PassingRequest) => Trouble | undefined = () => undefined;
  /** How often there was trouble. */
  troubles = 0;
  readonly #target: string;
  readonly #agent: Agent;
  readonly #server: Server;

  constructor(target: string, certificateAuthority: string) {
    this.#target = target;
    this.#agent = new Agent({ connect: { ca: certificateAuthority }, bodyTimeout: 0 });
    this.#server = createServer((request, response) => {
      // Where either side goes away there is nobody left to tell.
      this.#pass(request, response).catch(() => response.destroy());
    });
  }

  /** Listens on the loopback interface; resolves with the base URL. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends every connection, those of open watches among them. */
  breakConnections(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#agent.destroy();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const trouble = this.trouble({ method, path });
    if (trouble !== undefined) this.troubles += 1;
    if (trouble === 'reset') return void response.destroy();
    if (typeof trouble === 'object' && 'code' in trouble) return answer(response, trouble);
    if (typeof trouble === 'object' && 'wait' in trouble) await trouble.wait;
    const url = new URL(path, this.#target);
    if (typeof trouble === 'object' && 'query' in trouble) {
      for (const [name, value] of Object.entries(trouble.query)) url.searchParams.set(name, value);
    }
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const { statusCode, headers, body } = await this.#agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: method as Dispatcher.HttpMethod,
      headers: withoutConnection(request),
      body: chunks.length === 0 ? null : Buffer.concat(chunks),
      signal: gone.signal,
    });
    if (trouble === 'lost') {
      await body.dump();
      return void response.destroy();
    }
    response.writeHead(statusCode, headers as Record<string, string>);
    response.flushHeaders();
    await pipeline(body, response);
  }
}

function withoutConnection({ headers }: IncomingMessage): Record<string, string> {
  const { host, connection, 'transfer-encoding': encoding, ...others } = headers;
  return others as Record<string, string>;
}

function answer(
  response: ServerResponse,
  {
    code,
    message = `a fault answered ${code}`,
    retryAfterSeconds,
  }: Extract<Trouble, { code: number }>,
): void {
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message };
  response.writeHead(code, {
    'content-type': 'application/json',
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(JSON.stringify(status));
}
