import { fc } from './properties.ts';

/**
 * Any character, for texts of `fc.string({ unit: anyCharacter })`. It is what fast-check calls `binary`,
 * but for the table of all the characters there are, which that one makes in each file of tests: a second
 * of work.
 */
export const anyCharacter = fc
  .integer({ min: 0, max: 0x10ffff })
  .filter((code) => !isHalf(code))
  .map((code) => String.fromCodePoint(code), codeOf);

/** Claims that a code stands for half of a character only. */
function isHalf(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff;
}

/** By it fast-check finds out which texts that often break things can be made of these characters. */
function codeOf(value: unknown): number {
  const [character, ...others] = typeof value === 'string' ? value : '';
  if (character === undefined || others.length > 0) throw new TypeError('not one character');
  return character.codePointAt(0) ?? 0;
}
