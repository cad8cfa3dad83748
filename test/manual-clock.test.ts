import { sleep } from '../src/clock.ts';
import { ManualClock } from './manual-clock.ts';

describe('the manual clock', () => {
  it('runs due timers in the order of their time, each at its own time', async () => {
    const clock = new ManualClock(0);
    const seen: string[] = [];
    clock.after(20, () => seen.push(`b@${clock.monotonic()}`));
    clock.after(10, () => seen.push(`a@${clock.monotonic()}`));
    clock.after(31, () => seen.push('late'));
    await clock.advance(30);
    expect(seen).toEqual(['a@10', 'b@20']);
    expect(clock.now()).toBe(30);
    expect(clock.waits).toEqual([1]);
  });

  it('runs timers that were set while time passed', async () => {
    const clock = new ManualClock();
    let ticks = 0;
    const tick = () => {
      ticks += 1;
      clock.after(10, tick);
    };
    clock.after(10, tick);
    await clock.advance(35);
    expect(ticks).toBe(3);
  });

  it('lets code that awaits go on between two timers', async () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    const walking = (async () => {
      for (let step = 0; step < 3; step += 1) {
        await sleep(clock, 10);
        seen.push(clock.monotonic());
      }
    })();
    await clock.advance(100);
    await walking;
    expect(seen).toEqual([10, 20, 30]);
  });

  it('forgets a cancelled timer', async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    const cancel = clock.after(10, () => seen.push('cancelled'));
    cancel();
    await clock.advance(10);
    expect(seen).toEqual([]);
    expect(await clock.advanceToNext()).toBe(false);
  });

  it('steps the wall clock without touching monotonic time', () => {
    const clock = new ManualClock(0);
    clock.stepWallClock(-5_000);
    expect([clock.now(), clock.monotonic()]).toEqual([-5_000, 0]);
  });

  it('runs late what became due while it was stalled, and never goes back', async () => {
    const clock = new ManualClock();
    const ranAt: number[] = [];
    clock.after(5, () => ranAt.push(clock.monotonic()));
    clock.stall(20);
    expect([clock.monotonic(), ...ranAt]).toEqual([20]);
    await clock.advance(0);
    expect(ranAt).toEqual([20]);
  });
});
