import { Repetitions } from '../../src/kube/repetitions.ts';
import { ManualClock } from '../manual-clock.ts';

describe('what we did to an object beyond an apply', () => {
  it('waits for longer each time, up to a minute', async () => {
    const clock = new ManualClock();
    const repetitions = new Repetitions(clock);
    expect(repetitions.untilNext('a')).toBe(0);
    const waits: number[] = [];
    for (let round = 0; round < 8; round++) {
      repetitions.count('a');
      waits.push(repetitions.untilNext('a'));
      await clock.advance(waits[round] ?? 0);
      expect(repetitions.untilNext('a')).toBe(0);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('delays no other one', () => {
    const repetitions = new Repetitions(new ManualClock());
    repetitions.count('a');
    expect(repetitions.untilNext('b')).toBe(0);
  });

  it('is forgotten after ten quiet minutes', async () => {
    const clock = new ManualClock();
    const repetitions = new Repetitions(clock);
    for (let round = 0; round < 3; round++) repetitions.count('a');
    await clock.advance(10 * 60_000 + 1);
    repetitions.count('b');
    repetitions.count('a');
    expect(repetitions.untilNext('a')).toBe(1_000);
  });
});
