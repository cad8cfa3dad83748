import { createCipheriv, createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** What an image holds. The same contents always give the same digest. */
export interface Image {
  /** Absolute paths and their content; every file is executable. */
  readonly files?: Readonly<Record<string, Buffer>>;
  /** Absolute paths of symbolic links and where they point. */
  readonly links?: Readonly<Record<string, string>>;
  /** Weight: a second layer with so many bytes that do not compress. */
  readonly ballastBytes?: number;
  /** Tells images of equal weight apart; also the way to move a tag. */
  readonly seed?: string;
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A number or a name, as in a Dockerfile. */
  readonly user?: string;
  /** Absolute paths of folders that each container gets a volume for. */
  readonly volumes?: readonly string[];
  /** The machines it is for; `amd64` by default. */
  readonly architecture?: string;
  /** Of the manifest: they change its digest, while what the node takes for the image's id stays. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A piece of content as a registry stores it. */
export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly content: Buffer;
}

/** An image in OCI form, ready to push: blobs first, the manifest last. */
export interface AssembledImage {
  readonly architecture: string;
  readonly blobs: readonly Blob[];
  readonly manifest: Blob;
}

/** Assembles an image for linux (OCI image specification v1.1). */
export function assemble(image: Image): AssembledImage {
  const { architecture = 'amd64', volumes = [] } = image;
  const layers = archivesOf(image);
  const blobs = layers.map((layer) =>
    blob('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(layer, { level: 1 })),
  );
  const config = jsonBlob('application/vnd.oci.image.config.v1+json', {
    architecture,
    os: 'linux',
    config: {
      Env: Object.entries({ PATH: '/bin:/usr/bin', ...image.environment }).map(
        ([name, value]) => `${name}=${value}`,
      ),
      ...(image.entrypoint ? { Entrypoint: image.entrypoint } : {}),
      ...(image.user === undefined ? {} : { User: image.user }),
      ...(volumes.length === 0
        ? {}
        : { Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = jsonBlob(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: descriptor(config),
    layers: blobs.map(descriptor),
    ...(image.annotations ? { annotations: image.annotations } : {}),
  });
  return { architecture, blobs: [...blobs, config], manifest };
}

/** An index of images for linux, of which each machine takes its own: a multi-architecture image. */
export function indexOf(images: readonly AssembledImage[]): Blob {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  return jsonBlob(mediaType, {
    schemaVersion: 2,
    mediaType,
    manifests: images.map(({ architecture, manifest }) => ({
      ...descriptor(manifest),
      platform: { architecture, os: 'linux' },
    })),
  });
}

/** An image with a shell, `cp` and `sleep`, from a static busybox, which goes by the name it is called. */
export function busyboxImage(busybox: Buffer): Image {
  const applets = ['sh', 'cp', 'sleep', 'cat', 'ls', 'true'];
  return {
    files: { '/bin/busybox': busybox },
    links: Object.fromEntries(applets.map((applet) => [`/bin/${applet}`, 'busybox'])),
  };
}

function archivesOf(image: Image): readonly Buffer[] {
  const { files = {}, links = {}, ballastBytes = 0, seed = '' } = image;
  const content = tar([
    ...Object.entries(files).map(([path, data]) => ({ path, data })),
    ...Object.entries(links).map(([path, target]) => ({ path, target })),
  ]);
  // Content alone would give images of another seed the same digest.
  if (ballastBytes === 0 && seed === '') return [content];
  const ballast = { path: '/ballast', data: noise(seed, Math.max(ballastBytes, 32)) };
  return [content, tar([ballast])];
}

/** Bytes that do not compress and yet are the same every time. */
function noise(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

type Entry =
  | { readonly path: string; readonly data: Buffer }
  | { readonly path: string; readonly target: string };

/** A ustar archive (POSIX.1-1988): owner 0, time 0, parents before children. */
function tar(entries: readonly Entry[]): Buffer {
  const folders = new Set(entries.flatMap(({ path }) => parentsOf(path)));
  return Buffer.concat([
    ...[...folders].map((folder) => header({ path: `${folder}/`, type: '5' })),
    ...entries.flatMap((entry) =>
      'target' in entry
        ? [header({ path: relative(entry.path), type: '2', target: entry.target })]
        : [
            header({ path: relative(entry.path), type: '0', size: entry.data.length }),
            padded(entry.data),
          ],
    ),
    Buffer.alloc(1024),
  ]);
}

function relative(path: string): string {
  return path.replace(/^\//, '');
}

function parentsOf(path: string): readonly string[] {
  const steps = relative(path).split('/').slice(0, -1);
  return steps.map((_, index) => steps.slice(0, index + 1).join('/'));
}

function header(entry: {
  readonly path: string;
  readonly type: '0' | '2' | '5';
  readonly size?: number;
  readonly target?: string;
}): Buffer {
  if (Buffer.byteLength(entry.path) > 100) throw new Error(`${entry.path} is too long for ustar`);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  const block = Buffer.alloc(512);
  block.write(entry.path, 0);
  block.write(octal(0o755, 7) + octal(0, 7) + octal(0, 7) + octal(entry.size ?? 0, 11), 100);
  block.write(octal(0, 11), 136);
  // The checksum is taken over the header with blanks in its own place.
  block.write('        ', 148);
  block.write(entry.type, 156);
  block.write(entry.target ?? '', 157);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)} `, 148);
  return block;
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

function jsonBlob(mediaType: string, value: object): Blob {
  return blob(mediaType, Buffer.from(JSON.stringify(value)));
}

function blob(mediaType: string, content: Buffer): Blob {
  return { mediaType, digest: digestOf(content), content };
}

function descriptor({ mediaType, digest, content }: Blob) {
  return { mediaType, digest, size: content.length };
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
