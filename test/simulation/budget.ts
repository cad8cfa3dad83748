import { imagePullers } from '../../src/controllers/keys.ts';
import { daemonSets, type Resource } from '../../src/kube/objects.ts';
import type { Oracles } from './oracles.ts';
import type { Sighting, Sightings } from './sightings.ts';

/**
 * O5, where nothing goes wrong: what users have done costs what README.md says, so much for each object.
 * A status is also written every five seconds while nodes get images (docs/status.md).
 */
export function checkWrites(oracles: Oracles, { writes, deeds }: Sightings): void {
  for (const [what, some] of Map.groupBy(writes, (write) => write.what)) {
    const most = deeds * writesPerDeed(what) + statusesWhileMoving(what, some);
    if (some.length <= most) continue;
    oracles.say(`O5: ${what} was done ${some.length} times for ${deeds} deeds, at most ${most}`);
  }
}

const statusEveryMs = 5_000;

/**
 * A status says that something begins, and that it is done. A DaemonSet takes an image in, and gives one
 * away when another holds it. Anything else is made, changed or deleted once.
 */
function writesPerDeed(what: string): number {
  return isStatus(what) || isOf(daemonSets, what) ? 2 : 1;
}

function statusesWhileMoving(what: string, writes: readonly Sighting[]): number {
  const [first, last] = [writes.at(0), writes.at(-1)];
  if (!isStatus(what) || first === undefined || last === undefined) return 0;
  return Math.floor((last.at - first.at) / statusEveryMs);
}

function isStatus(what: string): boolean {
  return isOf(imagePullers, what);
}

function isOf({ plural }: Resource, what: string): boolean {
  return what.includes(` ${plural}/`);
}
