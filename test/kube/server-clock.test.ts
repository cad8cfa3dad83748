import { ServerClock } from '../../src/kube/server-clock.ts';
import { ManualClock } from '../manual-clock.ts';

const hour = 60 * 60_000;

describe('the clock of a server', () => {
  const aClock = () => {
    const own = new ManualClock();
    const clock = new ServerClock(own);
    /** An answer of a server whose clock differs by so much. */
    const hear = (aheadMs: number, durationMs = 10) =>
      clock.heard({ answeredAt: Math.floor((own.now() + aheadMs) / 1000) * 1000, durationMs });
    const aheadMs = () => clock.now() - own.now();
    return { own, clock, hear, aheadMs };
  };

  it("is the machine's own until an answer tells its time", () => {
    const { clock, aheadMs } = aClock();
    expect(aheadMs()).toBe(0);
    clock.heard({ answeredAt: undefined, durationMs: 10 });
    expect(aheadMs()).toBe(0);
  });

  it.each([hour, -hour, 60_000, -60_000])('is right within a second, %i ms off', (off) => {
    const { hear, aheadMs } = aClock();
    hear(off);
    expect(Math.abs(aheadMs() - off)).toBeLessThanOrEqual(1000);
  });

  it.each([2_000, -2_000, -4_900])('is the own one where they agree but for %i ms', (off) => {
    const { hear, aheadMs } = aClock();
    hear(off);
    expect(aheadMs()).toBe(0);
  });

  it('does not move with each answer', async () => {
    const { own, hear, aheadMs } = aClock();
    hear(hour);
    const first = aheadMs();
    await own.advance(700);
    hear(hour + 300);
    expect(aheadMs()).toBe(first);
  });

  it('is not misled by an answer that took long', () => {
    const { hear, aheadMs } = aClock();
    hear(-20_000, 20_000);
    expect(aheadMs()).toBe(0);
  });

  it('follows when either clock is put right', () => {
    const { hear, aheadMs } = aClock();
    hear(hour);
    hear(0);
    expect(aheadMs()).toBe(0);
  });

  it('counts intervals and waits by the own one', async () => {
    const { own, clock, hear } = aClock();
    hear(hour);
    const begun = clock.monotonic();
    let called = false;
    clock.after(100, () => {
      called = true;
    });
    await own.advance(100);
    expect([clock.monotonic() - begun, called]).toEqual([100, true]);
  });
});
