import { type Clock, systemClock } from '../../../src/clock.ts';
import { selfSigned } from '../../kube/certificate.ts';
import { ManualClock } from '../../manual-clock.ts';
import type { Cluster } from '../cluster.ts';
import { HttpServer } from './http-server.ts';
import {
  createInProcessCluster,
  type InProcessCluster,
  type InProcessOptions,
  kubeconfigText,
} from './in-process-cluster.ts';

/** The nodes are none unless asked for. */
export interface EmbeddedOptions extends InProcessOptions {
  /** The port to listen on; a free one by default. */
  readonly port?: number;
  /** Serves TLS: kubectl and client-go send no token over plain HTTP. Off by default. */
  readonly tls?: boolean;
}

/** A cluster in this process, with an address. */
export interface EmbeddedCluster extends Cluster, Omit<InProcessCluster, 'compact' | 'stop'> {}

/** Starts a cluster that listens on the loopback interface. */
export async function startEmbeddedCluster(
  options: EmbeddedOptions = {},
): Promise<EmbeddedCluster> {
  const clock = options.clock ?? systemClock;
  const inside = createInProcessCluster({ ...options, clock });
  const certificate = options.tls ? selfSigned('embedded') : undefined;
  const http = new HttpServer({ server: inside.server, clock, certificate });
  const url = await http.listen(options.port);
  return {
    ...inside,
    name: 'embedded',
    url,
    get revision() {
      return inside.revision;
    },
    get nodes() {
      return inside.workloads.nodes;
    },
    kubeconfig: (user) => kubeconfigText(url, inside.tokenOf(user), certificate?.cert),
    until: (condition, timeoutMs = 10_000) => until(clock, condition, timeoutMs),
    async compact() {
      inside.compact();
    },
    async stop() {
      inside.stop();
      await http.close();
    },
  };
}

/** How often a condition is looked at, in real time. */
const pollMs = 5;
/** How much of the cluster's own time passes between two looks. */
const stepMs = 100;

/** A clock that tests move is moved; on the machine's own clock time passes by itself. */
async function until(
  clock: Clock,
  condition: () => Promise<boolean> | boolean,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new Error(`the condition did not come true within ${timeoutMs} ms`);
    }
    if (clock instanceof ManualClock) await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
