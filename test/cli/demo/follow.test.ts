import { follow, type Scene } from '../../../src/cli/demo/follow.ts';
import type { Look, Snapshot } from '../../../src/cli/demo/view.ts';
import { ManualClock } from '../../manual-clock.ts';
import { aCondition, aGrid, aLook, ready } from './scenes.ts';

/** Follows what `at` says is seen after so many milliseconds. */
async function followed(at: (ms: number) => Partial<Snapshot>, changes: Partial<Scene> = {}) {
  const clock = new ManualClock();
  const looks: Look[] = [];
  const end = follow(
    {
      clock,
      look: () => aLook(at(clock.monotonic())),
      hasOperatorEnded: () => false,
      patience: { quietMs: 30_000, silentMs: 100_000 },
      signal: new AbortController().signal,
      ...changes,
    },
    { show: (look) => looks.push(look), close() {} },
  );
  let ending: string | undefined;
  void end.then((value) => {
    ending = value;
  });
  while (ending === undefined && clock.monotonic() < 120_000) await clock.advance(100);
  return { ending, looks, afterMs: clock.monotonic() };
}

describe('the demo', () => {
  it('ends as soon as the puller is Ready, and shows that', async () => {
    const { ending, looks, afterMs } = await followed((ms) =>
      ms < 5000 ? {} : { conditions: ready },
    );
    expect([ending, afterMs]).toEqual(['ready', 5000]);
    expect(looks.at(-1)?.conditions).toBe(ready);
  });

  it('ends as soon as the spec is said to be held, and not before', async () => {
    const conditions = [aCondition('Ready', 'False', 'TooManyImages')];
    const held = (heldFor: string | undefined) =>
      followed((ms) => ({ heldFor, conditions: ms < 2000 ? [] : conditions }));
    expect(await held('TooManyImages')).toMatchObject({ ending: 'held', afterMs: 2000 });
    expect(await held(undefined)).toMatchObject({ ending: 'stuck' });
  });

  it('gives up when nothing has moved for half a minute', async () => {
    const { ending, afterMs } = await followed((ms) => ({
      conditions: [aCondition('Ready', 'False', 'ImagesPulling')],
      ...(ms >= 9000 && { grid: aGrid({ java: '#x' }) }),
    }));
    expect([ending, afterMs]).toEqual(['stuck', 39_000]);
  });

  it('has more patience with an operator that has not spoken yet', async () => {
    const { ending, afterMs } = await followed(() => ({ conditions: [] }));
    expect([ending, afterMs]).toEqual(['stuck', 100_000]);
  });

  it('takes a reworded message for no movement', async () => {
    const { ending, afterMs } = await followed((ms) => ({
      conditions: ready.map((each) => ({ ...each, status: 'False', message: `attempt ${ms}` })),
    }));
    expect([ending, afterMs]).toEqual(['stuck', 30_000]);
  });

  it('tells how long nothing has moved', async () => {
    const { looks } = await followed((ms) => (ms < 500 ? {} : { grid: aGrid({ java: '#x' }) }));
    expect(looks.slice(3, 8).map(({ stillMs }) => stillMs)).toEqual([300, 400, 0, 100, 200]);
  });

  it('ends with the operator', async () => {
    expect(await followed(() => ({}), { hasOperatorEnded: () => true })).toMatchObject({
      ending: 'operator-ended',
      looks: [],
    });
  });

  it('ends when it is interrupted', async () => {
    const { ending } = await followed(() => ({}), { signal: AbortSignal.abort() });
    expect(ending).toBe('interrupted');
  });
});
