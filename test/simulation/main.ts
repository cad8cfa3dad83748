import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { generators, plansOf, seenAfter, troublesFor, workloadOf } from './generators.ts';
import { type Plan, type Report, run, type Undisturbed, undisturbed } from './run.ts';
import { runSequence } from './sequence.ts';
import { shrunk } from './shrink.ts';
import type { Trouble } from './trouble.ts';
import { type Workload, workloadNamed, workloads } from './workloads.ts';

/**
 * `npm run simulate`: runs plans, in several processes, and prints what they find. With `--json` one
 * line for each group of plans, for tests.
 */

/** What became of the plans of one generator for one workload. */
export interface Finding {
  /** `G1 rename`. */
  readonly group: string;
  /** What holds, as a sentence. */
  readonly promise: string;
  readonly plans: number;
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly seed: number;
  /** The shortest list that fails. */
  readonly troubles: readonly Trouble[];
  readonly violations: readonly string[];
  readonly trace: string;
}

const usage = `npm run simulate -- [options]

  --seeds N        so many seeds of G6 and G7 (40)
  --from N         the first of them (1)
  --only G1,G7     these generators
  --workload NAME  this workload
  --troubles JSON  this plan, with --workload and --from as its seed; prints its trace
  --jobs N         so many processes at once (2)
  --json           one line of JSON for each group
  --stop           ends at the first failure
`;

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '40' },
    from: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    workload: { type: 'string' },
    troubles: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
    stop: { type: 'boolean', default: false },
    part: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** The seed of G1 to G5, which need no other. */
const firstSeed = 1;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A plan that is asked for by name: its trace is what is wanted. */
async function replay(workload: Workload, seed: number, troubles: string): Promise<void> {
  const plan = { workload, seed, troubles: JSON.parse(troubles) as readonly Trouble[] };
  const { trace, violations, unfired } = await run(plan, await undisturbed(workload, seed));
  print(trace);
  for (const violation of violations) print(violation);
  for (const trouble of unfired) print(`never came to pass: ${JSON.stringify(trouble)}`);
  process.exitCode = violations.length + unfired.length > 0 ? 1 : 0;
}

/** Every group of plans, and how to run it. */
interface Group {
  readonly name: string;
  readonly promise: string;
  readonly run: () => Promise<Omit<Finding, 'group' | 'promise'>>;
}

const knownOnes = new Map<string, ReturnType<typeof undisturbed>>();

function knownOf(workload: Workload): ReturnType<typeof undisturbed> {
  const known = knownOnes.get(workload.name) ?? undisturbed(workload, firstSeed);
  knownOnes.set(workload.name, known);
  return known;
}

function groups(): readonly Group[] {
  const chosen = options.workload === undefined ? workloads : [workloadNamed(options.workload)];
  const quiet = chosen.map((workload) => ({
    name: `G0 ${workload.name}`,
    promise: `${workload.name}: leads to the same whatever the order of things`,
    run: () => runQuiet(workload),
  }));
  const all = generators.flatMap((generator) =>
    chosen.map((workload) => ({
      name: `${generator.name} ${workload.name}`,
      promise: `${workload.name}: ${generator.promise}`,
      run: async () => {
        const known = await knownOf(workload);
        return runPlans(plansOf(generator, { workload, seed: firstSeed }, known), known);
      },
    })),
  );
  return [...quiet, ...all, ...seedGroups()];
}

/** Twenty seeds are a group, so that processes share the work. */
function seedGroups(): readonly Group[] {
  const [from, count] = [Number(options.from), Number(options.seeds)];
  const seeds = Array.from({ length: count }, (_, index) => from + index);
  const tens = [...Map.groupBy(seeds, (seed) => Math.floor((seed - from) / 20)).values()];
  return tens.flatMap((some) => {
    const range = `${some[0]} to ${some.at(-1)}`;
    return [
      {
        name: `G6 ${range}`,
        promise: `any sequence of specs leads to what its last one asks for (seeds ${range})`,
        run: () => runSequences(some),
      },
      {
        name: `G7 ${range}`,
        promise: `any two troubles at once heal (seeds ${range})`,
        run: () => runPairs(some),
      },
    ];
  });
}

async function runQuiet(workload: Workload) {
  const known = await knownOf(workload);
  const failures: Failure[] = [];
  if (known.violations.length > 0) failures.push(failureOf(firstSeed, [], known));
  for (const seed of [2, 3])
    failures.push(...(await failing({ workload, seed, troubles: [] }, known)));
  return { plans: 3, failures };
}

async function runPlans(plans: readonly Plan[], known: Undisturbed) {
  const failures: Failure[] = [];
  for (const plan of plans) {
    failures.push(...(await failing(plan, known)));
    if (options.stop && failures.length > 0) break;
  }
  return { plans: plans.length, failures };
}

async function runPairs(seeds: readonly number[]) {
  const failures: Failure[] = [];
  for (const seed of seeds) {
    const workload = workloadOf(seed);
    const known = await knownOf(workload);
    const { plans, report } = await pairOf({ workload, seed }, known);
    const [alone, both] = plans;
    const ofOne = await failureIn(alone, report, known);
    failures.push(...(ofOne.length > 0 ? ofOne : await failing(both, known)));
  }
  return { plans: 2 * seeds.length, failures };
}

/** Among so many troubles of a workload there is one that comes to pass under any seed. */
const mostDraws = 20;

/**
 * A plan with one trouble, how it went, and the plan with a second one that can follow then. What is
 * known is known from another seed, under which the order of things was another one.
 */
async function pairOf(
  { workload, seed }: Pick<Plan, 'workload' | 'seed'>,
  known: Undisturbed,
): Promise<{ readonly plans: readonly [Plan, Plan]; readonly report: Report }> {
  const next = troublesFor(seed);
  for (let draws = 0; draws < mostDraws; draws += 1) {
    const first = next(known);
    if (first === undefined) break;
    const alone = { workload, seed, troubles: [first] };
    const report = await run(alone, known);
    const second = next(seenAfter(first, report.seen));
    if (report.unfired.length === 0 && second !== undefined) {
      return { plans: [alone, { ...alone, troubles: [first, second] }], report };
    }
  }
  throw new Error(`no two troubles of ${workload.name} come to pass with seed ${seed}`);
}

async function runSequences(seeds: readonly number[]) {
  const failures: Failure[] = [];
  for (const seed of seeds) {
    const report = await runSequence(seed);
    if (report.violations.length > 0) failures.push(failureOf(seed, [], report));
  }
  return { plans: seeds.length, failures };
}

async function failing(plan: Plan, known: Undisturbed): Promise<readonly Failure[]> {
  return failureIn(plan, await run(plan, known), known);
}

/** None, or one with the shortest list of troubles that fails too. Trouble that never came is a failure. */
async function failureIn(
  plan: Plan,
  { violations, unfired }: Report,
  known: Undisturbed,
): Promise<readonly Failure[]> {
  if (violations.length + unfired.length === 0) return [];
  const fails = async (troubles: readonly Trouble[]) =>
    (await run({ ...plan, troubles }, known)).violations.length > 0;
  const troubles = violations.length > 0 ? await shrunk(plan.troubles, fails) : plan.troubles;
  return [failureOf(plan.seed, troubles, await run({ ...plan, troubles }, known))];
}

function failureOf(
  seed: number,
  troubles: readonly Trouble[],
  { violations, trace, unfired = [] }: Pick<Report, 'violations' | 'trace'> & Partial<Report>,
): Failure {
  const never = unfired.map((trouble) => `never came to pass: ${JSON.stringify(trouble)}`);
  return { seed, troubles, violations: [...violations, ...never], trace };
}

/** Runs every group whose turn it is in this process. */
async function runPart(part: string): Promise<void> {
  const [index = 0, parts = 1] = part.split('/').map(Number);
  const only = options.only === '' ? [] : options.only.split(',');
  const mine = groups()
    .filter(({ name }) => only.length === 0 || only.includes(name.slice(0, 2)))
    .filter((_, at) => at % parts === index);
  for (const { name, promise, run: runGroup } of mine) {
    const finding: Finding = { group: name, promise, ...(await runGroup()) };
    print(JSON.stringify(finding));
    if (finding.failures.length > 0) process.exitCode = 1;
    if (options.stop && finding.failures.length > 0) return;
  }
}

/** Starts the processes and hands on what they find; resolves with the number of failures. */
async function runAll(jobs: number): Promise<number> {
  let failures = 0;
  const began = performance.now();
  const children = Array.from({ length: jobs }, (_, index) => {
    const own = fileURLToPath(import.meta.url);
    const args = [...process.execArgv, own, ...process.argv.slice(2), '--part', `${index}/${jobs}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const lines = child.stdout as Readable; // piped
    createInterface({ input: lines }).on('line', (line) => {
      const finding = JSON.parse(line) as Finding;
      failures += finding.failures.length;
      print(options.json ? line : inWords(finding, performance.now() - began));
    });
    return new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        if (code !== 0) failures = Math.max(failures, 1);
        resolve();
      });
    });
  });
  await Promise.all(children);
  return failures;
}

function inWords({ group, plans, failures }: Finding, elapsedMs: number): string {
  const seconds = (elapsedMs / 1000).toFixed(1).padStart(7);
  const head = `${seconds} s  ${group.padEnd(40)} ${plans} plans, ${failures.length} failures`;
  return [head, ...failures.map((failure) => failureInWords(group, failure))].join('\n');
}

function failureInWords(group: string, { seed, troubles, violations, trace }: Failure): string {
  return [
    `--- ${group}, seed ${seed}: ${JSON.stringify(troubles)}`,
    ...violations.map((violation) => `    ${violation}`),
    trace,
  ].join('\n');
}

if (options.help) {
  print(usage);
} else if (options.troubles !== undefined) {
  await replay(workloadNamed(options.workload ?? ''), Number(options.from), options.troubles);
} else if (options.part !== undefined) {
  const end = () => process.exit(1);
  process.once('disconnect', end); // nobody listens any more
  await runPart(options.part);
  process.off('disconnect', end);
  if (process.connected) process.disconnect();
} else {
  process.exitCode = (await runAll(Number(options.jobs))) > 0 ? 1 : 0;
}
