import { BackOff } from './back-off.ts';

const limits = { firstMs: 10_000, lastMs: 300_000 };

describe('a back-off', () => {
  it('does not hold up a first attempt', () => {
    expect(new BackOff(limits).remainingMs(0, 0)).toBe(0);
  });

  it('doubles with every failure up to its limit', () => {
    const backOff = new BackOff(limits);
    const delays = Array.from({ length: 7 }, (_, at) => {
      backOff.count(at, at);
      return backOff.delayMs;
    });
    expect(delays).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  });

  it('counts from the failure', () => {
    const backOff = new BackOff(limits);
    backOff.count(1000, 1000);
    expect(backOff.remainingMs(1000, 4000)).toBe(7000);
    expect(backOff.remainingMs(1000, 11_000)).toBe(0);
  });

  it('begins anew when nothing failed for twice its limit', () => {
    const backOff = new BackOff(limits);
    backOff.count(0, 0);
    backOff.count(1, 1);
    expect(backOff.remainingMs(600_002, 600_002)).toBe(0);
    backOff.count(600_002, 600_002);
    expect(backOff.delayMs).toBe(10_000);
  });
});
