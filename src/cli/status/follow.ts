import { printable } from '../../api/text.ts';
import { type Clock, sleep } from '../../clock.ts';
import { type Report, report } from './report.ts';
import type { Seen } from './seen.ts';
import type { View } from './view.ts';
import type { Watcher } from './watcher.ts';

/** What is followed, and until when. */
export interface Scene {
  readonly watcher: Pick<Watcher, 'look' | 'hasAsked' | 'changes'>;
  readonly clock: Clock;
  /** Which of what is seen is followed; throws where there is nothing to follow. */
  readonly select: (seen: Seen) => Seen;
  readonly signal: AbortSignal;
}

/** Eyes see no more than this. */
const lookEveryMs = 200;

/** What time alone changes, a node that has been silent for too long, is seen as late as this. */
const anewEveryMs = 1000;

/**
 * Shows what happens until nothing more will: all pullers are Ready or stuck, or none is left. Returns
 * the last report; undefined where it was interrupted.
 */
export async function follow(scene: Scene, view: View): Promise<Report | undefined> {
  const { watcher, clock, select, signal } = scene;
  const startedAt = clock.monotonic();
  let known: { readonly report: Report; readonly changes: number; readonly at: number } | undefined;
  while (!signal.aborted) {
    if (watcher.hasAsked) {
      const elapsedMs = clock.monotonic() - startedAt;
      const { changes } = watcher;
      const seen = select(watcher.look());
      if (known?.changes !== changes || elapsedMs - known.at >= anewEveryMs) {
        known = { report: report(seen, clock.now()), changes, at: elapsedMs };
      }
      const { error } = seen.pullers;
      view.show({ report: known.report, elapsedMs, lost: error && lostBy(error) });
      if (error === undefined && isOver(known.report)) return known.report;
    }
    await sleep(clock, lookEveryMs, signal);
  }
  return undefined;
}

function isOver({ pullers }: Report): boolean {
  return pullers.every(({ outcome }) => outcome !== 'underway');
}

function lostBy(error: Error): string {
  return `this is as it was before the API server was lost: ${printable(error.message, 300)}`;
}
