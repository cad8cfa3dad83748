import { request } from 'undici';
import { assemble, type Blob, type Image, indexOf } from './image.ts';

/** A client for an OCI registry over plain HTTP (OCI distribution specification v1.1). */
export class Registry {
  /** Host and port, as references begin. */
  readonly address: string;

  constructor(address: string) {
    this.address = address;
  }

  /**
   * Pushes an image as `<repository>:<tag>`, or moves the tag to it, and returns the digest that the
   * tag points at now. With `asIndex` that is an index with the image inside.
   */
  async push(
    name: string,
    image: Image,
    options: { readonly asIndex?: boolean } = {},
  ): Promise<string> {
    const [repository = '', tag = ''] = name.split(':');
    const { blobs, manifest } = assemble(image);
    for (const blob of blobs) await this.#pushBlob(repository, blob);
    if (!options.asIndex) return await this.#pushManifest(repository, tag, manifest);
    await this.#pushManifest(repository, manifest.digest, manifest);
    return await this.#pushManifest(repository, tag, indexOf(manifest));
  }

  /** The full reference of what was pushed as `<repository>:<tag>`. */
  reference(name: string): string {
    return `${this.address}/${name}`;
  }

  async #pushBlob(repository: string, blob: Blob): Promise<void> {
    const uploads = `/v2/${repository}/blobs/uploads/`;
    if (await this.#has(`/v2/${repository}/blobs/${blob.digest}`)) return;
    const { headers } = await this.#send('POST', uploads);
    const location = new URL(String(headers['location']), `http://${this.address}`);
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

  async #has(path: string): Promise<boolean> {
    const { statusCode, body } = await request(`http://${this.address}${path}`, { method: 'HEAD' });
    await body.dump();
    return statusCode === 200;
  }

  async #send(method: 'POST' | 'PUT', path: string, blob?: Blob) {
    const response = await request(`http://${this.address}${path}`, {
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
