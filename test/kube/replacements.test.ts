import { Replacements } from '../../src/kube/replacements.ts';
import { ManualClock } from '../manual-clock.ts';

describe('an object that was made anew', () => {
  it('is left as it is for longer each time, up to a minute', async () => {
    const clock = new ManualClock();
    const replacements = new Replacements(clock);
    expect(replacements.untilNext('a')).toBe(0);
    const waits: number[] = [];
    for (let round = 0; round < 8; round++) {
      replacements.count('a');
      waits.push(replacements.untilNext('a'));
      await clock.advance(waits[round] ?? 0);
      expect(replacements.untilNext('a')).toBe(0);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('delays no other one', () => {
    const replacements = new Replacements(new ManualClock());
    replacements.count('a');
    expect(replacements.untilNext('b')).toBe(0);
  });

  it('is forgotten after ten quiet minutes', async () => {
    const clock = new ManualClock();
    const replacements = new Replacements(clock);
    for (let round = 0; round < 3; round++) replacements.count('a');
    await clock.advance(10 * 60_000 + 1);
    replacements.count('b');
    replacements.count('a');
    expect(replacements.untilNext('a')).toBe(1_000);
  });
});
