import type { RequestOptions } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { type Cluster, KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../clock.ts';

/** How a connection to the API server is secured. */
export interface TlsMaterial {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** What a request needs beyond its own content. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
}

/** Below the minute after which client-go reads a token file again (transport/token_source.go). */
const maxAgeMs = 10_000;

/**
 * Credentials of the current context of a kubeconfig, asked for anew every 10 s of use, so that
 * rotated files are noticed; client-node itself keeps a token file for a minute, and the answer of
 * an exec plug-in until it expires. An unchanged answer is the same object.
 */
export class CredentialSource {
  readonly cluster: Cluster;
  readonly #kubeConfig: KubeConfig;
  readonly #clock: Clock;
  #reader: KubeConfig;
  #known: Credentials | undefined;
  #askAgainAt = Number.NEGATIVE_INFINITY;
  #renewing: Promise<Credentials> | undefined;

  /** Throws where the kubeconfig has no current cluster. */
  constructor(kubeConfig: KubeConfig, clock: Clock) {
    this.cluster = currentCluster(kubeConfig);
    this.#kubeConfig = kubeConfig;
    this.#clock = clock;
    this.#reader = withoutMemory(kubeConfig);
  }

  /** The last known ones where they cannot be read now: a file that is being replaced can be missing. */
  async current(): Promise<Credentials> {
    if (this.#known !== undefined && this.#clock.monotonic() < this.#askAgainAt) return this.#known;
    try {
      return await this.#read(this.#reader);
    } catch (error) {
      if (this.#known === undefined) throw error;
      return this.#known;
    }
  }

  /** Reads all again, past every memory, unless that has happened since `refused` was given out. */
  renewed(refused: Credentials): Promise<Credentials> {
    if (this.#known !== undefined && this.#known !== refused) return Promise.resolve(this.#known);
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Lets the next request ask again, for example because the server's certificate is not trusted. */
  expire(): void {
    this.#askAgainAt = Number.NEGATIVE_INFINITY;
  }

  async #renew(): Promise<Credentials> {
    this.#reader = withoutMemory(this.#kubeConfig);
    return await this.#read(this.#reader);
  }

  async #read(reader: KubeConfig): Promise<Credentials> {
    const options: RequestOptions = {};
    await reader.applyToHTTPSOptions(options);
    // A slower read must not bring back what a renewal has just replaced.
    if (reader !== this.#reader && this.#known !== undefined) return this.#known;
    const read = { headers: authorization(options), tls: tlsMaterial(options) };
    if (!isDeepStrictEqual(read, this.#known)) this.#known = read;
    this.#askAgainAt = this.#clock.monotonic() + maxAgeMs;
    return this.#known ?? read;
  }
}

function currentCluster(kubeConfig: KubeConfig): Cluster {
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig has no current context with a cluster');
  return cluster;
}

/**
 * A copy of the current context with nothing remembered. Without a user client-node would leave
 * out the CA as well, and it refuses plain http, which has no TLS to verify, unless told to skip that.
 */
function withoutMemory(kubeConfig: KubeConfig): KubeConfig {
  const cluster = currentCluster(kubeConfig);
  const copy = new KubeConfig();
  copy.loadFromClusterAndUser(
    { ...cluster, skipTLSVerify: cluster.skipTLSVerify || cluster.server.startsWith('http:') },
    kubeConfig.getCurrentUser() ?? { name: 'anonymous' },
  );
  return copy;
}

function authorization(options: RequestOptions): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token file written by hand ends with a line feed, which no header may hold.
    headers[name.toLowerCase()] = String(value).trim();
  }
  if (options.auth) {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}

function tlsMaterial(options: RequestOptions): TlsMaterial {
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  return Object.fromEntries(
    Object.entries({ ca, cert, key, servername, rejectUnauthorized }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}
