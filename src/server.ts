import { createServer, type Server } from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { ConfigError } from './errors.ts';

/** Answers the probes of the kubelet: /healthz (the process runs) and /readyz (it can do its work). */
export class HealthServer {
  readonly name = 'health server';
  readonly #port: number;
  readonly #isReady: () => boolean;
  #server: Server | undefined;

  /** Port 0 takes any free one. */
  constructor(port: number, isReady: () => boolean) {
    this.#port = port;
    this.#isReady = isReady;
  }

  /** The port it listens on; 0 before the start. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  /** @throws ConfigError that names the variable, where the port is taken or not ours to take */
  start(): Promise<void> {
    const server = createServer((request, response) => {
      const [code, text] = this.#answer(request.url ?? '');
      response.writeHead(code, { 'content-type': 'text/plain' }).end(text);
    });
    this.#server = server;
    return listen(server, { setting: 'HEALTH_PORT', port: this.#port });
  }

  stop(): Promise<void> {
    const server = this.#server;
    if (!server) return Promise.resolve();
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  #answer(url: string): readonly [number, string] {
    if (url === '/healthz') return [200, 'ok'];
    if (url === '/readyz') return this.#isReady() ? [200, 'ok'] : [503, 'not ready yet'];
    return [404, 'not found: try /healthz or /readyz'];
  }
}

/**
 * Resolves when a server listens on the port that a setting names.
 *
 * @throws ConfigError that names the variable, where the port is taken or not ours to take
 */
export function listen(
  server: NetServer,
  { setting, port }: { readonly setting: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `${setting} is ${port}, where nothing can listen: ${error.message}`;
      reject(new ConfigError(message, { cause: error }));
    });
    server.listen(port, resolve);
  });
}
