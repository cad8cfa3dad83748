import { stringify } from 'yaml';
import { type Clock, systemClock } from '../../../src/clock.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { selfSigned } from '../../kube/certificate.ts';
import { ManualClock } from '../../manual-clock.ts';
import type { Cluster } from '../cluster.ts';
import {
  createPermission,
  immutableRoleRef,
  limitRanger,
  namespaceLifecycle,
  ownerPermissions,
  rightsEscalation,
} from './admission.ts';
import { Api } from './api.ts';
import { bootstrapObjects } from './bootstrap.ts';
import type { ControlPlane } from './control-plane.ts';
import { serveCustomResources } from './custom-resources.ts';
import { EmbeddedControlPlane } from './embedded-control-plane.ts';
import { collectGarbage } from './garbage-collector.ts';
import { HttpServer, type LoggedRequest } from './http-server.ts';
import { Kinds } from './kinds.ts';
import { keepNamespaces } from './namespaces.ts';
import { Authorizer } from './rbac.ts';
import { keepQuotas, quotaAdmission } from './resource-quota.ts';
import { Store } from './store.ts';
import { administrator, Tokens, userNamed } from './users.ts';
import { startWorkloads, type WorkloadOptions, type Workloads } from './workloads/workloads.ts';
import { Writer } from './writer.ts';

/** The nodes are none unless asked for. */
export interface EmbeddedOptions extends WorkloadOptions {
  /** The time of the whole cluster; the machine's own by default. */
  readonly clock?: Clock;
  /** The server's version; `v1.36.3` by default. */
  readonly version?: string;
  /** Further API groups that discovery shows, as `route.openshift.io/v1`. */
  readonly groups?: readonly string[];
  /** Commits kept for watches that resume; older ones answer 410. 10,000 by default. */
  readonly historyLimit?: number;
  /** The port to listen on; a free one by default. */
  readonly port?: number;
  /** Serves TLS: kubectl and client-go send no token over plain HTTP. Off by default. */
  readonly tls?: boolean;
}

/** A cluster in this process. */
export interface EmbeddedCluster extends Cluster {
  /** The seam of the controllers inside the cluster. */
  readonly controlPlane: ControlPlane;
  /** The nodes and what runs on them. */
  readonly workloads: Workloads;
  /** Every request that was answered, oldest first. Tests may empty it. */
  readonly requests: LoggedRequest[];
  /** Applies objects as the administrator, in order; returns them as stored. */
  apply(...objects: readonly KubeObject[]): readonly KubeObject[];
  /** Makes a user's tokens invalid, those in kubeconfigs handed out too. */
  revokeToken(user: string): void;
}

const defaultVersion = 'v1.36.3';
const defaultHistoryLimit = 10_000;

/** The inside of the API server, without HTTP. */
function createParts(options: EmbeddedOptions) {
  const clock = options.clock ?? systemClock;
  const version = options.version ?? defaultVersion;
  const kinds = new Kinds({ groups: options.groups, version });
  const store = new Store({ historyLimit: options.historyLimit ?? defaultHistoryLimit });
  const authorizer = new Authorizer(store);
  const { fill, after } = limitRanger(store);
  const writer = new Writer(store, clock, {
    before: [
      namespaceLifecycle(store),
      createPermission(authorizer),
      rightsEscalation(authorizer),
      ownerPermissions(authorizer, kinds),
      immutableRoleRef,
    ],
    fill,
    after: [...after, quotaAdmission({ store, clock })],
  });
  const controlPlane = new EmbeddedControlPlane({ clock, kinds, store, writer });
  const apply = (object: KubeObject) => {
    const kind = kinds.ofObject(object.apiVersion, object.kind);
    if (kind === undefined) throw new Error(`no kind ${object.kind} in ${object.apiVersion}`);
    const namespace = kind.namespaced ? (object.metadata.namespace ?? 'default') : '';
    const write = { manager: 'kubectl', user: administrator, force: true };
    return writer.apply(kind, namespace, object, write);
  };
  serveCustomResources({ store, kinds, writer, clock });
  collectGarbage({ store, kinds, writer });
  keepNamespaces({ store, kinds, writer });
  keepQuotas({ store, clock, kinds, writer });
  for (const object of bootstrapObjects) apply(object);
  return { clock, version, kinds, store, authorizer, writer, controlPlane, apply };
}

/** The API server's inside without HTTP: enough for controllers and their unit tests. */
export function createControlPlane(options: EmbeddedOptions = {}): ControlPlane {
  return createParts(options).controlPlane;
}

/** Starts a cluster that listens on the loopback interface. */
export async function startEmbeddedCluster(
  options: EmbeddedOptions = {},
): Promise<EmbeddedCluster> {
  const { clock, version, kinds, store, authorizer, writer, controlPlane, apply } =
    createParts(options);
  const tokens = new Tokens();
  const requests: LoggedRequest[] = [];
  const api = new Api({ clock, store, kinds, writer, version });
  const log = (request: LoggedRequest) => requests.push(request);
  const certificate = options.tls ? selfSigned('embedded') : undefined;
  const server = new HttpServer({ api, store, authorizer, tokens, log, certificate });
  const url = await server.listen(options.port);
  const workloads = startWorkloads(controlPlane, { nodes: 0, ...options });
  return {
    name: 'embedded',
    url,
    controlPlane,
    requests,
    workloads,
    get nodes() {
      return workloads.nodes;
    },
    kubeconfig: (user) => kubeconfig(url, tokens.of(userOf(user)), certificate?.cert),
    apply: (...objects) => objects.map(apply),
    revokeToken: (user) => tokens.revoke(userOf(user)),
    until: (condition, timeoutMs = 10_000) => until(clock, condition, timeoutMs),
    async compact() {
      store.compact();
    },
    async stop() {
      workloads.stop();
      await server.close();
    },
  };
}

function userOf(name: string | undefined) {
  return name === undefined || name === administrator.name ? administrator : userNamed(name);
}

function kubeconfig(server: string, token: string, authority: string | undefined): string {
  const trust =
    authority === undefined
      ? // client-node refuses plain HTTP without the flag, even on the loopback interface.
        { 'insecure-skip-tls-verify': true }
      : { 'certificate-authority-data': Buffer.from(authority).toString('base64') };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'embedded',
    clusters: [{ name: 'embedded', cluster: { server, ...trust } }],
    users: [{ name: 'embedded', user: { token } }],
    contexts: [{ name: 'embedded', context: { cluster: 'embedded', user: 'embedded' } }],
  });
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
