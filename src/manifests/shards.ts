import { hash } from 'node:crypto';
import type { CachedImage, PullerSpec } from '../api/types.ts';
import { shardName } from './names.ts';
import type { RollStrategy } from './roll-strategy.ts';

/**
 * The most references that one DaemonSet is made for. A pod takes about 2 kB of JSON for each of its
 * containers, and its images start one after another: a long list is better held by several pods.
 */
export const maxShardSize = 40;

/** The references that one DaemonSet holds. */
export interface Shard {
  /**
   * Where the shard lies in the split: `0` or `1` for each time its half was halved, without the zeros
   * at the end. The left half of a shard so keeps its path, and the right half brings a new one.
   */
  readonly path: string;
  /** In the order given. */
  readonly references: readonly string[];
}

/**
 * Splits a list by the bits of each reference's SHA-256, again and again until no part has more than
 * {@link maxShardSize}. The outcome depends on the set of references alone, so neither an order nor
 * what was there before matters. A half without references is none.
 */
export function split(references: readonly string[]): readonly Shard[] {
  const members = [...new Set(references)].map((reference) => new Member(reference));
  return halved('', members).map(({ path, members }) => ({
    path: path.replace(/0+$/, ''),
    references: members.map(({ reference }) => reference),
  }));
}

/** A DaemonSet that a puller should have. */
export interface Part {
  readonly name: string;
  /** The name that the user chose, where another one is made from it for a shard. */
  readonly shardOf?: string;
  /** What its pods hold, sorted by reference. */
  readonly images: readonly CachedImage[];
  /** That of the DaemonSet which has the name already, where it is not the one we would choose. */
  readonly selector?: Readonly<Record<string, string>>;
  /** For which `daemonsetName` and since when it takes over from DaemonSets of former names, where it does. */
  readonly successorSince?: string;
  /** How its pods are replaced, where that is not as the settings have it. */
  readonly strategy?: RollStrategy;
  /** What tells that the puller has made room for its pods, where it once has. */
  readonly roomMade?: string | undefined;
}

/** The DaemonSets of a puller, one for each shard of its list, from left to right. */
export function partsOf({
  daemonsetName,
  images,
}: Pick<PullerSpec, 'daemonsetName' | 'images'>): readonly Part[] {
  const byReference = new Map(images.map((image) => [image.reference, image]));
  return split([...byReference.keys()]).map(({ path, references }) => ({
    name: shardName(daemonsetName, path),
    ...(path !== '' && { shardOf: daemonsetName }),
    images: references.flatMap((reference) => byReference.get(reference) ?? []),
  }));
}

class Member {
  readonly reference: string;
  /** Made when it is asked for, which it never is while the list need not be split. */
  #hash: Buffer | undefined;

  constructor(reference: string) {
    this.reference = reference;
  }

  /** Counted from the left: bit 0 is the highest of the first byte. */
  bit(index: number): number {
    this.#hash ??= hash('sha256', this.reference, 'buffer');
    return (this.#hash.readUInt8(index >> 3) >> (7 - (index & 7))) & 1;
  }
}

interface Half {
  /** With all its zeros. */
  readonly path: string;
  readonly members: readonly Member[];
}

function halved(path: string, members: readonly Member[]): readonly Half[] {
  if (members.length === 0) return [];
  if (members.length <= maxShardSize) return [{ path, members }];
  const isRight = (member: Member) => member.bit(path.length) === 1;
  return [
    ...halved(
      `${path}0`,
      members.filter((member) => !isRight(member)),
    ),
    ...halved(`${path}1`, members.filter(isRight)),
  ];
}
