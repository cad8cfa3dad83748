import type { Oracles } from './oracles.ts';
import type { Sightings } from './sightings.ts';
import { differencesBetween, stateOf } from './state.ts';
import type { World } from './world.ts';

/** What an operator holds open while all is quiet: timers and messages that wait, and watches. */
export interface Load {
  readonly pending: number;
  readonly watches: number;
}

/** Longer than what every key and every cache is looked at anew after. */
const resyncMs = 12 * 60_000;
const stopMs = 15_000;

/** The same claim about a world, looked at anew only where anything has changed. */
export function onceChanged(world: World, claim: () => boolean): () => boolean {
  let lookedAt = -1;
  let holds = false;
  return () => {
    if (world.lastChange > lookedAt) holds = claim();
    lookedAt = world.scheduler.elapsed;
    return holds;
  };
}

/**
 * O3: looked at again and again, and by an operator that starts anew, nothing is written any more.
 * Returns what an operator holds open while all is quiet.
 */
export async function staysSo(world: World, oracles: Oracles, sightings: Sightings): Promise<Load> {
  const before = stateOf(world);
  const { length } = sightings.writes;
  await world.scheduler.pass(resyncMs);
  const written = sightings.writes.slice(length).map(({ what }) => what);
  if (written.length > 0) oracles.say(`O3: nothing happens, yet it writes ${written.join(', ')}`);
  const { operators } = world;
  const pending = Math.max(...operators.map((operator) => operator.pending));
  const watches = Math.max(...operators.map((operator) => operator.watches.size));
  for (const operator of operators) void operator.terminate();
  const haveEnded = () => operators.every(({ state }) => state === 'dead');
  if (!(await world.scheduler.until(haveEnded, stopMs))) oracles.say('O6: it does not end in time');
  world.startOperators();
  await world.scheduler.pass(60_000);
  await world.settle();
  for (const difference of differencesBetween(before, stateOf(world))) {
    oracles.say(`O3: after a restart ${difference}`);
  }
  oracles.checkEnd();
  return { pending, watches };
}

/** O9: the longer an operator runs, the more it does not hold open. */
export function checkLoad(oracles: Oracles, wanted: Load, { watches, pending }: Load): void {
  if (watches <= wanted.watches + 1 && pending <= wanted.pending + 3) return;
  oracles.say(
    `O9: ${watches} watches instead of ${wanted.watches}, ` +
      `${pending} timers instead of ${wanted.pending}`,
  );
}
