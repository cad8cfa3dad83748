import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aMachine } from './builders.ts';
import { type Part, parts } from './parts.ts';
import { cached, type Origin, originOf, pins } from './tools.ts';

const go = { module: 'it', packages: { it: 'example.com/it' }, cpuMinutes: 1 };
const debian = { package: 'it', atLeast: '2.1', binaries: { it: 'usr/bin/it' } };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tools-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the pins of a part', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'it'));
    write('go.mod', 'require example.com/it v1.0.0');
    write('go.sum', 'example.com/it v1.0.0 h1:a');
  });

  const write = (file: string, text: string) => writeFileSync(join(folder, 'it', file), text);
  const pinsOf = (part: Part) => pins('it', part, folder);

  it('stay the same as long as nothing changes', async () => {
    expect(await pinsOf({ go })).toBe(await pinsOf({ go }));
    expect(await pinsOf({ go })).toMatch(/^it-[0-9a-f]{12}$/);
  });

  it.each(['go.mod', 'go.sum', 'main.go'])('change with %s', async (file) => {
    const before = await pinsOf({ go });
    write(file, 'another');
    expect(await pinsOf({ go })).not.toBe(before);
  });

  it('change with whatever the part says of itself', async () => {
    const variants: readonly Part[] = [
      { go },
      { debian },
      { debian, go },
      { go: { ...go, tags: 'no_btrfs' } },
      { go: { ...go, variables: { version: '1' } } },
      { debian: { ...debian, atLeast: '2.2' } },
    ];
    expect(new Set(await Promise.all(variants.map(pinsOf))).size).toBe(variants.length);
  });
});

describe('the origin of a part', () => {
  const part: Part = { debian, go: parts.etcd.go };
  const origin = (machine: Parameters<typeof aMachine>[0]) => originOf(part, aMachine(machine));

  it('is the version that apt would install, where that is new enough', async () => {
    expect(await origin({ candidates: { it: '2.1' } })).toEqual({ debian, version: '2.1' });
  });

  it('is the Go that is installed, where Debian has none or an older one', async () => {
    const built = { go: parts.etcd.go, version: '1.26.8' };
    expect(await origin({})).toEqual(built);
    expect(await origin({ candidates: { it: '2.0' } })).toEqual(built);
  });

  it('is unknown where neither will do', async () => {
    expect(await origin({ go: null })).toBeUndefined();
    expect(await origin({ go: '1.25.0', candidates: { it: '2.0' } })).toBeUndefined();
  });
});

describe('the cache of parts', () => {
  const pinned = 'it-0123456789ab';
  const builtBy = (version: string): Origin => ({ go, version });
  const put = (name: string, madeAt = 1) => {
    mkdirSync(join(folder, name));
    utimesSync(join(folder, name), madeAt, madeAt);
    return join(folder, name);
  };

  it('has a part for the Go that built it only', () => {
    const path = put(`${pinned}-go1.26.8`);
    expect(cached(folder, pinned, builtBy('1.26.8'))).toBe(path);
    expect(cached(folder, pinned, builtBy('1.26.9'))).toBeUndefined();
  });

  it("has a part for the version of Debian's package only, spelled without a colon", () => {
    const path = put(`${pinned}-1_1.35.0-4+deb12u1`);
    expect(cached(folder, pinned, { debian, version: '1:1.35.0-4+deb12u1' })).toBe(path);
    expect(cached(folder, pinned, { debian, version: '1:1.35.0-4+deb12u2' })).toBeUndefined();
  });

  it('gives the latest of the same pins to a machine that cannot make the part', () => {
    put(`${pinned}-go1.26.8`, 1);
    const latest = put(`${pinned}-go1.26.7`, 2);
    put('it-ba9876543210-go1.26.9', 3);
    put('unfinished-it-x', 4);
    expect(cached(folder, pinned)).toBe(latest);
  });

  it('has nothing of other pins', () => {
    put('it-ba9876543210-go1.26.8');
    expect(cached(folder, pinned)).toBeUndefined();
    expect(cached(folder, pinned, builtBy('1.26.8'))).toBeUndefined();
  });
});
