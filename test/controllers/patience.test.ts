import { Patience } from '../../src/controllers/patience.ts';
import type { Observation } from '../../src/status/observation.ts';
import { ManualClock } from '../manual-clock.ts';
import { aDaemonSet, aPod, creating, observed } from '../status/scenes.ts';

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
