import { type Figure, median, percentile, tableOf } from './figure.ts';

const table = (figures: readonly Figure[]) => tableOf(new Map([['a part', figures]])).split('\n');

describe('figures', () => {
  it('say below which value a share of all lies', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([percentile(values, 0), percentile(values, 0.95), percentile(values, 1)]).toEqual([
      1, 96, 100,
    ]);
    expect(median([3, 1, 2])).toBe(2);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('stand beside what was asked for and what the Go operator came to', () => {
    const lines = tableOf(
      new Map([
        ['a part', [{ what: 'writes', asked: '<= 9', measured: '7', go: '12' }]],
        ['another', [{ what: 'time', asked: '-', measured: '1 ms' }]],
      ]),
    ).split('\n');
    expect(lines.map((line) => line.split(/\s{2,}/))).toEqual([
      ['figure', 'asked', 'measured', 'Go operator'],
      ['─'.repeat(120)],
      ['a part'],
      ['writes', '<= 9', '7', '12'],
      [''],
      ['another'],
      ['time', '-', '1 ms', '-'],
    ]);
  });

  it('fit into 120 columns and lose no word', () => {
    const long =
      'an operator of which there is a great deal to tell, more than fits into one line, ';
    const figure = {
      what: long.repeat(3),
      asked: 'less than it is wont to',
      measured: `${long}${'x'.repeat(60)}`,
      go: 'nothing of this is known',
    };
    const lines = table([figure]);
    expect(Math.max(...lines.map((line) => line.length))).toBe(120);
    // The columns begin where those of the head begin.
    const starts = ['figure', 'asked', 'measured', 'Go operator'].map((name) =>
      (lines[0] ?? '').indexOf(name),
    );
    const column = (at: number) =>
      lines.slice(3).map((line) => line.slice(starts[at], starts[at + 1]).trim());
    const cells = starts.map((_, at) => column(at).join('').replaceAll(' ', ''));
    expect(cells).toEqual(Object.values(figure).map((text) => text.replaceAll(' ', '')));
  });
});
