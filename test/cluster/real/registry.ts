import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { type AssembledImage, assemble, type Blob, type Image, indexOf } from './image.ts';

/** A registry shows a manifest only to who accepts its type. */
const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
];

/** A client for an OCI registry (OCI distribution specification v1.1): it makes and moves tags. */
export class Registry {
  /** Host and port, as references begin. */
  readonly address: string;
  readonly #agent: Agent;

  /** `ca` is the certificate (PEM) that vouches for the registry's. */
  constructor(address: string, ca: string) {
    this.address = address;
    this.#agent = new Agent({ connect: { ca } });
  }

  /**
   * Pushes an image as `<repository>:<tag>`, or moves the tag to it, and returns the digest that the
   * tag points at now.
   */
  async push(name: string, image: Image): Promise<string> {
    const [repository, tag] = split(name);
    const { manifest } = await this.#pushBlobs(repository, image);
    return await this.#pushManifest(repository, tag, manifest);
  }

  /** The same with an index of images, each for another architecture. */
  async pushIndex(name: string, images: readonly Image[]): Promise<string> {
    const [repository, tag] = split(name);
    const members: AssembledImage[] = [];
    for (const image of images) {
      const member = await this.#pushBlobs(repository, image);
      await this.#pushManifest(repository, member.manifest.digest, member.manifest);
      members.push(member);
    }
    return await this.#pushManifest(repository, tag, indexOf(members));
  }

  /**
   * Pushes the first image of an OCI image layout (OCI image specification v1.1: image-layout.md), as
   * build tools leave one in a folder, and returns its digest.
   */
  async pushLayout(name: string, folder: string): Promise<string> {
    const [repository, tag] = split(name);
    const content = ({ digest }: Descriptor) =>
      readFile(join(folder, 'blobs', digest.replace(':', '/')));
    const { manifests } = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as Index;
    const [manifest] = manifests;
    if (!manifest) throw new Error(`${folder}/index.json names no image`);
    const text = await content(manifest);
    const { config, layers } = JSON.parse(text.toString()) as Manifest;
    for (const blob of [config, ...layers]) {
      await this.#pushBlob(repository, { ...blob, content: await content(blob) });
    }
    return await this.#pushManifest(repository, tag, { ...manifest, content: text });
  }

  /** The digest that a tag points at; undefined where there is no such tag. */
  async digest(name: string): Promise<string | undefined> {
    const [repository, tag] = split(name);
    const { statusCode, headers } = await this.#head(`/v2/${repository}/manifests/${tag}`);
    return statusCode === 200 ? String(headers['docker-content-digest']) : undefined;
  }

  /** Takes away what a tag points at, and so every tag that points there. */
  async remove(name: string): Promise<void> {
    const [repository] = split(name);
    const digest = await this.digest(name);
    if (digest) await this.#send('DELETE', `/v2/${repository}/manifests/${digest}`);
  }

  /** The full reference of what was pushed as `<repository>:<tag>`. */
  reference(name: string): string {
    return `${this.address}/${name}`;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #pushBlobs(repository: string, image: Image): Promise<AssembledImage> {
    const assembled = assemble(image);
    for (const blob of assembled.blobs) await this.#pushBlob(repository, blob);
    return assembled;
  }

  async #pushBlob(repository: string, blob: Blob): Promise<void> {
    const uploads = `/v2/${repository}/blobs/uploads/`;
    const { statusCode } = await this.#head(`/v2/${repository}/blobs/${blob.digest}`);
    if (statusCode === 200) return;
    const { headers } = await this.#send('POST', uploads);
    const location = new URL(String(headers['location']), `https://${this.address}`);
    location.searchParams.set('digest', blob.digest);
    await this.#send('PUT', location.pathname + location.search, {
      ...blob,
      mediaType: 'application/octet-stream',
    });
  }

  async #pushManifest(repository: string, tag: string, manifest: Blob): Promise<string> {
    await this.#send('PUT', `/v2/${repository}/manifests/${tag}`, manifest);
    return manifest.digest;
  }

  async #head(path: string) {
    const response = await request(`https://${this.address}${path}`, {
      dispatcher: this.#agent,
      method: 'HEAD',
      headers: { accept: manifestTypes.join(', ') },
    });
    await response.body.dump();
    return response;
  }

  async #send(method: 'POST' | 'PUT' | 'DELETE', path: string, blob?: Blob) {
    const response = await request(`https://${this.address}${path}`, {
      dispatcher: this.#agent,
      method,
      body: blob?.content ?? null,
      headers: blob ? { 'content-type': blob.mediaType } : {},
    });
    const text = await response.body.text();
    if (response.statusCode >= 300) {
      throw new Error(`${method} ${path}: the registry answered ${response.statusCode} ${text}`);
    }
    return response;
  }
}

type Descriptor = Omit<Blob, 'content'>;

interface Index {
  readonly manifests: readonly Descriptor[];
}

interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** Repository and tag. */
function split(name: string): readonly [string, string] {
  const [repository = '', tag = ''] = name.split(':');
  return [repository, tag];
}
