import { ManualClock, settle } from '../manual-clock.ts';
import { rest } from './rest.ts';
import type { CountedRequest } from './rig.ts';

const lease = { verb: 'update', about: 'leases' };
const list = { verb: 'list', about: 'pods' };

/** An operator that asks these things in turn, the last of them for ever, each time somebody looks. */
function anOperator(...turns: readonly (readonly CountedRequest[])[]) {
  let looks = 0;
  return {
    position: () => 0,
    async requestsSince() {
      looks += 1;
      return turns[Math.min(looks, turns.length) - 1] ?? [];
    },
  };
}

describe('the rest of an operator', () => {
  it('has come when it asks for nothing but its Lease', async () => {
    const clock = new ManualClock();
    let rests = false;
    const resting = rest(anOperator([list, lease], [list], [lease]), clock).then(() => {
      rests = true;
    });
    await clock.advance(12_000);
    await settle();
    expect(rests).toBe(false);
    await clock.advance(6_000);
    await resting;
    expect(rests).toBe(true);
  });

  it('is not waited for without end, and it is said what keeps it from coming', async () => {
    const clock = new ManualClock();
    const resting = rest(anOperator([list, list, { verb: 'patch', about: 'daemonsets' }]), clock);
    const failure = expect(resting).rejects.toThrow(
      'the operator has not come to rest in 15 minutes; lately: list pods (2), patch daemonsets (1)',
    );
    await clock.advance(15 * 60_000);
    await failure;
  });
});
