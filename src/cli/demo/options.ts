import * as api from '../../api/types.ts';
import { parsedArgs } from '../../command-line.ts';
import { UsageError } from '../../errors.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { readPullers } from '../puller-file.ts';

/** What `demo --help` prints. */
export const demoUsage = `Usage: demo [--images LIST | --file FILE] [--nodes N] [--keep]

Starts a cluster inside this process, runs the operator against it over HTTP with no more rights than
config/rbac gives it, and shows how the images of a KubernetesImagePuller fill the nodes.

      --images LIST  what to cache: name=image entries, separated by ";"
  -f, --file FILE    a YAML file with one KubernetesImagePuller; - is standard input
      --nodes N      how many nodes the cluster has, 1 to 200; 5 by default
      --keep         leave the cluster and the operator running afterwards, for kubectl, until
                     Ctrl-C; prints where the kubeconfig is
  -h, --help         this text

The nodes are called node-1, node-2 and so on, run Linux on amd64 and have no taints.
Without LIST and FILE the images are those of config/samples/codeready-workspaces.yaml.

The nodes pull from registries that serve anything, with two exceptions as in the real world: a host
that ends in .invalid has no address (RFC 2606), and nothing listens on localhost. So this shows a list
with one bad image: --images 'good=quay.io/example/good:1;bad=registry.invalid/bad:1'

Exits 0 as soon as the puller is Ready; 1 as soon as the operator says that its spec is held, when it
is not Ready and no copy and no condition has changed for 30 seconds, or when the operator ends; 2 on
a mistake in the arguments or in the file; 128 and the number of the signal that interrupts it. What is
kept is ended, not interrupted: the show's own exit code stays.
`;

/** What to show, read from the command line. */
export interface DemoOptions {
  /** How many nodes the cluster is to have. */
  readonly nodes: number;
  /** The cluster and the operator go on after the show, until they are told to end. */
  readonly keep: boolean;
  /** The puller to apply, without what a cluster wrote into it. */
  readonly puller: KubeObject;
}

const mostNodes = 200;

/**
 * Reads the arguments of the demo; undefined where its usage is asked for.
 *
 * @throws UsageError
 */
export function demoOptions(args: readonly string[], sample: string): DemoOptions | undefined {
  const { images, file, nodes, keep, help } = flags(args);
  if (help) return undefined;
  if (images !== undefined && file !== undefined) {
    throw new UsageError(`--images and --file exclude each other\n\n${demoUsage}`);
  }
  return {
    nodes: numberOfNodes(nodes),
    keep,
    puller: images === undefined ? onlyPuller(file ?? sample) : pullerOf(images),
  };
}

function flags(args: readonly string[]) {
  const options = {
    images: { type: 'string' },
    file: { type: 'string', short: 'f' },
    nodes: { type: 'string', default: '5' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  return parsedArgs({ args: [...args], options }, demoUsage).values;
}

function numberOfNodes(text: string): number {
  const nodes = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (nodes < 1 || nodes > mostNodes) {
    throw new UsageError(`--nodes is "${text}": expected a whole number from 1 to ${mostNodes}`);
  }
  return nodes;
}

function onlyPuller(file: string): KubeObject {
  const pullers = readPullers(file);
  const [puller] = pullers;
  if (puller === undefined || pullers.length > 1) {
    throw new UsageError(
      `${file} holds ${pullers.length} objects of kind ${api.kind}; the demo shows one`,
    );
  }
  return asWritten(puller);
}

/** What its user wrote: a file that came out of a cluster also has what that cluster added. */
function asWritten({ apiVersion, kind, metadata, spec }: KubeObject): KubeObject {
  const { name, namespace = 'default', labels, annotations } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      ...(name !== undefined && { name }),
      namespace,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    },
    ...(spec !== undefined && { spec }),
  };
}

function pullerOf(images: string): KubeObject {
  return {
    apiVersion: api.apiVersion,
    kind: api.kind,
    metadata: { name: 'image-puller', namespace: 'default' },
    spec: { images },
  };
}
