import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aMachine } from './builders.ts';
import { type PartName, parts } from './parts.ts';
import { missing } from './prerequisites.ts';
import { pins } from './tools.ts';

describe('what a machine lacks for a real cluster', () => {
  let cache: string;
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'tools-'));
  });
  afterEach(() => rmSync(cache, { recursive: true }));

  const all = Object.keys(parts) as PartName[];
  const sentence = (lacks: string) =>
    `this machine lacks ${lacks}, which the real cluster needs; npm test does not need it`;

  it('is nothing where everything can be made', async () => {
    expect(await missing(all, aMachine(), cache)).toBeUndefined();
  });

  it.each([
    ['Linux', { platform: 'darwin' }],
    ['an amd64 processor', { architecture: 'arm64' }],
    ['root', { isRoot: false }],
    ['Debian', { lacks: ['apt-get', 'dpkg-deb'] }],
    ['ip (package iproute2)', { lacks: ['ip'] }],
    ['nsenter (package util-linux)', { lacks: ['nsenter'] }],
    ['openssl (package openssl)', { lacks: ['openssl'] }],
    ['Go 1.26 or newer', { go: null }],
    ['Go 1.26 or newer (it has 1.25.11)', { go: '1.25.11' }],
    ['Go 1.26 or newer (it has 1.9)', { go: '1.9' }],
    ['root, ip (package iproute2), Go 1.26 or newer', { isRoot: false, lacks: ['ip'], go: null }],
  ])('is said in one sentence: %s', async (lacks, differences) => {
    expect(await missing(all, aMachine(differences), cache)).toBe(sentence(lacks));
  });

  it.each(['1.26.0', '1.27', '2.0'])('is nothing with Go %s', async (go) => {
    expect(await missing(all, aMachine({ go }), cache)).toBeUndefined();
  });

  it('is Go as long as one part is to be built', async () => {
    const withoutGo = aMachine({ go: null });
    for (const name of all.filter((part) => part !== 'kubelet')) await fill(name);
    expect(await missing(all, withoutGo, cache)).toBe(sentence('Go 1.26 or newer'));
    expect(await missing(['etcd', 'control-plane'], withoutGo, cache)).toBeUndefined();
    await fill('kubelet');
    expect(await missing(all, withoutGo, cache)).toBeUndefined();
  });

  it('is no Go where Debian has the part', async () => {
    const debian = aMachine({ go: null, candidates: { containerd: '2.1.3~ds1-1' } });
    expect(await missing(['containerd'], debian, cache)).toBeUndefined();
    const older = aMachine({ go: null, candidates: { containerd: '1.6.20' } });
    expect(await missing(['containerd'], older, cache)).toBe(sentence('Go 1.26 or newer'));
  });

  async function fill(name: PartName): Promise<void> {
    mkdirSync(join(cache, `${await pins(name, parts[name])}-go1.26.1`));
  }
});
