import { createHash } from 'node:crypto';
import type { ImageReference } from './image-reference.ts';

/** What a reference leads to. */
export interface Image {
  /** `sha256:…`, of the manifest or index that the tag names. */
  readonly digest: string;
  /** The digest of its configuration, where that matters: see {@link imageId}. */
  readonly id?: string;
  /** The USER of the image: a number, a name, or 0 where it has none. */
  readonly user: number | string;
  /** How long a node takes to download and unpack it, in milliseconds. */
  readonly pullMs: number;
  /** Its containers end by themselves, at once, with this code. */
  readonly exitCode?: number;
  /** Why they ended, where the code alone does not say it, as `OOMKilled`. */
  readonly exitReason?: string;
  /** The only kind of node it is for, as `arm64`; any by default. */
  readonly architecture?: string;
  /** Commands that it does not hold, though a container may ask for them. */
  readonly lacks?: readonly string[];
  /** Why no container can be made of it, in the words of the container runtime. */
  readonly createError?: string;
  /** Its containers end only by KILL, as a process does that is PID 1 and handles no signals. */
  readonly ignoresTerm?: boolean;
}

/** The answer to a pull: the image, or the words in which the container runtime reports a refusal. */
export type Answer = { readonly image: Image } | { readonly refusal: string };

/** Claims that a pod's pull secret of this name may be used; asked only where one is needed. */
export type HasSecret = (name: string) => boolean;

/** What a registry serves, and how fast. */
export interface RegistryOptions {
  /** Serves every reference, with a digest made from its name; only what is pushed by default. */
  readonly servesAnything?: boolean;
  /** The time a pull takes where the image says nothing, in milliseconds; 1,000 by default. */
  readonly pullMs?: number;
}

/** One registry: repositories with tags that can move, running or stopped, open or not. */
export class Registry {
  readonly host: string;
  readonly #servesAnything: boolean;
  readonly #pullMs: number;
  readonly #tags = new Map<string, Image>();
  readonly #digests = new Map<string, Image>();
  readonly #removed = new Set<string>();
  readonly #secrets = new Map<string, string>();
  readonly #requests: string[] = [];
  #isRunning = true;

  constructor(host: string, { servesAnything = false, pullMs = 1000 }: RegistryOptions = {}) {
    this.host = host;
    this.#servesAnything = servesAnything;
    this.#pullMs = pullMs;
  }

  /** What nodes asked for so far, as `repository:tag` or `repository@digest`. */
  get requests(): readonly string[] {
    return this.#requests;
  }

  /** Makes `repository:tag` name this image from now on; what is left out is made up. */
  push(name: string, image: Partial<Image> = {}): Image {
    const [repository = ''] = name.split(':');
    const pushed: Image = {
      digest: digestOf(`${this.host}/${name}`),
      user: 0,
      pullMs: this.#pullMs,
      ...image,
    };
    this.#tags.set(name, pushed);
    this.#digests.set(`${repository}@${pushed.digest}`, pushed);
    this.#removed.delete(name);
    return pushed;
  }

  /** Nobody finds `repository:tag` any more; its digest stays. */
  remove(name: string): void {
    this.#tags.delete(name);
    this.#removed.add(name);
  }

  /** From now on pulls from the repository need a pod with an existing pull secret of this name. */
  requireSecret(repository: string, secret: string): void {
    this.#secrets.set(repository, secret);
  }

  /** Nothing listens on the registry's port until it is started again. */
  stop(): void {
    this.#isRunning = false;
  }

  start(): void {
    this.#isRunning = true;
  }

  /** Answers a node, or whoever else asks for a manifest. */
  pull(reference: ImageReference, hasSecret: HasSecret): Answer {
    const { repository, tag, digest } = reference;
    if (!this.#isRunning) return refusedConnection(reference);
    const name = digest === undefined ? `${repository}:${tag}` : `${repository}@${digest}`;
    this.#requests.push(name);
    const secret = this.#secrets.get(repository);
    if (secret !== undefined && !hasSecret(secret)) return unauthorized(reference);
    const image = this.#find(name, digest);
    return image === undefined ? notFound(reference) : { image };
  }

  #find(name: string, digest: string | undefined): Image | undefined {
    const image = digest === undefined ? this.#tags.get(name) : this.#digests.get(name);
    if (image !== undefined || !this.#servesAnything || this.#removed.has(name)) return image;
    const made = digest ?? digestOf(`${this.host}/${name}`);
    return { digest: made, user: 0, pullMs: this.#pullMs };
  }
}

/** What the world of registries is like. */
export interface RegistriesOptions {
  /** Of the registries that nobody has added; they serve anything unless this says otherwise. */
  readonly others?: RegistryOptions;
}

/**
 * Every registry that nodes can reach. A host that was not added is an open registry, with the
 * exceptions of the real world: nothing listens on a loopback address by itself, `.invalid` never
 * resolves (RFC 6761), and a port ends at 65535.
 */
export class Registries {
  readonly #registries = new Map<string, Registry>();
  readonly #others: RegistryOptions;

  constructor({ others = {} }: RegistriesOptions = {}) {
    this.#others = { servesAnything: true, ...others };
  }

  /** Adds a registry that serves what is pushed to it, instead of any former one of that host. */
  add(host: string, options?: RegistryOptions): Registry {
    const registry = new Registry(host, options);
    this.#registries.set(host, registry);
    return registry;
  }

  /** The registry of a host; one that nobody added is made as the others are. */
  at(host: string): Registry {
    return this.#registries.get(host) ?? this.add(host, this.#others);
  }

  /** What a node is answered that pulls this image. */
  pull(reference: ImageReference, hasSecret: HasSecret): Answer {
    const { host } = reference;
    const [, name = host, port = ''] = /^(.*?)(?::([0-9]+))?$/.exec(host) ?? [];
    if (Number(port) > 65_535)
      return unreachable(reference, `dial tcp: address ${port}: invalid port`);
    if (/\.invalid$/i.test(name))
      return unreachable(reference, `dial tcp: lookup ${name}: no such host`);
    const isLoopback = name === 'localhost' || /^127\.|^\[::1\]$/.test(name);
    if (isLoopback && !this.#registries.has(host)) return refusedConnection(reference);
    return this.at(host).pull(reference, hasSecret);
  }
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/**
 * The words of containerd 2.2 and of the kubelet's CRI client, which puts the gRPC code in front
 * unless it is Unknown. (containerd/containerd: internal/cri/server/images/image_pull.go,
 * core/remotes/docker/resolver.go; kubernetes/kubernetes: cri-client/pkg/remote_image.go)
 */
function failure({ canonical }: ImageReference, why: string): string {
  return `failed to pull and unpack image "${canonical}": failed to resolve image: ${why}`;
}

function notFound(reference: ImageReference): Answer {
  const why = failure(reference, `${reference.canonical}: not found`);
  return { refusal: `rpc error: code = NotFound desc = ${why}` };
}

function unauthorized(reference: ImageReference): Answer {
  const { host, repository } = reference;
  const scope = `repository%3A${encodeURIComponent(repository)}%3Apull`;
  const why =
    'failed to authorize: failed to fetch anonymous token: unexpected status from GET request to ' +
    `https://${host}/token?scope=${scope}&service=${host}: 401 Unauthorized`;
  return { refusal: failure(reference, why) };
}

function refusedConnection(reference: ImageReference): Answer {
  return unreachable(reference, `dial tcp ${reference.host}: connect: connection refused`);
}

function unreachable(reference: ImageReference, why: string): Answer {
  const { host, repository, tag, digest } = reference;
  const url = `https://${host}/v2/${repository}/manifests/${digest ?? tag}`;
  return { refusal: failure(reference, `failed to do request: Head "${url}": ${why}`) };
}
