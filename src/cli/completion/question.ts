import { statusFlags } from '../status/options.ts';

/** What could stand where the cursor is. */
export type Subject =
  | 'command'
  | 'flag'
  | 'shell'
  | 'format'
  | 'puller'
  | 'namespace'
  | 'node'
  | 'context'
  | 'cluster'
  | 'user'
  | 'file'
  | 'nothing';

/** A word that is begun, and what it could become. */
export interface Question {
  readonly subject: Subject;
  /** What is there of the word. */
  readonly begun: string;
  /** Of `flag`: those of the command. */
  readonly flags: readonly Flag[];
  /** The words of the command line before it, without the command. */
  readonly before: readonly string[];
}

/** A flag of a command, as far as completion needs to know it. */
export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** What its value is; undefined where it has none. */
  readonly value?: Subject;
  readonly description: string;
}

interface Command {
  readonly description: string;
  readonly flags: readonly Flag[];
  /** What stands beside the flags. */
  readonly operand: Subject;
}

const help: Flag = { name: 'help', short: 'h', description: 'how to use the command' };

const statusDetails: Readonly<
  Record<keyof typeof statusFlags, readonly [description: string, value?: Subject]>
> = {
  namespace: ['of that namespace', 'namespace'],
  'all-namespaces': ['of all namespaces'],
  output: ['in which format', 'format'],
  watch: ['follows them until they are Ready'],
  node: ['what that node holds and lacks', 'node'],
  kubeconfig: ['instead of KUBECONFIG', 'file'],
  context: ["instead of the kubeconfig's current context", 'context'],
  cluster: ["instead of the context's cluster", 'cluster'],
  user: ["instead of the context's user", 'user'],
  server: ["instead of the cluster's address", 'nothing'],
  'insecure-skip-tls-verify': ["does not look at the server's certificate"],
  token: ['instead of what the user proves itself with', 'nothing'],
  as: ['acts as that user', 'nothing'],
  'request-timeout': ['gives up a request after that time', 'nothing'],
  help: [help.description],
};

/** What a person calls; the commands that run inside a cluster are not among them. */
export const commands: Readonly<Record<string, Command>> = {
  status: {
    description: 'shows which images are on which nodes',
    operand: 'puller',
    flags: Object.entries(statusFlags).map(([name, flag]) => {
      const [description, value] = statusDetails[name as keyof typeof statusFlags];
      return {
        name,
        ...('short' in flag && { short: flag.short }),
        ...(value !== undefined && { value }),
        description,
      };
    }),
  },
  render: {
    description: 'prints the objects that would be applied',
    operand: 'nothing',
    flags: [
      { name: 'file', short: 'f', value: 'file', description: 'the file to read' },
      { name: 'openshift', description: 'renders for OpenShift' },
      { name: 'pod-requests', description: 'renders pods with requests of their own' },
      help,
    ],
  },
  completion: {
    description: 'prints what makes a shell complete',
    operand: 'shell',
    flags: [help],
  },
  version: { description: 'prints the version', operand: 'nothing', flags: [] },
};

/** Finds out what the last word could become, given the words before it. */
export function questionOf(words: readonly string[]): Question {
  const begun = words.at(-1) ?? '';
  const [name, ...before] = words.slice(0, -1);
  if (name === undefined) return { subject: 'command', begun, flags: [], before };
  const { flags, operand } = commands[name] ?? { flags: [], operand: 'nothing' };
  const awaited = valueAwaitedBy(before.at(-1), flags);
  const subject = awaited ?? (begun.startsWith('-') ? 'flag' : operand);
  return { subject, begun, flags, before };
}

/** What has to follow a word that is a flag with a value. */
function valueAwaitedBy(word = '', flags: readonly Flag[]): Subject | undefined {
  return flags.find(({ name, short }) => word === `--${name}` || word === `-${short}`)?.value;
}
