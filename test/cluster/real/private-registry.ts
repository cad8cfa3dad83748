import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { Agent, request } from 'undici';
import type { Certificate } from './certificates.ts';

/** Headers by which a client says what it wants, and a registry what it gives. */
const asked = ['accept', 'range'] as const;
const given = ['content-type', 'content-length', 'content-range', 'docker-content-digest'] as const;

/** What a private registry is put together from. */
export interface PrivateRegistryParts {
  readonly host: string;
  readonly port: number;
  readonly serving: Certificate;
  /** The registry behind it, by host and port, and the certificate (PEM) that vouches for it. */
  readonly behind: string;
  readonly ca: string;
  /** By user. */
  readonly passwords: Readonly<Record<string, string>>;
}

/**
 * A second door to a registry, for reading: whoever comes through it shows a user and a password. What is
 * behind it is there under both addresses, and to a node these are two images.
 */
export class PrivateRegistry {
  /** Host and port, as references begin. */
  readonly address: string;
  readonly #parts: PrivateRegistryParts;
  readonly #server: Server;
  readonly #agent: Agent;

  /** Resolves when it answers. */
  static async open(parts: PrivateRegistryParts): Promise<PrivateRegistry> {
    const registry = new PrivateRegistry(parts);
    await new Promise<void>((resolve, reject) => {
      registry.#server.once('error', reject);
      registry.#server.listen(parts.port, parts.host, resolve);
    });
    return registry;
  }

  /** Only by `open()`. */
  private constructor(parts: PrivateRegistryParts) {
    this.address = `${parts.host}:${parts.port}`;
    this.#parts = parts;
    this.#agent = new Agent({ connect: { ca: parts.ca } });
    const { certificate, key } = parts.serving;
    const files = { cert: readFileSync(certificate), key: readFileSync(key) };
    this.#server = createServer(files, (question, answer) => {
      this.#answer(question, answer).catch(() => {
        // Nothing is behind the door, or no more.
        if (answer.headersSent) answer.destroy();
        else answer.writeHead(502).end();
      });
    });
  }

  /** The full reference of what was pushed to the registry behind as `<repository>:<tag>`. */
  reference(name: string): string {
    return `${this.address}/${name}`;
  }

  /** A Secret for `imagePullSecrets` with the password of a user. */
  pullSecret(metadata: { readonly namespace: string; readonly name: string }, user: string) {
    const password = this.#parts.passwords[user];
    const auth = { username: user, password, auth: base64(`${user}:${password}`) };
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [this.address]: auth } }) },
    };
  }

  /** From now on connections are refused; what is closed already stays so. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#agent.destroy();
  }

  async #answer(question: IncomingMessage, answer: ServerResponse): Promise<void> {
    if (!this.#isKnown(question.headers.authorization)) {
      answer.writeHead(401, { 'www-authenticate': 'Basic realm="private"' }).end();
      return;
    }
    const { method = '', url = '' } = question;
    if (method !== 'GET' && method !== 'HEAD') {
      answer.writeHead(405).end();
      return;
    }
    const { statusCode, headers, body } = await request(`https://${this.#parts.behind}${url}`, {
      dispatcher: this.#agent,
      method,
      headers: chosen(question.headers, asked),
    });
    answer.writeHead(statusCode, chosen(headers, given));
    await pipeline(body, answer);
  }

  #isKnown(authorization: string | undefined): boolean {
    return Object.entries(this.#parts.passwords).some(
      ([user, password]) => authorization === `Basic ${base64(`${user}:${password}`)}`,
    );
  }
}

function chosen(headers: Headers, names: readonly string[]): Record<string, string | string[]> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
