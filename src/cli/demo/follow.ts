import { type Clock, sleep } from '../../clock.ts';
import { conditionOf, conditionTypes } from '../../status/conditions.ts';
import type { Snapshot, View } from './view.ts';

/** How the show came to its end. */
export type Ending = 'ready' | 'held' | 'stuck' | 'operator-ended' | 'interrupted';

/** A puller that is not Ready is given up when nothing has moved for so long. */
export interface Patience {
  readonly quietMs: number;
  /** As long as the operator has not spoken, which on a busy machine takes long to start. */
  readonly silentMs: number;
}

/** How long nothing may move where this is seen. */
export function patienceMs({ conditions }: Snapshot, { quietMs, silentMs }: Patience): number {
  return conditions.length === 0 ? silentMs : quietMs;
}

/** What is followed, and by which time. */
export interface Scene {
  readonly clock: Clock;
  readonly look: () => Snapshot;
  readonly hasOperatorEnded: () => boolean;
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/** Eyes see no more than this. */
const lookEveryMs = 100;

/** Shows what happens until the puller is Ready, said to be held, or nothing moves any more. */
export async function follow(scene: Scene, view: View): Promise<Ending> {
  const { clock, look, hasOperatorEnded, patience, signal } = scene;
  let before: string | undefined;
  let movedAt = clock.monotonic();
  while (!signal.aborted) {
    if (hasOperatorEnded()) return 'operator-ended';
    const seen = look();
    const state = stateOf(seen);
    if (state !== before) movedAt = clock.monotonic();
    before = state;
    const stillMs = clock.monotonic() - movedAt;
    view.show({ ...seen, stillMs });
    if (isReady(seen)) return 'ready';
    if (isSaidToBeHeld(seen)) return 'held';
    if (stillMs >= patienceMs(seen, patience)) return 'stuck';
    await sleep(clock, lookEveryMs, signal);
  }
  return 'interrupted';
}

function isReady({ conditions }: Snapshot): boolean {
  return conditionOf({ conditions }, conditionTypes.ready)?.status === 'True';
}

/** Nothing will move until the spec is corrected, which nobody can do here. */
function isSaidToBeHeld({ heldFor, conditions }: Snapshot): boolean {
  const ready = conditionOf({ conditions }, conditionTypes.ready);
  return ready !== undefined && ready.reason === heldFor;
}

/** What has to differ for something to have moved: a pull that fails again has not. */
function stateOf({ grid, conditions }: Snapshot): string {
  return JSON.stringify([
    grid.rows.map(({ copies }) => copies),
    conditions.map(({ type, status, reason }) => [type, status, reason]),
  ]);
}
