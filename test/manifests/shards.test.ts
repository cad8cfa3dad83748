import { createHash } from 'node:crypto';
import { isLabelValue, isSubdomain } from '../../src/api/object-names.ts';
import { labelValue, shardName, standInName } from '../../src/manifests/names.ts';
import { maxShardSize, partsOf, split } from '../../src/manifests/shards.ts';
import { fc } from '../properties.ts';

const reference = (number: number) => `quay.io/example/${number}:1`;
const list = fc
  .uniqueArray(fc.integer({ min: 0, max: 100_000 }), { maxLength: 260, size: 'max' })
  .map((numbers) => numbers.map(reference));
const fullList = fc
  .uniqueArray(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 260, size: 'max' })
  .map((numbers) => numbers.map(reference));

/** Of its SHA-256, as `printf %s REFERENCE | sha256sum` prints it: from 8 on it is 1. */
const firstBit = (text: string) =>
  createHash('sha256').update(text).digest('hex').slice(0, 1) < '8' ? 0 : 1;

/** What each DaemonSet holds, by the path that names it. */
const contents = (references: readonly string[]) =>
  new Map(split(references).map((shard) => [shard.path, [...shard.references].sort()]));

/** Paths of shards that are there before or after and do not hold the same. */
function touched(before: readonly string[], after: readonly string[]): readonly string[] {
  const [old, young] = [contents(before), contents(after)];
  return [...new Set([...old.keys(), ...young.keys()])].filter((path) => {
    const [left, right] = [old.get(path), young.get(path)];
    return left?.join() !== right?.join();
  });
}

describe('a list that is split', () => {
  it('is whole, without repeats, in parts of at most forty that have paths of their own', () => {
    fc.assert(
      fc.property(list, (references) => {
        const shards = split([...references, ...references]);
        expect(shards.flatMap((shard) => shard.references).sort()).toEqual([...references].sort());
        for (const shard of shards) {
          expect(shard.references.length).toBeGreaterThan(0);
          expect(shard.references.length).toBeLessThanOrEqual(maxShardSize);
        }
        expect(new Set(shards.map(({ path }) => path)).size).toBe(shards.length);
      }),
    );
  });

  it('is split the same way in whatever order it stands', () => {
    fc.assert(
      fc.property(list, fc.integer(), (references, at) => {
        const turned = [...references.slice(at), ...references.slice(0, at)].reverse();
        expect(contents(turned)).toEqual(contents(references));
      }),
    );
  });

  it('has one part changed by one image more or less, or two where parts split or merge', () => {
    fc.assert(
      fc.property(fullList, ([added = '', ...references]) => {
        const paths = touched(references, [...references, added]);
        const [fewer, more] = [split(references).length, split([...references, added]).length];
        expect(more - fewer).toBeLessThanOrEqual(1);
        expect(paths).toHaveLength(more > fewer && fewer > 0 ? 2 : 1);
      }),
    );
  });

  it('gets one new part by a split, has one shrunk by it, and none renamed', () => {
    const references = Array.from({ length: maxShardSize + 1 }, (_, number) => reference(number));
    const [whole, halves] = [contents(references.slice(1)), contents(references)];
    expect([...whole.keys()]).toEqual(['']);
    expect([...halves.keys()]).toEqual(['', '1']);
    expect([...halves.values()].flat().sort()).toEqual([...references].sort());
  });

  it('has no part for a half that is empty', () => {
    const candidates = Array.from({ length: 500 }, (_, number) => reference(number));
    const right = candidates.filter((candidate) => firstBit(candidate) === 1);
    const shards = split(right.slice(0, maxShardSize + 1));
    expect(shards.map(({ path }) => path)).toEqual(['1', '11']);
    expect(split([])).toEqual([]);
  });

  it('is split by the bits of the SHA-256 of each reference', () => {
    const references = Array.from({ length: maxShardSize + 1 }, (_, number) => reference(number));
    const [left, right] = split(references);
    expect(left?.references).toEqual(references.filter((each) => firstBit(each) === 0));
    expect(right?.references).toEqual(references.filter((each) => firstBit(each) === 1));
  });
});

describe('the name of a part', () => {
  const path = fc
    .array(fc.constantFrom('0', '1'), { maxLength: 30 })
    .map((bits) => bits.join('').replace(/0+$/, ''));
  const daemonSetName = fc.oneof(
    fc.constantFrom('cache', `${'a'.repeat(53)}.b`, `${'a'.repeat(52)}.b.c`),
    fc.integer({ min: 1, max: 230 }).map((length) => 'n'.repeat(length)),
  );

  it('can name a DaemonSet, its label and its pods, however long the name it is made from', () => {
    fc.assert(
      fc.property(daemonSetName, path, (name, at) => {
        const names = [standInName(name), ...(at === '' ? [] : [shardName(name, at)])];
        for (const made of names) {
          expect(isSubdomain(made)).toBe(true);
          expect(made.length).toBeLessThanOrEqual(63);
          expect(isLabelValue(labelValue(made))).toBe(true);
        }
      }),
    );
  });

  it('tells it from every other part', () => {
    fc.assert(
      fc.property(daemonSetName, fc.uniqueArray(path, { maxLength: 40 }), (name, paths) => {
        const names = [standInName(name), ...paths.map((at) => shardName(name, at))];
        expect(new Set(names).size).toBe(names.length);
      }),
    );
  });

  it('is the name that the user chose at the far left, and has the path elsewhere', () => {
    const images = Array.from({ length: 81 }, (_, number) => ({
      container: `i${number}`,
      reference: reference(number),
      names: [`i${number}`],
    }));
    const names = partsOf({ daemonsetName: 'cache', images }).map(({ name }) => name);
    expect(names[0]).toBe('cache');
    for (const name of names.slice(1)) expect(name).toMatch(/^cache-s[01]*1$/);
  });
});
