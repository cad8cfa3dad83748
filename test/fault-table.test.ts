import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

const rows = read('test/README.md')
  .split('\n')
  .filter((line) => /^\| F\d+ \|/.test(line))
  .map((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return { fault: cells[1] ?? '', tested: cells.at(-2) ?? '' };
  });

describe('the table of faults', () => {
  it('has every row once, in order', () => {
    const numbers = Array.from({ length: 52 }, (_, index) => String(index + 1).padStart(2, '0'));
    expect(rows.map(({ fault }) => fault)).toEqual(numbers.map((number) => `F${number}`));
  });

  it.each(rows)('names tests that there are, for $fault', ({ tested }) => {
    const named = [...tested.matchAll(/`([^`]+\.test\.ts)`, "([^"]+)"/g)].map(
      ([, file = '', title = '']) => ({ file, title }),
    );
    expect(named).not.toEqual([]);
    const missing = named.filter(
      ({ file, title }) => !existsSync(new URL(file, root)) || !read(file).includes(title),
    );
    expect(missing).toEqual([]);
  });

  it.each([
    'test/e2e/faults.test.ts',
    'test/e2e/own-control-plane.test.ts',
    'test/faults/watches.test.ts',
    'test/faults/writes.test.ts',
    'test/faults/server.test.ts',
  ])('has in each row whose number stands in %s a test of that file', (file) => {
    const marks = [...read(file).matchAll(/^ *\/\/ (F\d+.*)$/gm)];
    const numbers = new Set(marks.flatMap(([, mark = '']) => mark.match(/F\d+/g) ?? []));
    const without = rows.filter(
      ({ fault, tested }) => numbers.has(fault) && !tested.includes(`\`${file}\``),
    );
    expect(numbers.size).toBeGreaterThan(0);
    expect(without).toEqual([]);
  });
});
