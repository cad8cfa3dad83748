import { count, enumerated, nounCount, printable, quote, trimSpace } from '../../src/api/text.ts';
import { anyCharacter } from '../any-character.ts';
import { fc } from '../properties.ts';

describe('trimSpace', () => {
  it('removes what Go counts as white space, and leaves the byte order mark', () => {
    expect(trimSpace(' \t\r\n\v\f\u0085\u00a0\u2003\u2028\u3000a b\u2029\u202f\u205f\u1680')).toBe(
      'a b',
    );
    expect(trimSpace('\ufeffa\u200b')).toBe('\ufeffa\u200b');
    expect(trimSpace(' \n ')).toBe('');
  });

  it('takes a mebibyte of blanks in one go', () => {
    expect(trimSpace(`${' '.repeat(2 ** 20)}a${' '.repeat(2 ** 20)}`)).toBe('a');
  });
});

describe('quoted and printable text', () => {
  it('shows what cannot be seen', () => {
    expect(quote('a "b" \\ \n\r\t\u0000\u200b\u00e9')).toBe(
      '"a \\"b\\" \\\\ \\n\\r\\t\\u0000\\u200b\\u00e9"',
    );
    expect(printable('a "b" \\ \ud83d\ude00', 99)).toBe('a "b" \\ \\ud83d\\ude00');
  });

  it('is cut between escapes, never inside one', () => {
    expect(quote('abcdef', 3)).toBe('"abc..."');
    expect(quote('ab\u200b', 7)).toBe('"ab..."');
    expect(quote('abc', 3)).toBe('"abc"');
  });

  it('is printable ASCII of bounded length, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), fc.nat(100), (text, max) => {
        expect(quote(text, max)).toMatch(/^"[ -~]*"$/);
        expect(quote(text, max).length).toBeLessThanOrEqual(max + 5);
      }),
    );
  });
});

it('groups the digits of counts', () => {
  expect(count(1_048_576)).toBe('1,048,576');
});

it('counts one thing, and several', () => {
  expect([0, 1, 2000].map((number) => nounCount(number, 'node'))).toEqual([
    '0 nodes',
    '1 node',
    '2,000 nodes',
  ]);
  expect(nounCount(2, 'entry', 'entries')).toBe('2 entries');
});

it('enumerates words as a sentence does', () => {
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(enumerated)).toEqual([
    '',
    'a',
    'a and b',
    'a, b and c',
  ]);
});
