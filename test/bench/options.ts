import { parseArgs } from 'node:util';

/** The parts of the table, in its order. */
export const parts = ['parsing', 'cost', 'pullers', 'crowd', 'leaders', 'scale'] as const;
export type Part = (typeof parts)[number];

/** What is measured, on what. */
export interface BenchOptions {
  readonly cluster: 'embedded' | 'real';
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
  /** A line for the shell. KUBECONFIG is in its environment. */
  readonly command: string;
  /** Only what came under this name counts, as a prefix; empty for every request of its user. */
  readonly userAgent: string;
  /** Answers 200 once it works. */
  readonly readyUrl: string;
  /** The last of the objects that it makes for a puller. */
  readonly child: 'daemonsets' | 'deployments';
}

/** For whoever asked wrongly. */
export const usage = `usage: npm run bench -- [options]
  --cluster embedded|real  what it runs on; embedded unless given
  --only PART,PART         of ${parts.join(', ')}
  --crowd N                pullers in namespaces of their own; 500
  --nodes N                nodes of the large roll-out; 5000, or 1000 on the real cluster
  --idle-seconds N         how long an idle operator is looked at; 60
  --operator COMMAND       another operator, which finds the cluster in KUBECONFIG
  --user-agent NAME        with it: only its requests under this name count (real cluster)
  --ready-url URL          with it: answers 200 once it works
  --child PLURAL           with it: the last object that it makes, daemonsets or deployments
`;

/** Reads the words after `npm run bench --`; throws, with what to say, where they make no sense. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parsed(args);
  const cluster = oneOf(values.cluster, ['embedded', 'real'], '--cluster');
  const only = (values.only ?? parts.join()).split(',').map((part) => oneOf(part, parts, '--only'));
  return {
    cluster,
    only,
    crowd: positive(values.crowd, '--crowd'),
    nodes: positive(values.nodes ?? (cluster === 'real' ? '1000' : '5000'), '--nodes'),
    idleSeconds: positive(values['idle-seconds'], '--idle-seconds'),
    ...(values.operator !== undefined && {
      other: {
        command: values.operator,
        userAgent: values['user-agent'],
        readyUrl: values['ready-url'],
        child: oneOf(values.child, ['daemonsets', 'deployments'], '--child'),
      },
    }),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        cluster: { type: 'string', default: 'embedded' },
        only: { type: 'string' },
        crowd: { type: 'string', default: '500' },
        nodes: { type: 'string' },
        'idle-seconds': { type: 'string', default: '60' },
        operator: { type: 'string' },
        'user-agent': { type: 'string', default: '' },
        'ready-url': { type: 'string', default: 'http://127.0.0.1:8081/readyz' },
        child: { type: 'string', default: 'daemonsets' },
      },
    });
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${usage}`, { cause });
  }
}

function oneOf<Choice extends string>(
  value: string,
  choices: readonly Choice[],
  option: string,
): Choice {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw new Error(`${option} does not take "${value}"\n${usage}`);
  return choice;
}

function positive(value: string, option: string): number {
  if (!/^[1-9]\d{0,4}$/.test(value)) {
    throw new Error(`${option} takes a number from 1 to 99999, not "${value}"\n${usage}`);
  }
  return Number(value);
}
