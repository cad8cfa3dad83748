import { parsedArgs } from '../../src/command-line.ts';
import { UsageError } from '../../src/errors.ts';

/** The parts of the table, in its order. */
export const parts = ['parsing', 'cost', 'pullers', 'crowd', 'leaders', 'scale'] as const;
export type Part = (typeof parts)[number];

/** What is measured, on what. */
export interface BenchOptions {
  readonly cluster: 'embedded' | 'real';
  /** How often a second each controller, and the scheduler, may ask the API server; as Kubernetes has it unless given. */
  readonly controllerQps?: number;
  readonly only: readonly Part[];
  /** How many pullers the crowd has, each in a namespace of its own. */
  readonly crowd: number;
  /** How many nodes the large roll-out has. */
  readonly nodes: number;
  /** How long it is looked whether an operator that has nothing to do does nothing. */
  readonly idleSeconds: number;
  /** Another operator than that of this checkout. */
  readonly other?: OtherOperator;
}

/** Any program that brings pullers about. */
export interface OtherOperator {
  /**
   * A line for the shell. KUBECONFIG is in its environment; `{port}` and `{metrics}` are replaced by ports
   * that are free, others for each process.
   */
  readonly command: string;
  /** Only what came under this name counts, as a prefix; empty for every request of its user. */
  readonly userAgent: string;
  /** Answers 200 once it works. `{port}` in it is that of the command. */
  readonly readyUrl: string;
  /** The last of the objects that it makes for a puller. */
  readonly child: 'daemonsets' | 'deployments';
}

/** For whoever asked wrongly, or for help. */
export const usage = `Usage: npm run bench -- [options]

Prints what the operator of the image takes, beside what is asked and what the Go operator took.

  --cluster embedded|real  what it runs on; embedded unless given
  --controller-qps N       with the real one: how often a second each of its controllers, and the
                           scheduler, may ask; unless given Kubernetes' own default, 20 and 50
  --only PART,PART         of ${parts.join(', ')}
  --crowd N                pullers in namespaces of their own; 500
  --nodes N                nodes of the large roll-out; 5000, or 500 on the real cluster
  --idle-seconds N         how long an idle operator is looked at; 60
  --operator COMMAND       another operator, which finds the cluster in KUBECONFIG;
                           {port} and {metrics} in it become free ports
  --ready-url URL          with it: answers 200 once it works; {port} is the command's
  --child PLURAL           with it: the last object that it makes, daemonsets or deployments
  --user-agent NAME        with it, on the real cluster: only its requests under this name count
  --help                   this text

docs/benchmarks.md says what each figure means.
`;

/**
 * Reads the words after `npm run bench --`; undefined where the usage is asked for.
 *
 * @throws UsageError
 */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const values = valuesOf(args);
  if (values.help) return undefined;
  const cluster = oneOf(values.cluster, ['embedded', 'real'], '--cluster');
  const only = (values.only ?? parts.join()).split(',').map((part) => oneOf(part, parts, '--only'));
  const qps = values['controller-qps'];
  if (qps !== undefined && cluster !== 'real') {
    throw mistake('--controller-qps is for the controllers of --cluster real');
  }
  const other = otherOperator(values, cluster);
  return {
    cluster,
    ...(qps !== undefined && { controllerQps: positive(qps, '--controller-qps') }),
    only,
    crowd: positive(values.crowd, '--crowd'),
    nodes: positive(values.nodes ?? (cluster === 'real' ? '500' : '5000'), '--nodes'),
    idleSeconds: positive(values['idle-seconds'], '--idle-seconds'),
    ...(other && { other }),
  };
}

type Values = ReturnType<typeof valuesOf>;

function valuesOf(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const { values } = parsedArgs(
    {
      args: [...args],
      options: {
        cluster: { ...text, default: 'embedded' },
        'controller-qps': text,
        only: text,
        crowd: { ...text, default: '500' },
        nodes: text,
        'idle-seconds': { ...text, default: '60' },
        operator: text,
        'user-agent': text,
        'ready-url': text,
        child: text,
        help: { type: 'boolean', short: 'h' },
      },
    },
    usage,
  );
  return values;
}

function otherOperator(
  values: Values,
  cluster: BenchOptions['cluster'],
): OtherOperator | undefined {
  const { operator: command } = values;
  if (command === undefined) {
    const details = ['user-agent', 'ready-url', 'child'] as const;
    const lone = details.find((name) => values[name] !== undefined);
    if (lone === undefined) return undefined;
    throw mistake(`--${lone} is told of another operator: give it with --operator`);
  }
  if (values['user-agent'] !== undefined && cluster !== 'real') {
    throw mistake(
      '--user-agent needs --cluster real: the embedded one tells requests by user only',
    );
  }
  return {
    command,
    userAgent: values['user-agent'] ?? '',
    readyUrl: values['ready-url'] ?? 'http://127.0.0.1:8081/readyz',
    child: oneOf(values.child ?? 'daemonsets', ['daemonsets', 'deployments'], '--child'),
  };
}

function oneOf<Choice extends string>(
  value: string,
  choices: readonly Choice[],
  option: string,
): Choice {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw mistake(`${option} does not take "${value}"`);
  return choice;
}

function positive(value: string, option: string): number {
  if (!/^[1-9]\d{0,4}$/.test(value)) {
    throw mistake(`${option} takes a number from 1 to 99999, not "${value}"`);
  }
  return Number(value);
}

function mistake(sentence: string): UsageError {
  return new UsageError(`${sentence}\n\n${usage}`);
}
