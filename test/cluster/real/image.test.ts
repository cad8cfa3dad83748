import { execFileSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { assemble, busyboxImage, indexOf } from './image.ts';

describe('an image', () => {
  const contents = {
    '/bin/tool': Buffer.from('#!/bin/sh\n'),
    '/etc/deep/er/file': Buffer.alloc(513),
  };

  it('has the same digest every time', () => {
    const image = { files: contents, ballastBytes: 1000, seed: 'a' };
    expect(assemble(image).manifest.digest).toBe(assemble(image).manifest.digest);
  });

  it('has another digest with another seed, whatever it weighs', () => {
    const digests = ['', 'a', 'b'].map(
      (seed) => assemble({ files: contents, seed }).manifest.digest,
    );
    expect(new Set(digests).size).toBe(3);
  });

  it('has another digest with annotations, over the same configuration', () => {
    const [plain, annotated] = [{}, { annotations: { built: 'again' } }].map((more) =>
      assemble({ files: contents, ...more }),
    );
    expect(annotated?.manifest.digest).not.toBe(plain?.manifest.digest);
    expect(annotated?.blobs).toEqual(plain?.blobs);
  });

  it('lists parents before children in its archive, every file executable', () => {
    const [layer] = assemble({ ...busyboxImage(Buffer.from('x')), files: contents }).blobs;
    const archive = gunzipSync(layer?.content ?? '');
    const listing = execFileSync('tar', ['-tvf', '-'], { input: archive }).toString();
    const entries = listing
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
    expect(entries.map(([mode, , , , , path]) => `${mode} ${path}`)).toEqual(
      expect.arrayContaining([
        'drwxr-xr-x etc/deep/er/',
        '-rwxr-xr-x bin/tool',
        'lrwxr-xr-x bin/sh',
      ]),
    );
    const paths = entries.map(([, , , , , path]) => path);
    expect(paths.indexOf('etc/deep/')).toBeLessThan(paths.indexOf('etc/deep/er/file'));
  });

  it('weighs what it is told to, also compressed', () => {
    const [, ballast] = assemble({ ballastBytes: 1_000_000 }).blobs;
    expect(ballast?.content.length).toBeGreaterThan(1_000_000);
  });

  it('declares the volumes that it is to have', () => {
    const { blobs } = assemble({ files: contents, volumes: ['/data', '/cache'] });
    const { config } = JSON.parse(blobs.at(-1)?.content.toString() ?? '');
    expect(config.Volumes).toEqual({ '/data': {}, '/cache': {} });
  });

  it('is found below an index by its digest', () => {
    const image = assemble({ files: contents, architecture: 'arm64' });
    const { digest, content } = image.manifest;
    const index = JSON.parse(indexOf([image]).content.toString());
    expect(index.manifests).toEqual([
      expect.objectContaining({
        digest,
        size: content.length,
        platform: { architecture: 'arm64', os: 'linux' },
      }),
    ]);
  });

  it('refuses a path that its archive cannot hold', () => {
    expect(() => assemble({ files: { [`/${'x'.repeat(101)}`]: Buffer.alloc(0) } })).toThrow(
      'too long for ustar',
    );
  });
});
