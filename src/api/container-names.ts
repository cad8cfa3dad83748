import { shortHash } from '../manifests/names.ts';
import { isLabel, maxLabelLength } from './object-names.ts';

/** Names the pods use themselves: `copy-sleep` is the init container that brings the sleep program. */
const reservedContainerNames: ReadonlySet<string> = new Set(['copy-sleep']);

/** The name of an image whose entry has none that a container name could be made of. */
export const namelessContainer = 'image';

/** What a user wants to call the container of a reference. */
export interface WantedName {
  readonly name: string;
  readonly reference: string;
}

/** Room for `-` and eight hex digits in a DNS-1123 label. */
const longestStem = maxLabelLength - 9;

/**
 * A valid, unique container name for each reference, in the order given; the references must differ.
 *
 * A name that is valid as written stays. Others are lower-cased, everything outside `[a-z0-9-]`
 * becomes `-`, and dashes at the ends go; what is then longer than 63 characters is cut to 54 and gets
 * the hash of its reference. A mended name that is reserved, or that another container has or would
 * have too, gets that hash as well. So the result depends on which names and references there are,
 * not on their order, and no other entry can number a name anew.
 */
export function containerNames(wanted: readonly WantedName[]): readonly string[] {
  const names = wanted.map(({ name }) => (isFree(name, noNames) ? name : undefined));
  const taken = new Set(names.filter((name) => name !== undefined));
  for (let round = 0; names.includes(undefined); round += 1) settle(wanted, names, taken, round);
  return names.map((name) => name ?? '');
}

/** What stood against a name as written, and what it would have become but for its hash. */
export interface Mending {
  /** No container can have the name, the pods need it themselves, or another entry has or gets it. */
  readonly because: 'invalid' | 'reserved' | 'taken';
  readonly stem: string;
}

/** Why {@link containerNames} made a name that is not the one wanted. */
export function mendingOf(wanted: WantedName, container: string): Mending {
  const stem = candidate(wanted, 0);
  if (stem === container) return { because: 'invalid', stem };
  return { because: reservedContainerNames.has(stem) ? 'reserved' : 'taken', stem };
}

const noNames: ReadonlySet<string> = new Set();

/** Gives each open name its candidate of this round unless somebody has it or shares it. */
function settle(
  wanted: readonly WantedName[],
  names: (string | undefined)[],
  taken: Set<string>,
  round: number,
): void {
  const candidates = wanted.map((entry, index) =>
    names[index] === undefined ? candidate(entry, round) : undefined,
  );
  const claims = new Map<string, number>();
  for (const name of candidates) {
    if (name !== undefined) claims.set(name, (claims.get(name) ?? 0) + 1);
  }
  for (const [index, name] of candidates.entries()) {
    if (name !== undefined && claims.get(name) === 1 && isFree(name, taken)) names[index] = name;
  }
  for (const name of names) if (name !== undefined) taken.add(name);
}

function isFree(name: string, taken: ReadonlySet<string>): boolean {
  return isLabel(name) && !reservedContainerNames.has(name) && !taken.has(name);
}

/**
 * Round 0 mends the name, round 1 adds the hash of the reference. Later rounds are for lists made on
 * purpose to collide: each hashes something else, so that the rounds come to an end.
 */
function candidate({ name, reference }: WantedName, round: number): string {
  const [stem, isCut] = mended(name);
  if (round === 0) return isCut ? `${stem}-${shortHash(reference)}` : stem;
  const hash = shortHash(round === 1 ? reference : `${reference} ${round}`);
  return `${stem.slice(0, longestStem)}-${hash}`;
}

/** The name in the characters of a label, cut to 54 where it is too long for one. */
function mended(name: string): [stem: string, isCut: boolean] {
  let start = 0;
  let end = name.length;
  while (start < end && !isAlphanumeric(name.charCodeAt(start))) start += 1;
  while (end > start && !isAlphanumeric(name.charCodeAt(end - 1))) end -= 1;
  const isCut = end - start > maxLabelLength;
  const kept = name.slice(start, isCut ? start + longestStem : end);
  // Replaced before it is lower-cased: outside ASCII that can change the length of a text.
  const stem = kept.replace(/[^A-Za-z0-9-]/g, '-').toLowerCase();
  return [stem === '' ? namelessContainer : stem, isCut];
}

function isAlphanumeric(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a)
  );
}
