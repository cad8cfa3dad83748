import { asError } from '../../src/errors.ts';
import {
  type Failure,
  type Finding,
  replayOfPair,
  replayOfPlan,
  replayOfSequence,
} from './findings.ts';
import {
  type Generator,
  generators,
  plansOf,
  seenAfter,
  troublesFor,
  workloadOf,
} from './generators.ts';
import type { Selection } from './options.ts';
import { type Plan, type Report, run, undisturbed } from './run.ts';
import { type Edit, editsOf, runSequence } from './sequence.ts';
import { shrunk } from './shrink.ts';
import type { Trouble } from './trouble.ts';
import { type Workload, workloads } from './workloads.ts';

/** Some plans that are run one after another, and told of together. */
export interface Group extends Pick<Finding, 'promise'> {
  /** Begins with that of its generator. */
  readonly name: string;
  readonly run: () => Promise<Outcome>;
}

type Outcome = Pick<Finding, 'plans' | 'failures'>;

/** The seed of every plan that troubles alone tell from others. */
const firstSeed = 1;
/** The seeds of G0. */
const quietSeeds = [firstSeed, 2, 3];
/** So many seeds are a group, so that processes share the work. */
const seedsOfGroup = 20;

/** All that is selected, in the order in which it is run. */
export function groupsOf(selection: Selection): readonly Group[] {
  const { only, workload } = selection;
  const chosen = workload === undefined ? workloads : [workload];
  const groups = [
    ...chosen.map((each) => quietGroup(each)),
    ...generators.flatMap((generator) =>
      chosen.map((each, index) => plannedGroup(generator, each, { ...selection, index })),
    ),
    ...seedGroups(selection),
  ];
  return groups.filter(({ name }) => only.length === 0 || only.includes(name.slice(0, 2)));
}

function quietGroup(workload: Workload): Group {
  return {
    name: `G0 ${workload.name}`,
    promise: `${workload.name}: leads to the same whatever the order of things`,
    run: () =>
      each(quietSeeds, false, (seed) => failuresOf({ workload, seed, troubles: [] }, reportOf)),
  };
}

/** Of two workloads with the same plans other ones are left out. */
function plannedGroup(
  generator: Generator,
  workload: Workload,
  { every, stop, index }: Pick<Selection, 'every' | 'stop'> & { readonly index: number },
): Group {
  return {
    name: `${generator.name} ${workload.name}`,
    promise: `${workload.name}: ${generator.promise}`,
    run: async () => {
      const known = await knownOf(workload);
      const all = plansOf(generator, { workload, seed: firstSeed }, known);
      const first = index % Math.min(every, all.length);
      const plans = all.filter((_, at) => at % every === first);
      return each(plans, stop, (plan) => failuresOf(plan, reportOf));
    },
  };
}

/** G6 has no workload. */
function seedGroups({ from, seeds, stop, workload }: Selection): readonly Group[] {
  const all = Array.from({ length: seeds }, (_, index) => from + index);
  const rows = [...Map.groupBy(all, (seed) => Math.floor((seed - from) / seedsOfGroup)).values()];
  return rows.flatMap((some) => {
    const range = `${some[0]} to ${some.at(-1)}`;
    const sequences = {
      name: `G6 ${range}`,
      promise: `any sequence of specs leads to what its last one asks for (seeds ${range})`,
      run: () => each(some, stop, failuresOfSequence),
    };
    const pairs = {
      name: `G7 ${range}`,
      promise: `any two troubles at once heal (seeds ${range})`,
      run: async () => {
        const outcome = await each(some, stop, (seed) =>
          failuresOfPair({ workload: workload ?? workloadOf(seed), seed }, reportOf),
        );
        return { ...outcome, plans: 2 * outcome.plans };
      },
    };
    return workload === undefined ? [sequences, pairs] : [pairs];
  });
}

/** Judges one after another; with `stop` until one fails. */
async function each<Item>(
  items: readonly Item[],
  stop: boolean,
  judge: (item: Item) => Promise<readonly Failure[]>,
): Promise<Outcome> {
  const failures: Failure[] = [];
  for (const item of items) {
    failures.push(...(await judge(item)));
    if (stop && failures.length > 0) break;
  }
  return { plans: items.length, failures };
}

const known = new Map<string, ReturnType<typeof undisturbed>>();

/** What a workload leads to where nothing goes wrong. */
function knownOf(workload: Workload): ReturnType<typeof undisturbed> {
  const found = known.get(workload.name) ?? undisturbed(workload, firstSeed);
  known.set(workload.name, found);
  return found;
}

/** How a plan goes. */
export type Judge = (plan: Plan) => Promise<Report>;

/** How a plan goes; one without trouble, under the first seed, is what all others are held against. */
export async function reportOf(plan: Plan): Promise<Report> {
  const wanted = await knownOf(plan.workload);
  const isWanted = plan.troubles.length === 0 && plan.seed === firstSeed;
  return isWanted ? { ...wanted, unfired: [], seen: wanted } : run(plan, wanted);
}

/** What a report finds fault with. Trouble that never came is a failure of its plan. */
export function complaintsOf({ violations, unfired }: Report): readonly string[] {
  return [
    ...violations,
    ...unfired.map((trouble) => `never came to pass: ${JSON.stringify(trouble)}`),
  ];
}

/** None, or one with the shortest list of troubles that fails too. */
function failuresOf(plan: Plan, judge: Judge): Promise<readonly Failure[]> {
  const replay = replayOfPlan(plan.workload.name, plan.seed, plan.troubles);
  return guarded(plan.seed, replay, async () => failuresIn(plan, await judge(plan), judge));
}

async function failuresIn(plan: Plan, report: Report, judge: Judge): Promise<readonly Failure[]> {
  if (complaintsOf(report).length === 0) return [];
  if (report.violations.length === 0) return [failureOf(plan, report)];
  const fails = async (troubles: readonly Trouble[]) =>
    (await judge({ ...plan, troubles })).violations.length > 0;
  const shortest = { ...plan, troubles: await shrunk(plan.troubles, fails) };
  return [failureOf(shortest, await judge(shortest))];
}

function failureOf({ workload, seed, troubles }: Plan, report: Report): Failure {
  const replay = replayOfPlan(workload.name, seed, troubles);
  return { seed, replay, violations: complaintsOf(report), trace: report.trace };
}

/** Where the simulation itself breaks off, that is told, and what comes after it is run all the same. */
async function guarded(
  seed: number,
  replay: readonly string[],
  judge: () => Promise<readonly Failure[]>,
): Promise<readonly Failure[]> {
  try {
    return await judge();
  } catch (error) {
    const violation = `the simulation broke off: ${asError(error).stack}`;
    return [{ seed, replay, violations: [violation], trace: '' }];
  }
}

/** Among so many troubles of a workload there is one that comes to pass under any seed. */
const mostDraws = 20;

/**
 * G7: one trouble, and then a second one that can follow it. What is known is known from another seed,
 * under which the order of things was another one, so the first is drawn again where it does not come.
 */
export function failuresOfPair(
  { workload, seed }: Pick<Plan, 'workload' | 'seed'>,
  judge: Judge,
): Promise<readonly Failure[]> {
  const replay = replayOfPair(workload.name, seed);
  return guarded(seed, replay, async () => {
    const next = troublesFor(seed);
    const wanted = await knownOf(workload);
    for (let draws = 0; draws < mostDraws; draws += 1) {
      const first = next(wanted);
      if (first === undefined) break;
      const alone = { workload, seed, troubles: [first] };
      const report = await judge(alone);
      // What fails by itself needs no second one.
      if (report.violations.length > 0) return failuresIn(alone, report, judge);
      const second = next(seenAfter(first, report.seen));
      if (report.unfired.length > 0 || second === undefined) continue;
      const pair = { ...alone, troubles: [first, second] };
      const both = await judge(pair);
      if (!isSpared(first, both)) return failuresIn(pair, both, judge);
    }
    return [{ seed, replay, violations: ['no two troubles come to pass'], trace: '' }];
  });
}

/** Claims that beside other trouble one had nothing to befall, and that all went well. */
function isSpared(trouble: Trouble, { violations, unfired }: Report): boolean {
  return violations.length === 0 && unfired.includes(trouble);
}

/** None, or one with the shortest list of edits that fails too. */
function failuresOfSequence(seed: number): Promise<readonly Failure[]> {
  const edits = editsOf(seed);
  return guarded(seed, replayOfSequence(seed, edits), async () => {
    const { violations } = await runSequence(seed, edits);
    if (violations.length === 0) return [];
    const fails = async (some: readonly Edit[]) =>
      (await runSequence(seed, some)).violations.length > 0;
    const shortest = await shrunk(edits, fails);
    const replay = replayOfSequence(seed, shortest);
    return [{ seed, replay, ...(await runSequence(seed, shortest)) }];
  });
}
