import { failuresOfPair, reportOf } from './groups.ts';
import type { Plan, Report } from './run.ts';
import { workloadNamed } from './workloads.ts';

const nothingSeen = { writes: [], events: [], commitsAgo: [], before: [] };
const well: Report = { violations: [], unfired: [], seen: nothingSeen, trace: '' };
const pair = { workload: workloadNamed('create'), seed: 1 };
const sameSeed = ['--only', 'G7', '--workload', 'create', '--from', '1', '--seeds', '1'];

/** What a run of a plan shows, as if nothing had gone wrong. */
const seenBy = async (plan: Plan) => (await reportOf({ ...plan, troubles: [] })).seen;

describe('a pair of troubles', () => {
  it('whose first one fails by itself is told at once, though that never came to pass', async () => {
    const judged: Plan[] = [];
    const failures = await failuresOfPair(pair, async (plan) => {
      judged.push(plan);
      const isDisturbed = plan.troubles.length > 0;
      return { ...well, violations: isDisturbed ? ['O1: bad'] : [], unfired: plan.troubles };
    });
    const [first] = judged;
    expect(first?.troubles).toHaveLength(1);
    expect(failures).toMatchObject([
      { replay: ['--workload', 'create', '--from', '1', '--troubles', expect.any(String)] },
    ]);
    expect(failures[0]?.replay.at(-1)).toBe(JSON.stringify(first?.troubles));
    expect(failures[0]?.violations[0]).toBe('O1: bad');
    expect(judged.every(({ troubles }) => troubles.length < 2)).toBe(true);
  });

  it('of which the second leaves nothing for the first to befall is drawn again', async () => {
    const pairs: Plan[] = [];
    const failures = await failuresOfPair(pair, async (plan) => {
      const [first, second] = plan.troubles;
      if (first === undefined || second === undefined) return { ...well, seen: await seenBy(plan) };
      pairs.push(plan);
      return { ...well, unfired: pairs.length === 1 ? [first] : [] };
    });
    expect(failures).toEqual([]);
    expect(pairs).toHaveLength(2);
  });

  it('of which the second never came is a failure of its plan', async () => {
    const failures = await failuresOfPair(pair, async (plan) => {
      const [, second] = plan.troubles;
      const unfired = second === undefined ? [] : [second];
      return { ...well, unfired, seen: await seenBy(plan) };
    });
    expect(failures[0]?.violations).toEqual([expect.stringMatching(/^never came to pass: /)]);
  });

  it('that cannot be drawn is a failure of its seed, and ends nothing else', async () => {
    let draws = 0;
    const failures = await failuresOfPair(pair, async ({ troubles }) => {
      draws += 1;
      return { ...well, unfired: troubles };
    });
    expect(draws).toBe(20);
    expect(failures).toEqual([
      { seed: 1, replay: sameSeed, violations: ['no two troubles come to pass'], trace: '' },
    ]);
  });

  it('at which the simulation breaks off is a failure of its seed, and ends nothing else', async () => {
    const failures = await failuresOfPair(pair, async () => {
      throw new Error('no such object');
    });
    expect(failures).toMatchObject([{ seed: 1, replay: sameSeed, trace: '' }]);
    expect(failures[0]?.violations).toEqual([
      expect.stringMatching(/^the simulation broke off: Error: no such object/),
    ]);
  });
});
