import { KubeConfig } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { type ConnectedClient, createClient } from '../../../src/kube/http-client.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import {
  createPermission,
  immutableRoleRef,
  limitRanger,
  namespaceLifecycle,
  ownerPermissions,
  rightsEscalation,
} from './admission.ts';
import { Api } from './api.ts';
import { ApiServer, type LoggedRequest } from './api-server.ts';
import { bootstrapObjects } from './bootstrap.ts';
import type { ControlPlane } from './control-plane.ts';
import { serveCustomResources } from './custom-resources.ts';
import { EmbeddedControlPlane } from './embedded-control-plane.ts';
import { Faults } from './faults.ts';
import { collectGarbage } from './garbage-collector.ts';
import { inProcessTransport } from './in-process-transport.ts';
import { Kinds } from './kinds.ts';
import { keepNamespaces } from './namespaces.ts';
import { Authorizer } from './rbac.ts';
import { keepQuotas, quotaAdmission } from './resource-quota.ts';
import { Store } from './store.ts';
import { administrator, Tokens, userNamed } from './users.ts';
import { startWorkloads, type WorkloadOptions, type Workloads } from './workloads/workloads.ts';
import { Writer } from './writer.ts';

/** The nodes are none unless asked for. */
export interface InProcessOptions extends WorkloadOptions {
  /** The time of the whole cluster; the machine's own by default. */
  readonly clock?: Clock;
  /** Of what uids, generated names and whatever else is chosen are made; `Math.random` by default. */
  readonly random?: () => number;
  /** The server's version; `v1.36.3` by default. */
  readonly version?: string;
  /** Further API groups that discovery shows, as `route.openshift.io/v1`. */
  readonly groups?: readonly string[];
  /** A mutating webhook: what it makes of an object that is created or changed; it runs once, and last. */
  readonly mutate?: (object: KubeObject) => KubeObject;
  /** Commits kept for watches that resume; older ones answer 410. 10,000 by default. */
  readonly historyLimit?: number;
}

/**
 * A cluster in this process that nothing but function calls lead to: no sockets and, on a clock that
 * is moved by hand, no timers of its own. With a seeded `random` it does the same every time.
 */
export interface InProcessCluster {
  /** The seam of the controllers inside the cluster. */
  readonly controlPlane: ControlPlane;
  /** The nodes and what runs on them. */
  readonly workloads: Workloads;
  /** What comes between requests and their answers. */
  readonly faults: Faults;
  /** Every request that was carried out or refused, oldest first. Tests may empty it. */
  readonly requests: LoggedRequest[];
  /** The API server, for transports. */
  readonly server: ApiServer;
  /** What is stored, past all rules: for objects by the thousand, which whoever puts them has made right. */
  readonly store: Store;
  /** The number of the last commit, as resourceVersions count. */
  readonly revision: number;
  /** Applies objects as the administrator, in order; returns them as stored. */
  apply(...objects: readonly KubeObject[]): readonly KubeObject[];
  /** A client of the operator's own, its requests carried by function calls. */
  client(user?: string, userAgent?: string): ConnectedClient;
  /** A user's bearer token. */
  tokenOf(user?: string): string;
  /** Makes a user's tokens invalid, those in kubeconfigs handed out too. */
  revokeToken(user: string): void;
  /** Forgets all history. */
  compact(): void;
  stop(): void;
}

const defaultVersion = 'v1.36.3';
const defaultHistoryLimit = 10_000;

/** The inside of the API server, without HTTP. */
function createParts(options: InProcessOptions) {
  const clock = options.clock ?? systemClock;
  const version = options.version ?? defaultVersion;
  const kinds = new Kinds({ groups: options.groups, version });
  const store = new Store({ historyLimit: options.historyLimit ?? defaultHistoryLimit });
  const authorizer = new Authorizer(store);
  const { fill, after } = limitRanger(store);
  const admissions = {
    before: [
      namespaceLifecycle(store),
      createPermission(authorizer),
      rightsEscalation(authorizer),
      ownerPermissions(authorizer, kinds),
      immutableRoleRef,
    ],
    fill,
    ...(options.mutate && { mutate: options.mutate }),
    after: [...after, quotaAdmission({ store, clock })],
  };
  const writer = new Writer({ store, clock, random: options.random, admissions });
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
export function createControlPlane(options: InProcessOptions = {}): ControlPlane {
  return createParts(options).controlPlane;
}

/** Starts a cluster that listens to nobody. */
export function createInProcessCluster(options: InProcessOptions = {}): InProcessCluster {
  const { clock, version, kinds, store, authorizer, writer, controlPlane, apply } =
    createParts(options);
  const tokens = new Tokens();
  const faults = new Faults(clock);
  const requests: LoggedRequest[] = [];
  const api = new Api({ authorizer, clock, store, kinds, writer, version });
  const log = (request: LoggedRequest) => requests.push(request);
  const server = new ApiServer({ api, store, authorizer, tokens, faults, log });
  const workloads = startWorkloads(controlPlane, { nodes: 0, ...options });
  const tokenOf = (user?: string) => tokens.of(userOf(user));
  return {
    controlPlane,
    workloads,
    faults,
    requests,
    server,
    store,
    get revision() {
      return store.revision;
    },
    apply: (...objects) => objects.map(apply),
    client: (user, userAgent = 'in-process/1.0') =>
      createClient(kubeConfig(tokenOf(user)), {
        clock,
        userAgent,
        transport: inProcessTransport(server, clock),
      }),
    tokenOf,
    revokeToken: (user) => tokens.revoke(userOf(user)),
    compact: () => store.compact(),
    stop: () => workloads.stop(),
  };
}

function userOf(name: string | undefined) {
  return name === undefined || name === administrator.name ? administrator : userNamed(name);
}

/** Of a server that has a name and no address. */
function kubeConfig(token: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(kubeconfigText('http://in-process.invalid', token));
  return config;
}

/** A kubeconfig (YAML) for whoever has the token; `authority` is the PEM of a CA to trust. */
export function kubeconfigText(server: string, token: string, authority?: string): string {
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
