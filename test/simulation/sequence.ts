import type { RawSpec } from '../../src/api/types.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import { aPuller } from '../pullers.ts';
import { Oracles } from './oracles.ts';
import { HotLoopError, seeded } from './scheduler.ts';
import { differencesBetween, stateOf } from './state.ts';
import { UnrestError, World } from './world.ts';

/** How many changes of a spec there are before the last one. */
const length = 10;
/** How long a user waits between two of them, at most: a roll-out takes about three seconds. */
const longestWaitMs = 8_000;

/** Values of fields, good and bad, as a user might write them. */
const values: { readonly [field in keyof RawSpec]-?: readonly string[] } = {
  images: [
    'a=quay.io/example/a:1',
    'a=quay.io/example/a:1;b=quay.io/example/b:2',
    'b=quay.io/example/b:2; c=quay.io/example/c:3;',
    'A_b=quay.io/example/a:1;A-b=quay.io/example/b:2',
    'a=quay.io/example/a:1;a=quay.io/example/c:3',
    'a=quay.io/example/missing:1;b=quay.io/example/b:2',
    'a=not a reference;b=quay.io/example/b:2',
    'nothing',
    '',
  ],
  configMapName: ['settings', 'Not A Name', ''],
  daemonsetName: ['cache', 'other-cache', 'x'.repeat(80), 'UPPER', ''],
  deploymentName: ['pulls', '-', ''],
  cachingIntervalHours: ['2', 'soon', '0', ''],
  cachingMemoryRequest: ['20Mi', '30', 'lots', ''],
  cachingMemoryLimit: ['40Mi', '1', ''],
  cachingCPURequest: ['10m', '-1', ''],
  cachingCPULimit: ['200m', '1m', ''],
  nodeSelector: ['{"kubernetes.io/os":"linux"}', '{"disk":"fast"}', '{', ''],
  imagePullSecrets: ['secret', 'a;b', 'Not A Name', ''],
  affinity: ['{"nodeAffinity":{}}', '[]', ''],
  tolerations: ['[{"operator":"Exists"}]', '{}', ''],
  imagePullerImage: ['quay.io/example/sleep:1', 'not a reference', ''],
};

/** What every sequence ends with. */
const last: RawSpec = { images: 'a=quay.io/example/a:1;b=quay.io/example/b:2' };

/** The specs of a sequence: each is the one before with another value. */
export function specsOf(seed: number): readonly RawSpec[] {
  const random = seeded(seed ^ 0x06);
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  const fields = Object.keys(values) as (keyof RawSpec)[];
  const specs: RawSpec[] = [last];
  while (specs.length <= length) {
    const field = random() < 0.3 ? 'images' : pick(fields);
    specs.push({ ...specs.at(-1), [field]: pick(values[field]) });
  }
  return [...specs, last];
}

/**
 * G6: a user changes a spec again and again, without waiting for what becomes of it, and then goes back
 * to where it began. What is left is to be what a new cluster would have (O10).
 */
export async function runSequence(
  seed: number,
): Promise<{ readonly violations: readonly string[]; readonly trace: string }> {
  const world = new World({ seed });
  const oracles = new Oracles(world);
  const random = seeded(seed ^ 0x60);
  try {
    world.startOperators();
    await world.settle();
    for (const spec of specsOf(seed)) {
      world.apply(aPuller(spec));
      await world.scheduler.pass(longestWaitMs * random());
    }
    await world.settle();
    // Longer than the longest that a DaemonSet of a former name waits for its successor.
    await world.scheduler.pass(31 * 60_000);
    await world.settle();
    oracles.checkEnd();
    const found = stateOf(world, { isFresh: true });
    for (const difference of differencesBetween(await fresh(), found)) {
      oracles.say(`O10: ${difference}`);
    }
  } catch (error) {
    if (!(error instanceof HotLoopError || error instanceof UnrestError)) throw error;
    oracles.say(`O5: ${error.message}`);
  } finally {
    world.stop();
  }
  return { violations: oracles.violations, trace: world.trace.toString() };
}

/** What the last spec leads to by itself; the same for every seed. */
let known: ReturnType<typeof stateOf> | undefined;

async function fresh(): Promise<ReturnType<typeof stateOf>> {
  if (known !== undefined) return known;
  const world = new World({ seed: 0 });
  world.startOperators();
  world.apply(aPuller(last));
  await world.settle();
  known = stateOf(world, { isFresh: true });
  world.stop();
  if (!known.has(`${imagePullers.kind}/puller`)) throw new Error('a new cluster has no puller');
  return known;
}
