import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { destination } from '../../.ci/image/build.ts';
import { type Image, image, push, writeLayout } from '../../.ci/image/oci.ts';
import type { Entry } from '../../.ci/image/root.ts';

const entries: readonly Entry[] = [
  { path: 'bin/program', content: Buffer.from('#!/bin/sh\n'), executable: true },
  { path: 'bin/sh', link: 'program' },
  { path: 'etc/deep/text', content: Buffer.from('x'.repeat(513)), executable: false },
];

const config = { User: '1:2', Env: [], Entrypoint: ['/bin/program'], Cmd: [], Labels: {} };

const sha256 = (content: Uint8Array) =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`;

describe('an image', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'oci-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('is the same bytes at every build', () => {
    expect(image(entries, config)).toEqual(image(entries, config));
  });

  it('has a layer that tar reads, owned by root and of no time', () => {
    const layer = gunzipSync(image(entries, config).layer.content);
    const listing = execFileSync(
      'tar',
      ['--list', '--verbose', '--numeric-owner', '--utc', '-f-'],
      {
        input: layer,
        encoding: 'utf8',
      },
    );
    expect(listing.replace(/ +/g, ' ').trim().split('\n')).toEqual([
      'drwxr-xr-x 0/0 0 1970-01-01 00:00 bin/',
      'drwxr-xr-x 0/0 0 1970-01-01 00:00 etc/',
      'drwxr-xr-x 0/0 0 1970-01-01 00:00 etc/deep/',
      '-rwxr-xr-x 0/0 10 1970-01-01 00:00 bin/program',
      'lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin/sh -> program',
      '-rw-r--r-- 0/0 513 1970-01-01 00:00 etc/deep/text',
    ]);
    const text = execFileSync('tar', ['--extract', '--to-stdout', '-f-', 'etc/deep/text'], {
      input: layer,
    });
    expect(text.toString()).toBe('x'.repeat(513));
  });

  it('says what its layer is and how it runs', () => {
    const built = image(entries, config);
    expect(JSON.parse(built.config.content.toString())).toMatchObject({
      architecture: 'amd64',
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: [sha256(gunzipSync(built.layer.content))] },
    });
  });

  it('refuses a path that a tar header has no room for', () => {
    const path = 'x'.repeat(101);
    expect(() => image([{ path, link: 'y' }], config)).toThrow('too long');
  });

  it('becomes a layout in which each reference holds', () => {
    writeLayout(image(entries, config), '1.0', directory);
    const json = (path: string) => JSON.parse(readFileSync(join(directory, path), 'utf8'));
    const blob = (digest: string) => `blobs/${digest.replace(':', '/')}`;
    const [reference] = json('index.json').manifests;
    expect(reference.annotations).toEqual({ 'org.opencontainers.image.ref.name': '1.0' });
    const manifest = json(blob(reference.digest));
    for (const { digest, size } of [reference, manifest.config, ...manifest.layers]) {
      const content = readFileSync(join(directory, blob(digest)));
      expect([sha256(content), content.length]).toEqual([digest, size]);
    }
    expect(readdirSync(join(directory, 'blobs/sha256'))).toHaveLength(3);
    expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
  });
});

describe('a push', () => {
  let server: Server;
  let built: Image;
  let held: Map<string, { readonly type: string; readonly content: Buffer }>;
  let refusal: string | undefined;

  /** As much of the distribution API as a push needs; returns the status. */
  function answer({ method, url = '', headers }: IncomingMessage, content: Buffer): number {
    const { pathname, searchParams } = new URL(url, 'http://registry');
    if (method === 'HEAD') return held.has(pathname) ? 200 : 404;
    if (method === 'POST') return 202;
    const digest = searchParams.get('digest');
    const path = digest === null ? pathname : `/v2/a/b/blobs/${digest}`;
    held.set(path, { type: headers['content-type'] ?? '', content });
    return 201;
  }

  beforeEach(async () => {
    built = image(entries, config);
    held = new Map();
    refusal = undefined;
    server = createServer(async (request, response) => {
      const content = await buffer(request);
      const status = refusal === undefined ? answer(request, content) : 403;
      response.writeHead(status, { location: '/upload?state=a' }).end(refusal);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });

  afterEach(async () => {
    server.close();
    await once(server, 'close');
  });

  const here = () => destination(`127.0.0.1:${(server.address() as AddressInfo).port}/a/b:1.0`);

  it('brings blobs and manifest under their names', async () => {
    await push(built, here());
    const { layer, config: configBlob, manifest } = built;
    expect([...held]).toEqual([
      [
        `/v2/a/b/blobs/${layer.digest}`,
        { type: 'application/octet-stream', content: layer.content },
      ],
      [
        `/v2/a/b/blobs/${configBlob.digest}`,
        { type: 'application/octet-stream', content: configBlob.content },
      ],
      ['/v2/a/b/manifests/1.0', { type: manifest.mediaType, content: manifest.content }],
    ]);
  });

  it('leaves out blobs that are there', async () => {
    const there = { type: '', content: Buffer.from('there') };
    held.set(`/v2/a/b/blobs/${built.layer.digest}`, there);
    await push(built, here());
    expect(held.get(`/v2/a/b/blobs/${built.layer.digest}`)).toBe(there);
  });

  it('tells the words of a registry that refuses', async () => {
    refusal = 'no such luck';
    await expect(push(built, here())).rejects.toThrow(/POST .* answered 403: no such luck/);
  });

  it('goes by plain HTTP only to this machine', () => {
    expect(destination('localhost:5000/a:1').registry).toBe('http://localhost:5000');
    expect(destination('quay.example/a/b:1')).toEqual({
      registry: 'https://quay.example',
      repository: 'a/b',
      tag: '1',
    });
  });

  it.each(['a:1', 'localhost:5000/a', ''])('refuses the reference %j', (reference) => {
    expect(() => destination(reference)).toThrow('HOST[:PORT]/REPOSITORY:TAG');
  });
});
