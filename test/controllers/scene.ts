import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { Condition, ImagePullerStatus } from '../../src/api/types.ts';
import type { Clock } from '../../src/clock.ts';
import { operatorConfig } from '../../src/config.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import type { Client } from '../../src/kube/client.ts';
import { createClient } from '../../src/kube/http-client.ts';
import {
  configMaps,
  daemonSets,
  deployments,
  type KubeObject,
  leases,
  type Resource,
  roleBindings,
  roles,
  serviceAccounts,
} from '../../src/kube/objects.ts';
import { ServerClock } from '../../src/kube/server-clock.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { leaseName } from '../../src/manifests/names.ts';
import { operatorNamespace, operatorUser } from '../../src/manifests/operator.ts';
import { Metrics } from '../../src/metrics.ts';
import { assembleOperator } from '../../src/operator.ts';
import {
  type EmbeddedCluster,
  type EmbeddedOptions,
  startEmbeddedCluster,
} from '../cluster/embedded/embedded-cluster.ts';
import { inProcessTransport } from '../cluster/embedded/in-process-transport.ts';
import { Registries } from '../cluster/embedded/workloads/registry.ts';
import type { Workloads } from '../cluster/embedded/workloads/workloads.ts';
import { ManualClock, settle } from '../manual-clock.ts';
import { Competitor } from './competitor.ts';

/** The user that the operator is, with the rights of config/rbac and no others. */

export interface SceneOptions extends Omit<EmbeddedOptions, 'clock'> {
  readonly nodes?: number;
  /** Environment of the operator. */
  readonly env?: Readonly<Record<string, string>>;
  /** Namespaces in which the operator has rights: all, unless these are named. */
  readonly rightsIn?: readonly string[];
  readonly log?: Log;
  /** How long a pull takes, in the cluster's time. */
  readonly pullMs?: number;
  /** How far the operator's wall clock is ahead of the cluster's. */
  readonly skewMs?: number;
  /** Leaves the cluster to operators that compete: see `compete`. */
  readonly withoutOperator?: boolean;
  /**
   * Lets sockets carry the requests, as in production. By default function calls do, which cost a quarter
   * less, and time passes also while a fault keeps a request without an answer.
   */
  readonly overSockets?: boolean;
}

/** An error instead of an answer, by verb and resource. */
export type Fault = (
  verb: 'get' | 'list' | 'apply' | 'create' | 'update' | 'patch' | 'remove',
  resource: Resource,
) => Error | undefined;

/** An operator at work on an embedded cluster, in a time that passes only while a test waits. */
export interface Scene {
  readonly cluster: EmbeddedCluster;
  readonly workloads: Workloads;
  readonly registries: Registries;
  readonly clock: ManualClock;
  /** What the operator counts, since it was started last. */
  readonly metrics: Metrics;
  /** Applies objects as an administrator with kubectl. */
  apply(...objects: readonly KubeObject[]): void;
  get(resource: Resource, name: string, namespace?: string): KubeObject | undefined;
  /** The objects whose controlling owner has this uid, as `Kind/name`, sorted. */
  childrenOf(uid: string): readonly string[];
  puller(name?: string, namespace?: string): KubeObject | undefined;
  status(name?: string, namespace?: string): ImagePullerStatus;
  condition(type: string, name?: string, namespace?: string): Condition | undefined;
  /** Lets time pass until the condition holds. */
  until(condition: () => boolean): Promise<void>;
  /** Lets this much time pass. */
  pass(ms: number): Promise<void>;
  /** Lets time pass until the operator has sent nothing for ten seconds. */
  settle(): Promise<void>;
  /** From now on each request of the operator fails with what this returns, where it returns something. */
  failWith(fault: Fault | undefined): void;
  /** What the operator has written since the last call: `VERB resource/name`, in order; dry runs write nothing. */
  writes(): readonly string[];
  startOperator(): Promise<void>;
  stopOperator(): Promise<void>;
  /** Starts an operator that stands for election under this name, beside others. */
  compete(name: string, env?: Readonly<Record<string, string>>): Competitor;
  /** Who holds the lease that operators compete for; empty where nobody does. */
  leader(): string;
  stop(): Promise<void>;
}

/** What the test's own process costs is nobody's business. */
const noProcess = {
  cpuSeconds: () => 0,
  uptimeSeconds: () => 0,
  memory: () => ({ resident: 0, heap: 0, external: 0 }),
  eventLoopDelay: () => ({ p50: 0, p99: 0, max: 0 }),
};

interface LeaseSpec {
  readonly holderIdentity?: string;
}

/** In the cluster's time: in that of a busy machine nobody knows what is long. */
const longestWaitMs = 2 * 3_600_000;

const namespace = 'workspaces';
const root = new URL('../../', import.meta.url);

const manifests = new Map<string, KubeObject>();

/** A manifest of the repository; read once, as a file of tests starts many scenes. */
function manifest(path: string): KubeObject {
  const read = () => readFileSync(fileURLToPath(new URL(path, root)), 'utf8');
  const object = manifests.get(path) ?? (parse(read()) as KubeObject);
  manifests.set(path, object);
  return object;
}

/** The manifests of config/default without the operator's own pod, which runs in this process. */
function install(rightsIn: readonly string[] | undefined): readonly KubeObject[] {
  const namespaceObject = (name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  });
  const rights =
    rightsIn === undefined
      ? [
          manifest('config/rbac/cluster/role.yaml'),
          manifest('config/rbac/cluster/role_binding.yaml'),
        ]
      : rightsIn.flatMap((name) =>
          ['role', 'role_binding'].map((file) => {
            const object = manifest(`config/rbac/namespaced/${file}.yaml`);
            return { ...object, metadata: { ...object.metadata, namespace: name } };
          }),
        );
  return [
    manifest('crds/che.eclipse.org_kubernetesimagepullers.yaml'),
    manifest('config/namespace/namespace.yaml'),
    manifest('config/manager/service_account.yaml'),
    manifest('config/rbac/leader-election/role.yaml'),
    manifest('config/rbac/leader-election/role_binding.yaml'),
    namespaceObject(namespace),
    namespaceObject('elsewhere'),
    ...rights,
  ];
}

/** Starts a cluster and, in it, the operator. */
export async function startScene(options: SceneOptions = {}): Promise<Scene> {
  const { nodes = 3, env = {}, rightsIn, log = silentLog, ...others } = options;
  const { pullMs = 500, withoutOperator = false, ...rest } = others;
  const { skewMs = 0, overSockets = false, ...cluster } = rest;
  const clock = new ManualClock();
  const registries = new Registries({ others: { pullMs } });
  const embedded = await startEmbeddedCluster({ ...cluster, clock, nodes, registries });
  const { workloads } = embedded;
  embedded.apply(...install(rightsIn));

  const inFlight = overSockets ? new InFlight() : new InFlightInProcess();
  const pass = async (ms: number) => {
    const end = clock.monotonic() + ms;
    while (clock.monotonic() < end) {
      await inFlight.none();
      await clock.advance(Math.min(end - clock.monotonic(), clock.waits[0] ?? ms));
    }
    await inFlight.none();
  };
  const until = async (condition: () => boolean) => {
    const deadline = clock.monotonic() + longestWaitMs;
    while (!condition()) {
      if (clock.monotonic() > deadline) throw new Error('the condition did not come true');
      await pass(Math.min(1000, clock.waits[0] || 100));
    }
  };
  /** What waits by the clock ends only while somebody moves it. */
  const whileTimePasses = async (work: Promise<void>) => {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    work.then(over, over);
    await until(() => isOver);
    await work;
  };
  let stopOperator = async () => {};
  const connect = (by: Clock) => {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(embedded.kubeconfig(operatorUser));
    return createClient(kubeConfig, {
      clock: by,
      userAgent: 'operator',
      onExchange: (exchange) => operatorsClock.heard(exchange),
      ...(!overSockets && { transport: inProcessTransport(embedded.server, clock) }),
    });
  };
  const operatorsClock = new ServerClock({
    now: () => clock.now() + skewMs,
    monotonic: () => clock.monotonic(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
  });
  const nothingCounted = () => new Metrics({ clock, version: '0.0.0', process: noProcess });
  let metrics = nothingCounted();
  const startOperator = async () => {
    metrics = nothingCounted();
    const connected = connect(operatorsClock);
    const client = inFlight.counted(connected);
    const config = operatorConfig({ HEALTH_PORT: '0', ...env });
    const operator = assembleOperator({
      client,
      config,
      clock: operatorsClock,
      log,
      metrics,
    });
    stopOperator = async () => {
      stopOperator = async () => {};
      await whileTimePasses(operator.stop().then(() => connected.close()));
    };
    await whileTimePasses(operator.start());
  };

  const get = (resource: Resource, name: string, inNamespace = namespace) =>
    embedded.controlPlane.get(resource, inNamespace, name);
  const status = (name = 'puller', inNamespace = namespace) =>
    (get(imagePullers, name, inNamespace)?.['status'] ?? {}) as ImagePullerStatus;
  const leader = () => {
    const spec = get(leases, leaseName, operatorNamespace)?.['spec'] as LeaseSpec | undefined;
    return spec?.holderIdentity ?? '';
  };
  const competitors: Competitor[] = [];
  const compete: Scene['compete'] = (name, itsEnv) => {
    const parts = { name, clock, log, env: { ...env, ...itsEnv }, connect, leader };
    const counted = (client: Client) => inFlight.counted(client);
    const competitor = new Competitor({ ...parts, counted });
    competitors.push(competitor);
    void competitor.start();
    return competitor;
  };
  let counted = 0;
  const scene: Scene = {
    cluster: embedded,
    workloads,
    registries,
    clock,
    get metrics() {
      return metrics;
    },
    apply: (...objects) => void embedded.apply(...objects),
    get,
    childrenOf: (uid) =>
      [daemonSets, deployments, configMaps, serviceAccounts, roles, roleBindings]
        .flatMap((resource) => embedded.controlPlane.list(resource))
        .filter(({ metadata }) =>
          metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === uid),
        )
        .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
        .sort(),
    puller: (name = 'puller', inNamespace = namespace) => get(imagePullers, name, inNamespace),
    status,
    condition: (type, name, inNamespace) =>
      status(name, inNamespace).conditions?.find((condition) => condition.type === type),
    until,
    pass,
    async settle() {
      let quietSince = clock.monotonic();
      let seen = embedded.requests.length;
      await until(() => {
        if (embedded.requests.length !== seen) {
          seen = embedded.requests.length;
          quietSince = clock.monotonic();
        }
        return clock.monotonic() - quietSince >= 10_000;
      });
    },
    writes() {
      const fresh = embedded.requests.slice(counted);
      counted = embedded.requests.length;
      return fresh
        .filter(({ user, method }) => user === operatorUser && method !== 'GET')
        .filter(({ path }) => !path.includes('dryRun='))
        .map(({ method, path }) => `${method} ${objectOf(path)}`);
    },
    failWith: (fault) => {
      inFlight.fault = fault;
    },
    startOperator,
    stopOperator: () => stopOperator(),
    compete,
    leader,
    async stop() {
      await stopOperator();
      await whileTimePasses(endAll(competitors));
      await embedded.stop();
    },
  };
  if (withoutOperator) return scene;
  try {
    await startOperator();
  } catch (error) {
    await scene.stop();
    throw error;
  }
  return scene;
}

async function endAll(competitors: readonly Competitor[]): Promise<void> {
  await Promise.all(competitors.map((competitor) => competitor.end()));
}

/** `daemonsets/cache`, or with its subresource, of a request path. */
function objectOf(path: string): string {
  return (
    new URL(path, 'http://localhost').pathname
      .split('/namespaces/')[1]
      ?.split('/')
      .slice(1)
      .join('/') ?? path
  );
}

/**
 * The requests of the operator that wait for an answer. The cluster's time stands still for them, or a
 * leap of minutes would be a time limit for each.
 */
class InFlight {
  fault: Fault | undefined;
  #count = 0;

  counted(client: Client): Client {
    const counting = <Result>(request: Promise<Result>): Promise<Result> => {
      this.#count += 1;
      return request.finally(() => {
        this.#count -= 1;
      });
    };
    const unless = <Result>(
      verb: Parameters<Fault>[0],
      resource: Resource,
      send: () => Promise<Result>,
    ): Promise<Result> => {
      const error = this.fault?.(verb, resource);
      return counting(error === undefined ? send() : Promise.reject(error));
    };
    return {
      get: (...args) => unless('get', args[0], () => client.get(...args)),
      list: (...args) => unless('list', args[0], () => client.list(...args)),
      apply: (...args) => unless('apply', args[0], () => client.apply(...args)),
      create: (...args) => unless('create', args[0], () => client.create(...args)),
      update: (...args) => unless('update', args[0], () => client.update(...args)),
      mergePatch: (...args) => unless('patch', args[0], () => client.mergePatch(...args)),
      remove: (...args) => unless('remove', args[0], () => client.remove(...args)),
      groups: () => counting(client.groups()),
      version: () => counting(client.version()),
      watch: (resource, options) => {
        const { promise: open, resolve: onOpen } = Promise.withResolvers<void>();
        const watch = client.watch(resource, {
          ...options,
          onOpen: () => {
            onOpen();
            options.onOpen?.();
          },
        });
        void counting(Promise.race([open, watch])).catch(() => {});
        return watch;
      },
    };
  }

  /** Resolves when none waits, after events that are on their way have arrived. */
  async none(): Promise<void> {
    do {
      await new Promise((resolve) => setTimeout(resolve, 1));
    } while (this.#count > 0);
  }
}

/** What function calls carry is answered by the time they have run, or is left without an answer. */
class InFlightInProcess extends InFlight {
  override async none(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await settle();
  }
}
