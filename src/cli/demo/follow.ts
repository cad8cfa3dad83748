import { type Clock, sleep } from '../../clock.ts';
import type { Look, View } from './view.ts';

/** How the show came to its end. */
export type Ending = 'ready' | 'stuck' | 'operator-ended' | 'interrupted';

/** What is followed, and by which time. */
export interface Scene {
  readonly clock: Clock;
  readonly look: () => Look;
  readonly hasOperatorEnded: () => boolean;
  /** A puller that is not Ready is given up when nothing has moved for so long. */
  readonly quietMs: number;
  readonly signal: AbortSignal;
}

/** Eyes see no more than this. */
const lookEveryMs = 100;

/** Shows what happens until the puller is Ready, or nothing moves any more. */
export async function follow(scene: Scene, view: View): Promise<Ending> {
  const { clock, look, hasOperatorEnded, quietMs, signal } = scene;
  let before = '';
  let movedAt = clock.monotonic();
  while (!signal.aborted) {
    if (hasOperatorEnded()) return 'operator-ended';
    const seen = look();
    view.show(seen);
    if (isReady(seen)) return 'ready';
    const now = clock.monotonic();
    const state = stateOf(seen);
    if (state !== before) movedAt = now;
    else if (now - movedAt >= quietMs) return 'stuck';
    before = state;
    await sleep(clock, lookEveryMs, signal);
  }
  return 'interrupted';
}

function isReady({ conditions }: Look): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** What has to differ for something to have moved: a pull that fails again has not. */
function stateOf({ grid, conditions }: Look): string {
  return JSON.stringify([
    grid.rows.map(({ copies }) => copies),
    conditions.map(({ type, status, reason }) => [type, status, reason]),
  ]);
}
