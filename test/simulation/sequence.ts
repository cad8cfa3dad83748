import { holdOf } from '../../src/api/findings.ts';
import { parseSpec } from '../../src/api/parse.ts';
import { type RawSpec, type SpecField, specFields } from '../../src/api/types.ts';
import { operatorConfig } from '../../src/config.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import { childNames } from '../../src/manifests/children.ts';
import { isObject } from '../cluster/embedded/json.ts';
import { aPuller } from '../pullers.ts';
import { checkLoad, type Load, onceChanged, staysSo } from './aftermath.ts';
import { checkWrites } from './budget.ts';
import { Oracles } from './oracles.ts';
import { sayEndless } from './run.ts';
import { seeded } from './scheduler.ts';
import { Sightings } from './sightings.ts';
import { differencesBetween, type State, stateOf } from './state.ts';
import { World } from './world.ts';

/** How many edits there are before the last one. */
const length = 10;
/** How long a user waits between two of them, at most: a roll-out takes about three seconds. */
const longestWaitMs = 8_000;
/** How long it waits before it goes back: less than a roll-out takes. */
const backAfterMs = 2_000;
/** In this time all is as it is to be. */
const boundMs = 3 * 60_000;

/** Values of fields, good and bad, as a user might write them. */
const values: Readonly<Record<SpecField, readonly string[]>> = {
  images: [
    'a=quay.io/example/a:1',
    'a=quay.io/example/a:1;b=quay.io/example/b:2',
    'b=quay.io/example/b:2; c=quay.io/example/c:3;',
    'A_b=quay.io/example/a:1;A-b=quay.io/example/b:2',
    'a=quay.io/example/a:1;a=quay.io/example/c:3',
    'a=registry.invalid/missing:1;b=quay.io/example/b:2',
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

/** What every sequence begins and ends with. */
const last: RawSpec = { images: 'a=quay.io/example/a:1;b=quay.io/example/b:2' };

/** A user changes a field of the spec, some time after the edit before. */
export interface Edit {
  readonly afterMs: number;
  readonly field: SpecField;
  readonly value: string;
}

/** Claims that a value, such as one that was printed, is an edit. */
export function isEdit(value: unknown): value is Edit {
  if (!isObject(value)) return false;
  const { afterMs, field, value: text } = value;
  const isField = specFields.some((each) => each === field);
  return typeof afterMs === 'number' && afterMs >= 0 && isField && typeof text === 'string';
}

/** The edits of a seed. */
export function editsOf(seed: number): readonly Edit[] {
  const random = seeded(seed ^ 0x06);
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  return Array.from({ length }, () => {
    const field = random() < 0.3 ? 'images' : pick(specFields);
    return { afterMs: Math.floor(longestWaitMs * random()), field, value: pick(values[field]) };
  });
}

/** The nodes of a seed: one to five. */
function nodesOf(seed: number): number {
  return 1 + Math.floor(5 * seeded(seed ^ 0x0d)());
}

/**
 * G6: a user edits a spec again and again, without waiting for what becomes of it, and then goes back to
 * where it began. What is left is to be what a new cluster would have (O10).
 */
export async function runSequence(
  seed: number,
  edits: readonly Edit[],
): Promise<{ readonly violations: readonly string[]; readonly trace: string }> {
  const wanted = await fresh(nodesOf(seed));
  const world = new World({ seed, nodes: nodesOf(seed) });
  const oracles = new Oracles(world);
  try {
    world.startOperators();
    await world.settle();
    const sightings = new Sightings(world);
    const specs = [last, ...specsAfter(edits), last];
    for (const [index, spec] of specs.entries()) {
      await world.scheduler.pass(edits[index - 1]?.afterMs ?? backAfterMs);
      world.apply(aPuller(spec));
    }
    const left = () => differencesBetween(wanted.state, stateOf(world, { isFresh: true }));
    const isThere = onceChanged(world, () => left().length === 0);
    await world.scheduler.until(isThere, boundMs);
    await world.settle();
    oracles.checkEnd();
    checkWrites(oracles, sightings);
    for (const difference of left()) oracles.say(`O10: ${difference}`);
    for (const excess of madeTooOften(specs, oracles.counts)) oracles.say(`O2: ${excess}`);
    checkLoad(oracles, wanted, await staysSo(world, oracles, sightings));
  } catch (error) {
    sayEndless(oracles, error);
  } finally {
    world.stop();
  }
  return { violations: oracles.violations, trace: world.trace.toString() };
}

/** Each is the one before with another value. */
function specsAfter(edits: readonly Edit[]): readonly RawSpec[] {
  let spec = last;
  return edits.map(({ field, value }) => {
    spec = { ...spec, [field]: value };
    return spec;
  });
}

const config = operatorConfig({});

/** What was made more often than a spec has come to name it, or deleted more often than one has ceased to. */
function madeTooOften(
  specs: readonly RawSpec[],
  counts: ReadonlyMap<string, string>,
): readonly string[] {
  const named = new Map<string, number>();
  let before: readonly string[] = [];
  for (const raw of specs) {
    const { spec, findings } = parseSpec(raw, config);
    // What is held changes nothing.
    if (holdOf(findings)) continue;
    const now = childNames(spec).map(({ resource, name }) => `${resource.kind}/${name}`);
    for (const key of now.filter((each) => !before.includes(each))) {
      named.set(key, (named.get(key) ?? 0) + 1);
    }
    before = now;
  }
  return [...counts]
    .filter(([key, history]) => history.replaceAll('-', '').length > (named.get(key) ?? 0))
    .map(([key, history]) => `${key} was ${history}, and came to be named ${named.get(key) ?? 0}×`);
}

interface Fresh extends Load {
  readonly state: State;
}

/** By how many nodes there are. */
const known = new Map<number, Fresh>();

/** What the last spec leads to by itself; the same for every seed. */
async function fresh(nodes: number): Promise<Fresh> {
  const found = known.get(nodes);
  if (found !== undefined) return found;
  const world = new World({ seed: 0, nodes });
  const oracles = new Oracles(world);
  world.startOperators();
  await world.settle();
  const sightings = new Sightings(world);
  world.apply(aPuller(last));
  await world.settle();
  const state = stateOf(world, { isFresh: true });
  const made = { state, ...(await staysSo(world, oracles, sightings)) };
  world.stop();
  if (!state.has(`${imagePullers.kind}/puller`)) throw new Error('a new cluster has no puller');
  known.set(nodes, made);
  return made;
}
