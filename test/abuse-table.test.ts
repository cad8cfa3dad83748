import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

const rows = read('test/controllers/README.md')
  .split('\n')
  .filter((line) => /^\| T\d+ \|/.test(line))
  .map((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    return { abuse: cells[1] ?? '', tested: cells.at(-2) ?? '' };
  });

describe('the table of abuse', () => {
  it('has every row once, in order, but the one about registries', () => {
    const numbers = Array.from({ length: 16 }, (_, index) => index + 1);
    expect(rows.map(({ abuse }) => abuse)).toEqual(
      numbers.filter((number) => number !== 8).map((number) => `T${number}`),
    );
  });

  it.each(rows)('names tests that there are, for $abuse', ({ tested }) => {
    const named = [...tested.matchAll(/`([^`]+\.ts)`, "([^"]+)"/g)].map(
      ([, file = '', title = '']) => ({ file, title }),
    );
    expect(named).not.toEqual([]);
    const missing = named.filter(
      ({ file, title }) => !existsSync(new URL(file, root)) || !read(file).includes(title),
    );
    expect(missing).toEqual([]);
  });
});
