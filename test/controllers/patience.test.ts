import type { ImagePullerStatus } from '../../src/api/types.ts';
import { Patience } from '../../src/controllers/patience.ts';
import type { Observation } from '../../src/status/observation.ts';
import { ManualClock } from '../manual-clock.ts';
import { aDaemonSet, aPod, creating, observed, statusOf, unauthorized } from '../status/scenes.ts';

const minute = 60_000;
const deadline = 10 * minute;

const lacking = observed([aPod('node-1'), aPod('node-2', { said: { tools: creating } })]);

/** Whether this is stalled at first, and after the deadline. */
async function stalls(seen: Observation): Promise<readonly boolean[]> {
  const clock = new ManualClock();
  const patience = new Patience(clock, deadline);
  const first = patience.stalled('n/a', seen, {}).value;
  await clock.advance(deadline);
  return [first, patience.stalled('n/a', seen, {}).value];
}

describe('a roll-out that does not advance', () => {
  it('is stalled after the deadline, also where its DaemonSet is content', async () => {
    expect(lacking).toMatchObject({ rollout: { complete: true }, lagging: [{}] });
    expect(await stalls(lacking)).toEqual([false, true]);
  });

  it('is stalled where pods are missing and the DaemonSet is content', async () => {
    const seen = observed([aPod('node-1')], { daemonSets: [aDaemonSet(2)] });
    expect(seen).toMatchObject({ rollout: { complete: true }, missing: 1 });
    expect(await stalls(seen)).toEqual([false, true]);
  });

  it('is over when every node holds the list', async () => {
    expect(await stalls(observed([aPod('node-1'), aPod('node-2')]))).toEqual([false, false]);
  });
});

describe('a refusal', () => {
  const forbidden = { reason: 'Forbidden', message: 'no right' };
  const final = { ...forbidden, isFinal: true };

  it.each(['Forbidden', 'WaitingForDeletion'])(
    'is final after the deadline: %s',
    async (reason) => {
      const clock = new ManualClock();
      const patience = new Patience(clock, deadline);
      const failure = { reason, message: 'wait' };
      expect(patience.told('n/a', failure, {})).toEqual({ value: failure, againMs: deadline });
      await clock.advance(deadline);
      expect(patience.told('n/a', failure, {}).value).toEqual({ ...failure, isFinal: true });
    },
  );

  it('begins anew after it has passed, and when it is another', async () => {
    const clock = new ManualClock();
    const patience = new Patience(clock, deadline);
    patience.told('n/a', forbidden, {});
    await clock.advance(deadline);
    const other = { reason: 'WaitingForDeletion', message: 'wait' };
    expect(patience.told('n/a', other, {}).value).toEqual(other);
    patience.told('n/a', undefined, {});
    expect(patience.told('n/a', forbidden, {}).value).toEqual(forbidden);
  });

  it('stays final over a restart', () => {
    const stored: ImagePullerStatus = statusOf([aPod('node-1')], { seen: { failure: final } });
    const restarted = new Patience(new ManualClock(), deadline);
    expect(restarted.told('n/a', forbidden, stored).value).toEqual(final);
  });
});

describe('a status that somebody else has written over', () => {
  it('is left alone for longer each time, up to five minutes', async () => {
    const clock = new ManualClock();
    const patience = new Patience(clock, deadline);
    expect(patience.untilRepeated('n/a')).toBe(0);
    patience.statusWritten('n/a');
    const waits: number[] = [];
    for (let round = 1; round <= 11; round += 1) {
      waits.push(patience.untilRepeated('n/a') / 1_000);
      await clock.advance(patience.untilRepeated('n/a'));
      expect(patience.statusWritten('n/a', true)).toBe(round);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  it('is put right at once again after another one of ours, or when it was left alone for long', async () => {
    const clock = new ManualClock();
    const patience = new Patience(clock, deadline);
    for (let round = 1; round <= 9; round += 1) patience.statusWritten('n/a', true);
    patience.statusWritten('n/a');
    expect(patience.untilRepeated('n/a')).toBe(1_000);
    for (let round = 1; round <= 9; round += 1) patience.statusWritten('n/a', true);
    await clock.advance(11 * 60_000);
    expect(patience.statusWritten('n/a', true)).toBe(1);
  });
});

describe('counts that have moved', () => {
  const counted = (nodes: number) =>
    statusOf(
      Array.from({ length: nodes }, (_, at) => aPod(`n${at}`, { said: { tools: unauthorized } })),
    );

  /** A status was written just now. */
  function written(): { readonly clock: ManualClock; readonly patience: Patience } {
    const clock = new ManualClock();
    const patience = new Patience(clock, deadline);
    patience.statusWritten('n/a');
    return { clock, patience };
  }

  it('wait for their turn while nodes get images', async () => {
    const { clock, patience } = written();
    expect(patience.untilCounts('n/a', counted(1), false)).toBe(5_000);
    await clock.advance(4_000);
    expect(patience.untilCounts('n/a', counted(1), false)).toBe(1_000);
  });

  it('wait half a second after the last one has moved', async () => {
    const { clock, patience } = written();
    expect(patience.untilCounts('n/a', counted(1), true)).toBe(500);
    await clock.advance(400);
    expect(patience.untilCounts('n/a', counted(2), true)).toBe(500);
    await clock.advance(500);
    expect(patience.untilCounts('n/a', counted(2), true)).toBe(0);
  });

  it('wait for their turn at most, however long they go on moving', async () => {
    const { clock, patience } = written();
    for (let nodes = 1; nodes <= 20; nodes += 1) {
      expect(patience.untilCounts('n/a', counted(nodes), true)).toBeGreaterThan(0);
      await clock.advance(250);
    }
    expect(patience.untilCounts('n/a', counted(21), true)).toBe(0);
  });
});
