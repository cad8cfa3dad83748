import { parsedArgs } from '../../src/command-line.ts';
import { UsageError } from '../../src/errors.ts';
import { generators } from './generators.ts';
import { type Edit, isEdit } from './sequence.ts';
import { isTrouble, type Trouble } from './trouble.ts';
import { type Workload, workloads } from './workloads.ts';

/** Which plans are run, and how. */
export interface Selection {
  /** The names of generators; empty for all of them. */
  readonly only: readonly string[];
  /** All workloads where there is none. */
  readonly workload: Workload | undefined;
  /** Of the plans of a generator for a workload only each so-manieth is run. */
  readonly every: number;
  /** The seeds of G6 and G7. */
  readonly from: number;
  readonly seeds: number;
  /** Whether the first failure ends it. */
  readonly stop: boolean;
}

/** What a command line of `npm run simulate` asks for. */
export type Options =
  | { readonly kind: 'help' }
  | {
      readonly kind: 'plan';
      readonly workload: Workload;
      readonly seed: number;
      readonly troubles: readonly Trouble[];
    }
  | { readonly kind: 'sequence'; readonly seed: number; readonly edits: readonly Edit[] }
  | { readonly kind: 'part'; readonly selection: Selection; readonly part: Part }
  | {
      readonly kind: 'all';
      readonly selection: Selection;
      readonly jobs: number;
      readonly isJson: boolean;
    };

/** Of the groups of plans, those whose number leaves this remainder. */
export interface Part {
  readonly index: number;
  readonly parts: number;
}

/** What `--help` prints. */
export const usage = `Usage: npm run simulate -- [options]

Runs the operator through everything that can go wrong, on a model cluster, each step decided by a seed.

  --only G1,G7     these generators of plans
  --workload NAME  this workload
  --every N        each Nth plan of a generator for a workload; 1 unless given
  --seeds N        so many seeds of G6 and G7; 40 unless given
  --from N         the first of them, or the seed of one plan; 1 unless given
  --stop           ends at the first failure
  --jobs N         so many processes at once; 2 unless given
  --json           one line of JSON for each group of plans
  --troubles JSON  one plan of --workload: prints its trace
  --edits JSON     one sequence of edits: prints its trace
  --help           this text
`;

/** Names of generators as `--only` takes them. */
const names = ['G0', ...generators.map(({ name }) => name), 'G6', 'G7'];

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;

/**
 * Reads a command line.
 *
 * @throws UsageError that names the option
 */
export function optionsIn(args: readonly string[]): Options {
  const { values } = parsedArgs(
    {
      args: [...args],
      options: {
        only: text,
        workload: text,
        every: { ...text, default: '1' },
        seeds: { ...text, default: '40' },
        from: { ...text, default: '1' },
        stop: flag,
        jobs: { ...text, default: '2' },
        json: flag,
        troubles: text,
        edits: text,
        part: text,
        help: { ...flag, short: 'h' },
      },
    },
    usage,
  );
  if (values.help) return { kind: 'help' };
  const seed = numberIn('--from', values.from, 0);
  const workload = values.workload === undefined ? undefined : workloadIn(values.workload);
  if (values.troubles !== undefined) {
    if (workload === undefined) throw mistake('--troubles are those of a --workload');
    const troubles = listIn('--troubles', values.troubles, isTrouble);
    return { kind: 'plan', workload, seed, troubles };
  }
  if (values.edits !== undefined) {
    return { kind: 'sequence', seed, edits: listIn('--edits', values.edits, isEdit) };
  }
  const selection = {
    only: namesIn(values.only, workload),
    workload,
    every: numberIn('--every', values.every, 1),
    from: seed,
    seeds: numberIn('--seeds', values.seeds, 0),
    stop: values.stop,
  };
  if (values.part !== undefined) return { kind: 'part', selection, part: partIn(values.part) };
  const jobs = numberIn('--jobs', values.jobs, 1);
  return { kind: 'all', selection, jobs, isJson: values.json };
}

function numberIn(option: string, value: string, least: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && Number.isSafeInteger(number) && number >= least) return number;
  throw mistake(`${option} takes a whole number of at least ${least}, not "${value}"`);
}

function workloadIn(name: string): Workload {
  const found = workloads.find((workload) => workload.name === name);
  if (found !== undefined) return found;
  const known = workloads.map((each) => each.name).join(', ');
  throw mistake(`--workload takes one of ${known}, not "${name}"`);
}

function namesIn(value: string | undefined, workload: Workload | undefined): readonly string[] {
  const only = value?.split(',') ?? [];
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw mistake(`--only takes some of ${names.join(', ')}, not "${unknown}"`);
  }
  if (workload !== undefined && only.includes('G6')) {
    throw mistake('G6 has edits of its own, and none of a --workload');
  }
  return only;
}

function listIn<Item>(
  option: string,
  value: string,
  isItem: (item: unknown) => item is Item,
): readonly Item[] {
  const list = jsonIn(value);
  if (Array.isArray(list) && list.every(isItem)) return list;
  throw mistake(`${option} takes a list as it is printed with a failure, not "${value}"`);
}

/** Undefined where it is no JSON. */
function jsonIn(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

/** What this program gives to the processes that it starts. */
function partIn(value: string): Part {
  const [, index, parts] = /^(\d+)\/(\d+)$/.exec(value) ?? [];
  if (Number(index) < Number(parts)) return { index: Number(index), parts: Number(parts) };
  throw mistake(`--part takes a number below another one, as 0/2, not "${value}"`);
}

function mistake(what: string): UsageError {
  return new UsageError(`${what}\n\n${usage}`);
}
