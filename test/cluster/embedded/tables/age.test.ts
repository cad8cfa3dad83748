import { humanDuration, since } from './age.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

describe('a duration for people', () => {
  it.each([
    [-1.5 * second, '0s'],
    [-2 * second, '<invalid>'],
    [999, '0s'],
    [2 * minute - 1, '119s'],
    [2 * minute, '2m'],
    [2 * minute + 5 * second, '2m5s'],
    [10 * minute + 5 * second, '10m'],
    [3 * hour - 1, '179m'],
    [3 * hour + 5 * minute, '3h5m'],
    [8 * hour + 5 * minute, '8h'],
    [2 * day, '2d'],
    [2 * day + 5 * hour, '2d5h'],
    [8 * day + 5 * hour, '8d'],
    [2 * year + 3 * day, '2y3d'],
    [8 * year + 3 * day, '8y'],
  ])('of %d ms is %s', (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });

  it('counts from a time, where there is one', () => {
    const now = Date.parse('2026-01-01T00:01:00Z');
    expect(since('2026-01-01T00:00:00Z', now)).toBe('60s');
    expect(since(undefined, now)).toBe('<unknown>');
    expect(since('yesterday', now)).toBe('<invalid>');
  });
});
