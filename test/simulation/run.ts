import { checkLoad, type Load, onceChanged, staysSo } from './aftermath.ts';
import { checkWrites } from './budget.ts';
import { countsDiffer, Oracles } from './oracles.ts';
import { HotLoopError } from './scheduler.ts';
import { type Seen, Sightings } from './sightings.ts';
import { differencesBetween, type State, stateOf } from './state.ts';
import { type Armed, arm, isOfEvent, type Trouble } from './trouble.ts';
import type { Workload } from './workloads.ts';
import { UnrestError, World } from './world.ts';

/** What is to be run: a workload, the seed that decides everything else, and what goes wrong. */
export interface Plan {
  readonly workload: Workload;
  readonly seed: number;
  readonly troubles: readonly Trouble[];
}

/** What a workload leads to where nothing goes wrong. */
export interface Undisturbed extends Seen, Load {
  readonly state: State;
  readonly counts: ReadonlyMap<string, string>;
}

/** How a run went. */
export interface Report {
  readonly violations: readonly string[];
  /** Troubles that never came to pass. */
  readonly unfired: readonly Trouble[];
  /** Until what was wanted was there. */
  readonly seen: Seen;
  readonly trace: string;
}

/** What heals by itself, heals within this time after the last of it. */
const boundMs = 3 * 60_000;
/** A write that failed is tried again at once, and a process that ended starts within a second. */
const promptMs = 10_000;
const promptOnes: ReadonlySet<Trouble['kind']> = new Set([
  'kill',
  'lose request',
  'lose answer',
  'double',
  'fail after commit',
  'conflict',
]);
/** An event that never came is made up for by the next list: that of pods is rare. */
const lostEventBoundMs = 11 * 60_000;
const lostPodEventBoundMs = 62 * 60_000;
/** Where pullers go, chance decides how much is written before the operator knows. */
const spareWrites = 5;

/** Runs a workload without trouble, and looks at what it leads to. */
export async function undisturbed(
  workload: Workload,
  seed: number,
): Promise<Undisturbed & Pick<Report, 'violations' | 'trace'>> {
  const world = worldOf(workload, seed);
  const oracles = oraclesOf(world, workload);
  try {
    await prepare(world, workload);
    const sightings = new Sightings(world);
    await act(world, workload);
    oracles.checkEnd();
    checkWrites(oracles, sightings);
    const counts = new Map(oracles.counts);
    const known = { state: stateOf(world), ...sightings.seen() };
    const load = await staysSo(world, oracles, sightings);
    return {
      ...known,
      counts,
      ...load,
      violations: oracles.violations,
      trace: world.trace.toString(),
    };
  } catch (error) {
    sayEndless(oracles, error);
    const { violations, counts } = oracles;
    return { ...nothingKnown, counts, violations, trace: world.trace.toString() };
  } finally {
    world.stop();
  }
}

const nothingSeen: Seen = { writes: [], events: [], commitsAgo: [], before: [] };
const nothingKnown = { ...nothingSeen, state: new Map(), pending: 0, watches: 0 } as const;

/** O5: what goes on without end; anything else is a mistake of the simulation. */
export function sayEndless(oracles: Oracles, error: unknown): void {
  if (!(error instanceof HotLoopError || error instanceof UnrestError)) throw error;
  oracles.say(`O5: ${error.message}`);
}

/** Runs a plan, and holds it against the same workload without trouble. */
export async function run(plan: Plan, wanted: Undisturbed): Promise<Report> {
  const { workload, seed, troubles } = plan;
  const world = worldOf(workload, seed);
  const oracles = oraclesOf(world, workload, troubles);
  let armed: readonly Armed[] = [];
  let seen = nothingSeen;
  try {
    await prepare(world, workload);
    const sightings = new Sightings(world);
    armed = troubles.map((trouble) => arm(world, sightings, trouble));
    await act(world, workload);
    for (const { atEnd } of armed) await atEnd?.();
    // Whatever starts anew does so now.
    const { commitsAgo } = sightings.seen();
    await converges(world, oracles, { wanted, troubles });
    seen = { ...sightings.seen(), commitsAgo };
    const seesPast = troubles.some(({ kind }) => kind === 'stale');
    for (const difference of countsDiffer(wanted.counts, oracles.counts, { seesPast })) {
      oracles.say(difference);
    }
    const budget = 2 * wanted.writes.length + 10 * troubles.length + spareWrites;
    if (sightings.writes.length > budget) {
      oracles.say(`O5: ${sightings.writes.length} writes instead of ${wanted.writes.length}`);
    }
    if (troubles.length === 0) checkWrites(oracles, sightings);
    oracles.checkEnd();
    checkLoad(oracles, wanted, await staysSo(world, oracles, sightings));
  } catch (error) {
    sayEndless(oracles, error);
  } finally {
    world.stop();
  }
  return {
    violations: oracles.violations,
    unfired: armed.filter(({ hasFired }) => !hasFired()).map(({ trouble }) => trouble),
    seen,
    trace: world.trace.toString(),
  };
}

/** A world in which a workload has come to its end, without trouble. */
export async function worldAfter(workload: Workload, seed: number): Promise<World> {
  const world = worldOf(workload, seed);
  await prepare(world, workload);
  await act(world, workload);
  return world;
}

function worldOf({ nodes, replicas }: Workload, seed: number): World {
  return new World({ seed, ...(nodes && { nodes }), ...(replicas && { replicas }) });
}

function oraclesOf(
  world: World,
  { replicas }: Workload,
  troubles: readonly Trouble[] = [],
): Oracles {
  const mayBeBehind = troubles.some((trouble) => trouble.kind === 'stale' || isOfEvent(trouble));
  const oracles = new Oracles(world, { mayBeBehind });
  if (replicas !== undefined) oracles.watchLease();
  return oracles;
}

async function prepare(world: World, { before }: Workload): Promise<void> {
  world.startOperators();
  await world.settle();
  for (const each of before) {
    each(world);
    await world.settle();
  }
}

async function act(world: World, { acts }: Workload): Promise<void> {
  for (const each of acts) {
    each(world);
    await world.settle();
  }
}

/** O1, O3, O8: the state that is wanted is reached in time. */
async function converges(
  world: World,
  oracles: Oracles,
  { wanted, troubles }: { readonly wanted: Undisturbed; readonly troubles: readonly Trouble[] },
): Promise<void> {
  const left = () => differencesBetween(wanted.state, stateOf(world));
  const isThere = onceChanged(world, () => left().length === 0);
  const ofEvents = troubles.filter(isOfEvent);
  const lost = ofEvents.filter(({ kind }) => kind === 'drop');
  // A replica waits for the lease of the one before.
  const isPrompt =
    troubles.every(({ kind }) => promptOnes.has(kind)) && world.operators.length === 1;
  const isDelayed = troubles.some(({ kind }) => kind === 'delay' || kind === 'pause');
  const isOfPod = lost.some(({ what }) => what.includes(' Pod/'));
  // What is not known or has not arrived yet may turn a status late, before a list makes up for it.
  if (isOfPod) await world.scheduler.pass(lostPodEventBoundMs);
  else if (lost.length > 0) await world.scheduler.pass(lostEventBoundMs);
  else if (ofEvents.length > 0 || isDelayed) await world.scheduler.pass(boundMs);
  await world.scheduler.until(isThere, isPrompt ? promptMs : boundMs);
  await world.settle();
  for (const difference of left()) oracles.say(`O1: ${difference}`);
}
