import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import type { Certificate } from './certificates.ts';

/** Claims that a server answers a GET with success; without a server the claim is false. */
export async function answers(url: string): Promise<boolean> {
  // Controller manager and scheduler make up their own certificates for /healthz, and this goes to
  // loopback only.
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    const { statusCode, body } = await request(url, { dispatcher });
    await body.dump();
    return statusCode < 300;
  } catch {
    return false; // nobody listens yet
  } finally {
    await dispatcher.destroy();
  }
}

/** The API server for the harness itself: an administrator's few requests, raw JSON. */
export class AdminApi {
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, authority: Certificate, client: Certificate) {
    this.#url = url;
    this.#agent = new Agent({
      connect: {
        ca: readFileSync(authority.certificate),
        cert: readFileSync(client.certificate),
        key: readFileSync(client.key),
      },
    });
  }

  /** What is at a path; undefined where the server answers 404. Other refusals are thrown. */
  async get(path: string): Promise<unknown> {
    return (await this.#send('GET', path)).body;
  }

  /**
   * Creates an object in a collection; one that exists already is left as it is. Resolves with what the
   * server warns of (the Warning headers: RFC 7234, 5.5).
   */
  async create(path: string, object: object): Promise<readonly string[]> {
    return (await this.#send('POST', path, JSON.stringify(object))).warnings;
  }

  /** Claims that the server is up and its post-start hooks have run. */
  async isReady(): Promise<boolean> {
    try {
      const { statusCode, body } = await request(`${this.#url}/readyz`, {
        dispatcher: this.#agent,
      });
      await body.dump();
      return statusCode === 200;
    } catch {
      return false; // nobody listens yet
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    body: string | null = null,
  ): Promise<{ readonly body?: unknown; readonly warnings: readonly string[] }> {
    const response = await request(`${this.#url}${path}`, {
      method,
      body,
      dispatcher: this.#agent,
      headers: { accept: 'application/json', 'content-type': 'application/json' },
    });
    const text = await response.body.text();
    const warnings = [response.headers['warning'] ?? []].flat();
    if (response.statusCode === (method === 'GET' ? 404 : 409)) return { warnings };
    if (response.statusCode >= 300) {
      throw new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 500)}`);
    }
    return { body: JSON.parse(text), warnings };
  }
}
