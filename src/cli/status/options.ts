import { quote } from '../../api/text.ts';
import * as api from '../../api/types.ts';
import type { ClusterChoice } from '../../cluster.ts';
import { parsedArgs } from '../../command-line.ts';
import { UsageError } from '../../errors.ts';
import { parseDurationMs } from './duration.ts';

/** What `status --help` prints. */
export const statusUsage = `Usage: status [NAME...] [-n NAMESPACE | -A] [-o FORMAT] [-w] [--node NODE]

NAME is one alone or as kubectl prints it, as in kip/image-puller.

Shows for each KubernetesImagePuller which images are on how many nodes, what
fails on which node and why, and what the cache costs.

  -n, --namespace NAMESPACE  of that namespace, instead of that of the context
  -A, --all-namespaces       of all namespaces
  -o, --output FORMAT        table (the default), wide, json or yaml
  -w, --watch                follows them until all are Ready, or until one
                             cannot become so: with progress bars on a
                             terminal, otherwise with a line for each change
      --node NODE            what that node holds and lacks, and nothing else
      --kubeconfig FILE      instead of KUBECONFIG and ~/.kube/config
      --context NAME         instead of the kubeconfig's current context
      --cluster NAME         instead of the context's cluster
      --user NAME            instead of the context's user
  -s, --server URL           instead of the cluster's address
      --insecure-skip-tls-verify
                             does not look at the server's certificate
      --token TOKEN          instead of what the user proves itself with
      --as USER              acts as that user, whom the own user may
                             impersonate
      --request-timeout TIME gives up a request after that time, as in 5s or
                             1m; 10s by default, 0 for never
  -h, --help                 this text

All it needs is to list and watch kubernetesimagepullers, daemonsets,
deployments, pods and events, as the ClusterRole "view" allows it; what it may
not read it names, and tells the rest. Only --node, where the pods of a node say
nothing, also looks at the node itself, and says so.

Exits 0 when all pullers that are shown are Ready, or the node has all images;
      1 when one is not and will not be before somebody does something:
        Degraded and nothing moves;
      2 on a mistake in the arguments;
      3 when nodes are still pulling, or the operator has not yet spoken of the
        present spec;
      4 when a puller of that name is not there, the cluster cannot be asked, or
        nobody can tell what is on the node.
A signal that interrupts it ends it with 128 and its number.
`;

/** How what is shown can be written. */
export const formats = ['table', 'wide', 'json', 'yaml'] as const;
/** One of {@link formats}. */
export type Format = (typeof formats)[number];

/** What to show, read from the command line. */
export interface StatusOptions {
  /** Which pullers; empty means all. */
  readonly names: readonly string[];
  /** Undefined means that of the kubeconfig's context, empty all of them. */
  readonly namespace: string | undefined;
  readonly format: Format;
  readonly watch: boolean;
  /** The one node to speak of. */
  readonly node: string | undefined;
  readonly choice: ClusterChoice;
  readonly requestTimeoutMs: number;
}

/**
 * Reads the arguments of the command; undefined where its usage is asked for.
 *
 * @throws UsageError that names the flag, its value and what would be right
 */
export function statusOptions(args: readonly string[]): StatusOptions | undefined {
  const { values, positionals } = flags(args);
  if (values.help) return undefined;
  const names = positionals.map(bareName);
  const { namespace, 'all-namespaces': all, node, kubeconfig, context, cluster, user } = values;
  const { server, token, as, 'insecure-skip-tls-verify': isInsecure } = values;
  demandText({ namespace, node, kubeconfig, context, cluster, user, server, token, as });
  if (all && namespace !== undefined) {
    throw new UsageError(
      '--all-namespaces and --namespace exclude each other: leave one of them out',
    );
  }
  if (all && names.length > 0) {
    throw new UsageError(
      `${quote(names[0] ?? '')} cannot be looked for with --all-namespaces: name its namespace with -n`,
    );
  }
  if (values.watch && node !== undefined) {
    throw new UsageError('--watch and --node exclude each other: leave one of them out');
  }
  return {
    names: [...new Set(names)],
    namespace: all ? '' : namespace,
    format: formatOf(values.output),
    watch: values.watch,
    node,
    choice: {
      kubeconfig,
      context,
      cluster,
      user,
      server,
      token,
      as,
      ...(isInsecure && { insecureSkipTlsVerify: true }),
    },
    requestTimeoutMs: timeoutMs(values['request-timeout']),
  };
}

/** The flags, for the command line and for its completion. */
export const statusFlags = {
  namespace: { type: 'string', short: 'n' },
  'all-namespaces': { type: 'boolean', short: 'A', default: false },
  output: { type: 'string', short: 'o', default: 'table' },
  watch: { type: 'boolean', short: 'w', default: false },
  node: { type: 'string' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  cluster: { type: 'string' },
  user: { type: 'string' },
  server: { type: 'string', short: 's' },
  'insecure-skip-tls-verify': { type: 'boolean', default: false },
  token: { type: 'string' },
  as: { type: 'string' },
  'request-timeout': { type: 'string', default: '10s' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function flags(args: readonly string[]) {
  // kubectl's users also write -n=NAME.
  const separated = args.map((arg) => arg.replace(/^-([nos])=/, '-$1'));
  const config = { args: separated, options: statusFlags, allowPositionals: true } as const;
  return parsedArgs(config, statusUsage);
}

/** What kubectl takes for our kind before a slash. */
const kinds = ['kip', api.kind.toLowerCase(), api.plural].flatMap((name) => [
  name,
  `${name}.${api.group}`,
  `${name}.${api.version}.${api.group}`,
]);

/** The name behind `kip/`. */
function bareName(text: string): string {
  const slash = text.indexOf('/');
  if (slash === -1) return text;
  const [kind, name] = [text.slice(0, slash), text.slice(slash + 1)];
  if (name !== '' && kinds.includes(kind.toLowerCase())) return name;
  throw new UsageError(`${quote(text)} is no puller: expected NAME or kip/NAME`);
}

/** An empty variable in a script must not mean "anything". */
function demandText(values: Readonly<Record<string, string | undefined>>): void {
  for (const [flag, value] of Object.entries(values)) {
    if (value === '') {
      throw new UsageError(`--${flag} is "": expected a name, or leave the flag out`);
    }
  }
}

function formatOf(text: string): Format {
  const format = formats.find((each) => each === text);
  if (format !== undefined) return format;
  throw new UsageError(`--output is ${quote(text)}: expected one of ${formats.join(', ')}`);
}

/** The longest that a timer can wait. */
const never = 2 ** 31 - 1;

function timeoutMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) {
    throw new UsageError(
      `--request-timeout is ${quote(text)}: expected a time such as 5s or 1m, or 0 for none`,
    );
  }
  return ms === 0 ? never : Math.min(ms, never);
}
