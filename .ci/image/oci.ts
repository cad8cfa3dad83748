import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { asError } from '../../src/errors.ts';
import { errorChain } from '../../src/log.ts';
import { BuildError } from './build-error.ts';
import type { ImageConfig } from './dockerfile.ts';
import { type Entry, foldersOf } from './root.ts';

/** A blob and how others refer to it (opencontainers/image-spec: descriptor.md). */
export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly content: Buffer;
}

/** An image in the terms of the OCI image specification. */
export interface Image {
  readonly layer: Blob;
  readonly config: Blob;
  readonly manifest: Blob;
  /** The digest of the layer before compression. */
  readonly diffId: string;
}

/** An image of one layer for linux/amd64. The same input gives the same bytes: nothing tells a time. */
export function image(entries: readonly Entry[], config: ImageConfig): Image {
  const archive = tar(entries);
  const diffId = digest(archive);
  const layer = blob('layer.v1.tar+gzip', gzipSync(archive, { level: 6 }));
  const configBlob = configuration(diffId, config);
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor(configBlob),
    layers: [descriptor(layer)],
  };
  return { layer, config: configBlob, manifest: blob('manifest.v1+json', json(manifest)), diffId };
}

/** The configuration of an image: its digest, the image's id, stands for all there is but the compression. */
export function configuration(diffId: string, config: ImageConfig): Blob {
  return blob(
    'config.v1+json',
    json({
      architecture: 'amd64',
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: [diffId] },
      history: [{ created_by: 'kubernetes-image-puller-operator' }],
    }),
  );
}

/** Writes an OCI image layout, which skopeo, podman and containerd read. */
export function writeLayout({ layer, config, manifest }: Image, tag: string, folder: string): void {
  const blobs = join(folder, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  for (const { digest, content } of [layer, config, manifest]) {
    writeFileSync(join(blobs, digest.replace('sha256:', '')), content);
  }
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      { ...descriptor(manifest), annotations: { 'org.opencontainers.image.ref.name': tag } },
    ],
  };
  writeFileSync(join(folder, 'index.json'), json(index));
  writeFileSync(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
}

/** A repository and tag in a registry that asks for no credentials. */
export interface Destination {
  /** As `http://127.0.0.1:5000`. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

/**
 * Pushes an image (opencontainers/distribution-spec: spec.md).
 *
 * @throws BuildError where the registry refuses, with its words, or cannot be reached
 */
export async function push(
  { layer, config, manifest }: Image,
  { registry, repository, tag }: Destination,
): Promise<void> {
  const base = `${registry}/v2/${repository}`;
  for (const one of [layer, config]) await pushBlob(one, base);
  await send(`${base}/manifests/${tag}`, 'PUT', manifest);
}

async function pushBlob(content: Blob, base: string): Promise<void> {
  const present = await answered(`${base}/blobs/${content.digest}`, { method: 'HEAD' });
  if (present.ok) return;
  const started = await send(`${base}/blobs/uploads/`, 'POST');
  const upload = new URL(started.headers.get('location') ?? '', base);
  upload.searchParams.set('digest', content.digest);
  await send(upload.href, 'PUT', { ...content, mediaType: 'application/octet-stream' });
}

async function send(url: string, method: string, body?: Omit<Blob, 'digest'>): Promise<Response> {
  const response = await answered(url, {
    method,
    ...(body && {
      body: new Uint8Array(body.content),
      headers: { 'content-type': body.mediaType },
    }),
  });
  if (!response.ok) {
    throw new BuildError(`${method} ${url} answered ${response.status}: ${await response.text()}`);
  }
  return response;
}

async function answered(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    throw new BuildError(`${request.method} ${url}: ${errorChain(asError(error))}`, {
      cause: error,
    });
  }
}

function blob(type: string, content: Buffer): Blob {
  return { mediaType: `application/vnd.oci.image.${type}`, digest: digest(content), content };
}

function descriptor({ mediaType, digest, content }: Blob) {
  return { mediaType, digest, size: content.length };
}

function digest(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

const block = 512;

/** A POSIX ustar archive with the directories that the paths need. */
function tar(entries: readonly Entry[]): Buffer {
  return Buffer.concat([
    ...foldersOf(entries).map((path) => header({ path: `${path}/`, mode: 0o755, type: '5' })),
    ...entries.flatMap(archived),
    Buffer.alloc(2 * block),
  ]);
}

function archived(entry: Entry): readonly Buffer[] {
  if ('link' in entry) return [header({ ...entry, mode: 0o777, type: '2' })];
  const { path, content, executable } = entry;
  const mode = executable ? 0o755 : 0o644;
  const padding = Buffer.alloc((block - (content.length % block)) % block);
  return [header({ path, mode, type: '0', size: content.length }), Buffer.from(content), padding];
}

interface Header {
  readonly path: string;
  readonly mode: number;
  readonly type: '0' | '2' | '5';
  readonly size?: number;
  readonly link?: string;
}

/** Owned by root, from the beginning of time. */
function header({ path, mode, type, size = 0, link = '' }: Header): Buffer {
  if (Buffer.byteLength(path) > 100)
    throw new Error(`the path ${path} is too long for a tar header`);
  const bytes = Buffer.alloc(block);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  bytes.write(path, 0);
  bytes.write(octal(mode, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(size, 11), 124);
  bytes.write(octal(0, 11), 136);
  // The sum is taken with blanks in its own place.
  bytes.write(' '.repeat(8), 148);
  bytes.write(type, 156);
  bytes.write(link, 157);
  bytes.write('ustar\x0000', 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)} `, 148);
  return bytes;
}
