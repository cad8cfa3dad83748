import { median, percentile, tableOf } from './figure.ts';

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
    const table = tableOf(
      new Map([
        ['a part', [{ what: 'writes', asked: '<= 9', measured: '7', go: '12' }]],
        ['another', [{ what: 'time', asked: '-', measured: '1 ms' }]],
      ]),
    );
    const rows = table
      .split('\n')
      .filter((line) => line.startsWith('│'))
      .map((line) => line.split('│').map((cell) => cell.trim()))
      .map((cells) => cells.slice(1, -1));
    expect(rows).toEqual([
      ['figure', 'asked', 'measured', 'Go operator'],
      ['a part'],
      ['writes', '<= 9', '7', '12'],
      ['another'],
      ['time', '-', '1 ms', '-'],
    ]);
  });
});
