import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Finding, failureInWords } from './findings.ts';
import { generators } from './generators.ts';
import { differsBySeed } from './mask.ts';
import { withBug } from './plant.ts';
import { plantedBugs } from './planted-bugs.ts';
import { run, undisturbed, worldAfter } from './run.ts';
import { Scheduler, seeded } from './scheduler.ts';
import { shrunk } from './shrink.ts';
import { differingPaths } from './state.ts';
import { workloadNamed, workloads } from './workloads.ts';

/** Asks for every plan, for more seeds, and for the bugs to be found. */
const isThorough = process.env['SIMULATION'] === 'thorough';
const share = isThorough ? ['--seeds', '200'] : ['--every', '8', '--seeds', '8'];
const minutes = 60_000;

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const plant = new URL('./plant.ts', import.meta.url).href;
const children = new Set<ChildProcess>();

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** What runs the simulation as `npm run simulate` does, with a bug where one is named. */
function program(bug?: string): readonly string[] {
  const planted = bug === undefined ? [] : ['--import', plant];
  return [process.execPath, '--disable-warning=ExperimentalWarning', ...planted, main];
}

async function outcomeOf([command = '', ...args]: readonly string[], bug?: string) {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PLANTED_BUG: bug ?? '' },
  });
  children.add(child);
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  children.delete(child);
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** Its findings, one for each group of plans. */
async function simulate(args: readonly string[], bug?: string): Promise<readonly Finding[]> {
  const { code, stdout, stderr } = await outcomeOf([...program(bug), '--json', ...args], bug);
  const findings = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Finding);
  const isWell = findings.every(({ failures }) => failures.length === 0);
  if (isWell && code !== 0) throw new Error(`the simulation broke off: ${stderr}`);
  return findings;
}

function inWords({ group, failures }: Finding): readonly string[] {
  return failures.map((failure) => failureInWords(group, failure));
}

it(
  'the operator brings every workload to its end, whatever goes wrong on the way',
  async () => {
    const findings = await simulate(share);
    expect(findings.flatMap(inWords)).toEqual([]);
    const plans = findings.reduce((sum, finding) => sum + finding.plans, 0);
    expect(plans).toBeGreaterThan(isThorough ? 1_000 : 200);
    const idle = generators.filter(({ name }) =>
      findings.every(({ group, plans: ofGroup }) => !group.startsWith(`${name} `) || ofGroup === 0),
    );
    expect(idle.map(({ name }) => name)).toEqual([]);
  },
  (isThorough ? 30 : 10) * minutes,
);

it.each([
  ['G0', ['--workload', 'edit the list']],
  ['G6', []],
  ['G7', ['--workload', 'edit the list']],
] as const)(
  'the command that is printed with a failure of %s leads to the same again, byte for byte',
  async (only, options) => {
    const bug = 'a status speaks of no generation but the first';
    const one = ['--part', '0/1', '--only', only, '--from', '5', '--seeds', '1', ...options];
    const [finding] = await simulate(one, bug);
    const [failure] = finding?.failures ?? [];
    if (finding === undefined || failure === undefined) throw new Error(`${bug}, and is not found`);
    const command = /^ *npm run simulate -- (.*)$/m.exec(
      failureInWords(finding.group, failure),
    )?.[1];
    const { stdout, code } = await outcomeOf(
      ['sh', '-c', `exec "$@" ${command}`, 'sh', ...program(bug)],
      bug,
    );
    expect(stdout).toBe(`${failure.trace}${failure.violations.join('\n')}\n`);
    expect(code).toBe(1);
  },
  2 * minutes,
);

it('the same seed leads to the same trace, byte for byte, and another one to another', async () => {
  const workload = workloadNamed('rename');
  const known = await undisturbed(workload, 7);
  const write = known.writes[3];
  const troubles = [{ kind: 'kill', what: write?.what ?? '', nth: write?.nth ?? 0 }] as const;
  const [first, again, other] = [
    await run({ workload, seed: 7, troubles }, known),
    await run({ workload, seed: 7, troubles }, known),
    await run({ workload, seed: 8, troubles }, known),
  ];
  expect(first.trace.length).toBeGreaterThan(10_000);
  expect(again.trace).toBe(first.trace);
  expect(other.trace).not.toBe(first.trace);
});

it(
  'runs are compared by all but what differs without trouble too, and nothing more is left out',
  async () => {
    const differing = new Set<string>();
    for (const workload of workloads) {
      const [one, other] = [await worldAfter(workload, 1), await worldAfter(workload, 2)];
      for (const path of differingPaths(one, other)) differing.add(path);
      one.stop();
      other.stop();
    }
    expect([...differing].sort()).toEqual(differsBySeed);
  },
  2 * minutes,
);

it('trouble that never comes to pass is told', async () => {
  const workload = workloadNamed('create');
  const trouble = { kind: 'kill', what: 'patch daemonsets/of-nobody', nth: 1 } as const;
  const { unfired } = await run(
    { workload, seed: 1, troubles: [trouble] },
    await undisturbed(workload, 1),
  );
  expect(unfired).toEqual([trouble]);
});

it('what fails is told by the shortest list that still fails', async () => {
  const fails = async (items: readonly number[]) => items.includes(3) && items.includes(5);
  expect(await shrunk([1, 2, 3, 4, 5, 6], fails)).toEqual([3, 5]);
});

describe('the scheduler', () => {
  it('takes steps in the order in which they are due, and time passes between them only', async () => {
    const scheduler = new Scheduler();
    const taken: string[] = [];
    scheduler.after(20, () => taken.push(`b at ${scheduler.elapsed}`));
    scheduler.after(10, () => {
      taken.push(`a at ${scheduler.elapsed}`);
      scheduler.after(5, () => taken.push(`c at ${scheduler.elapsed}`));
    });
    scheduler.after(12, () => taken.push('cancelled'))();
    await scheduler.pass(100);
    expect(taken).toEqual(['a at 10', 'c at 15', 'b at 20']);
    expect(scheduler.elapsed).toBe(100);
  });

  it('holds the steps of one that is paused, and drops those of one that is dead', async () => {
    const scheduler = new Scheduler();
    const actor = { state: 'paused' as 'running' | 'paused' | 'dead', pending: 0 };
    const taken: number[] = [];
    scheduler.after(10, () => taken.push(scheduler.elapsed), actor);
    scheduler.after(90, () => taken.push(scheduler.elapsed), actor);
    await scheduler.pass(50);
    expect([taken, actor.pending]).toEqual([[], 2]);
    scheduler.resume(actor);
    await scheduler.pass(1);
    actor.state = 'dead';
    await scheduler.pass(100);
    expect([taken, actor.pending]).toEqual([[50], 0]);
  });

  it('ends what goes on without end', async () => {
    const scheduler = new Scheduler();
    const again = () => void scheduler.after(0, again);
    again();
    await expect(scheduler.pass(1)).rejects.toThrow('more than 800 steps within a second');
  });
});

it('numbers from the same seed are the same, and spread', () => {
  const numbers = (seed: number) => Array.from({ length: 1000 }, seeded(seed));
  expect(numbers(1)).toEqual(numbers(1));
  expect(numbers(1)).not.toEqual(numbers(2));
  const mean = numbers(1).reduce((sum, each) => sum + each, 0) / 1000;
  expect(mean).toBeGreaterThan(0.45);
  expect(mean).toBeLessThan(0.55);
});

it.each(plantedBugs)('a bug can be planted: $name', (bug) => {
  const file = fileURLToPath(new URL(`../../src/${bug.file}`, import.meta.url));
  expect(withBug(readFileSync(file, 'utf8'), bug)).toContain(bug.instead);
  expect(plantedBugs.length).toBeGreaterThanOrEqual(12);
});

if (isThorough) {
  it.each(plantedBugs)(
    'the simulation finds that $name',
    async ({ name, foundBy, seenOnlyBy = '' }) => {
      const options = ['--part', '0/1', '--seeds', '0', '--stop', ...foundBy];
      const violations = (await simulate(options, name))
        .flatMap(({ failures }) => failures)
        .flatMap((failure) => failure.violations);
      expect(violations).not.toEqual([]);
      expect(violations.filter((violation) => !violation.startsWith(seenOnlyBy))).toEqual([]);
    },
    5 * minutes,
  );
}
