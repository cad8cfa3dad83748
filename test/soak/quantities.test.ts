import { seeded } from '../simulation/scheduler.ts';
import { quantitiesOf, type Sample } from './quantities.ts';

/** A run with a sample every two seconds, where everything goes up and down by a few; leaks are by the minute. */
function aRun(minutes: number, leaks: Partial<Record<keyof Sample, number>> = {}) {
  const random = seeded(1);
  return Array.from({ length: minutes * 30 }, (_, edit): Sample => {
    const atMinute = edit / 30;
    const about = (name: keyof Sample, level: number) =>
      level + Math.round(4 * random()) + (leaks[name] ?? 0) * atMinute;
    return {
      atMinute,
      handles: about('handles', 40),
      sockets: about('sockets', 15),
      timers: about('timers', 30),
      'heap (MB)': about('heap (MB)', 180) / 10,
      'memory (MB)': about('memory (MB)', 95),
    };
  });
}

const growing = (minutes: number, samples: readonly Sample[]) =>
  quantitiesOf(samples, minutes)
    .filter(({ grows }) => grows)
    .map(({ name }) => name);

describe('what an operator takes', () => {
  it('does not grow where it goes up and down', () => {
    expect(growing(3, aRun(3))).toEqual([]);
    expect(growing(30, aRun(30))).toEqual([]);
  });

  it.each(['handles', 'sockets', 'timers'] as const)(
    'grows where every tenth edit leaves one of the %s behind',
    (name) => {
      expect(growing(3, aRun(3, { [name]: 3 }))).toEqual([name]);
    },
  );

  it('grows where half an hour takes 10 MB, or where each edit leaves 4 kB on the heap', () => {
    expect(growing(30, aRun(30, { 'memory (MB)': 0.4 }))).toEqual(['memory (MB)']);
    expect(growing(30, aRun(30, { 'heap (MB)': 10 * 0.12 }))).toEqual(['heap (MB)']);
  });

  it('is not judged by its memory before that has been looked at for 20 minutes', () => {
    const names = (minutes: number) => quantitiesOf(aRun(minutes), minutes).map(({ name }) => name);
    expect(names(24)).toEqual(['handles', 'sockets', 'timers']);
    expect(names(25)).toEqual(['handles', 'sockets', 'timers', 'heap (MB)', 'memory (MB)']);
  });

  it('is not judged by how it warms up', () => {
    const samples = aRun(3).map((sample) =>
      sample.atMinute < 1 ? { ...sample, timers: 60 * sample.atMinute } : sample,
    );
    expect(quantitiesOf(samples, 3)).toEqual(quantitiesOf(aRun(3), 3));
  });
});
