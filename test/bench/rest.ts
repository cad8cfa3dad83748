import { type Clock, sleep } from '../../src/clock.ts';
import type { CountedRequest, Rig } from './rig.ts';

/** Above the five seconds for which the operator holds back counts that move. */
const quietMs = 6_000;

/** What has not come to rest after this long, on a machine that has other things to do, will not. */
const patienceMs = 15 * 60_000;

/**
 * Resolves when the operator has asked for nothing but its Lease for some seconds. Rejects, and says what
 * it goes on asking for, where that does not come about.
 */
export async function rest(
  rig: Pick<Rig, 'position' | 'requestsSince'>,
  clock: Clock,
): Promise<void> {
  const deadline = clock.monotonic() + patienceMs;
  for (;;) {
    const since = rig.position();
    await sleep(clock, quietMs);
    const requests = (await rig.requestsSince(since)).filter(isOfWork);
    if (requests.length === 0) return;
    if (clock.monotonic() >= deadline) throw new Error(unrest(requests));
  }
}

function isOfWork({ about }: CountedRequest): boolean {
  return about !== 'leases';
}

function unrest(requests: readonly CountedRequest[]): string {
  const kinds = Map.groupBy(requests, ({ verb, about }) => `${verb} ${about}`);
  const lately = [...kinds].map(([kind, some]) => `${kind} (${some.length})`).join(', ');
  return `the operator has not come to rest in ${patienceMs / 60_000} minutes; lately: ${lately}`;
}
