import { type Column, fitted } from '../../../src/cli/status/fitted.ts';
import { plainStyle } from '../../../src/cli/style.ts';

const table: readonly Column[] = [
  { heading: 'NAME', cut: 'alike' },
  { heading: 'COUNT' },
  { heading: 'WHY', cut: 'end' },
];

function drawn(rows: readonly (readonly string[])[], width: number): readonly string[] {
  return fitted(table, rows, { width, style: plainStyle });
}

describe('a table that has to fit', () => {
  const why = 'because of something that takes many words to tell';

  it('has its columns under each other', () => {
    expect(
      drawn(
        [
          ['a', '1', ''],
          ['long name', '10', 'why'],
        ],
        80,
      ),
    ).toEqual(['NAME       COUNT  WHY', 'a          1', 'long name  10     why']);
  });

  it('cuts the widest of what may be cut, and the end of it', () => {
    expect(drawn([['a-name-of-twenty-char', '1000000', why]], 60)).toEqual([
      'NAME                   COUNT    WHY',
      'a-name-of-twenty-char  1000000  because of something that t~',
    ]);
  });

  it('cuts names in the middle where they would look alike', () => {
    const names = ['codeready-workspaces-java-8', 'codeready-workspaces-java-11'];
    const [, first, second] = drawn(
      names.map((name) => [name, '1', why]),
      45,
    );
    expect(first).toMatch(/^codeready\S*~\S*java-8 /);
    expect(second).toMatch(/^codeready\S*~\S*java-11 /);
  });

  it('is wider than it should be rather than unreadable', () => {
    const [, row = ''] = drawn([['a-name-of-twenty-char', '1000000', why]], 10);
    expect(row).toBe('a-name-~  1000000  because~');
  });

  it('leaves out spare columns, the last first, before it is too wide', () => {
    const spare = { heading: 'SPARE', isSpare: true };
    const five = [...table.slice(0, 2), spare, { ...spare, heading: 'LEAST' }, ...table.slice(2)];
    const headings = (width: number) => {
      const [first = ''] = fitted(five, [['a-name-of-twenty-char', '1', '2', '3', why]], {
        width,
        style: plainStyle,
      });
      return first.split(/ +/);
    };
    expect(headings(60)).toEqual(['NAME', 'COUNT', 'SPARE', 'LEAST', 'WHY']);
    expect(headings(36)).toEqual(['NAME', 'COUNT', 'SPARE', 'WHY']);
    expect(headings(25)).toEqual(['NAME', 'COUNT', 'WHY']);
  });

  it('leaves everything whole where there is no end of room', () => {
    expect(drawn([['x'.repeat(500), '1', why]], Number.POSITIVE_INFINITY)[1]).toContain(why);
  });
});
