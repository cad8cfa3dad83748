import { scaled } from './counts.ts';

describe('a count of nodes or replicas', () => {
  it('takes a number as it is', () => {
    expect(scaled(3, 100, 'up')).toBe(3);
  });

  it.each([
    ['10%', 5, 1, 0],
    ['10%', 10, 1, 1],
    ['10%', 11, 2, 1],
    ['25%', 3, 1, 0],
    ['0%', 7, 0, 0],
    ['100%', 7, 7, 7],
    ['33%', 0, 0, 0],
  ])('%s of %i is %i rounded up and %i rounded down', (percent, total, up, down) => {
    expect([scaled(percent, total, 'up'), scaled(percent, total, 'down')]).toEqual([up, down]);
  });

  it('refuses what is neither a number nor a percentage', () => {
    expect(() => scaled('many', 3, 'up')).toThrow('"many" is neither a number nor a percentage');
  });
});
