import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, systemClock } from './clock.ts';
import { type ClusterChoice, kubeConfigOf } from './cluster.ts';
import { parsedArgs } from './command-line.ts';
import { type Environment, type OperatorConfig, operatorConfig } from './config.ts';
import { ImagePullerController } from './controllers/image-puller.ts';
import { imagePullers, pullerKeyOf, pullerKeyOfPod } from './controllers/keys.ts';
import { NameWatches } from './controllers/name-watches.ts';
import { isOurs } from './controllers/ownership.ts';
import { Platform } from './controllers/platform.ts';
import { Pulls } from './controllers/pulls.ts';
import { canWork } from './controllers/readiness.ts';
import { Rivals } from './controllers/rivals.ts';
import { sameValue } from './controllers/same-value.ts';
import { Applier } from './kube/applier.ts';
import { NamespacesCache } from './kube/cache.ts';
import type { Client } from './kube/client.ts';
import { Controller } from './kube/controller.ts';
import { EventRecorder } from './kube/event-recorder.ts';
import type { Exchange } from './kube/exchange.ts';
import { createClient } from './kube/http-client.ts';
import { LeaderElection, type LeaderElectionOptions } from './kube/leader-election.ts';
import { LeadingClient } from './kube/leading-client.ts';
import {
  configMaps,
  daemonSets,
  keyOf,
  pods as podResource,
  type Resource,
} from './kube/objects.ts';
import { Operator, type Runnable } from './kube/operator.ts';
import { Reflector, type ReflectorOptions } from './kube/reflector.ts';
import { ServerClock } from './kube/server-clock.ts';
import { sharingEqualParts } from './kube/shared-parts.ts';
import type { Change } from './kube/store.ts';
import { WorkQueue } from './kube/work-queue.ts';
import { createLog, type Log } from './log.ts';
import { childResources } from './manifests/children.ts';
import { metricsHosts } from './manifests/metrics.ts';
import { cachePodSelector, childSelector, fieldManager, leaseName } from './manifests/names.ts';
import { MetricsServer } from './metrics/metrics-server.ts';
import { thisProcess } from './metrics/process-figures.ts';
import { ScrapeAccess } from './metrics/scrape-access.ts';
import { ServingCertificate } from './metrics/serving-certificate.ts';
import { Metrics } from './metrics.ts';
import { aborted, endOfProcess } from './process.ts';
import { version } from './release.ts';
import { HealthServer } from './server.ts';
import { figuresOf } from './status/figures.ts';
import { projectPod } from './status/pods.ts';

/** What an operator is put together from. */
export interface OperatorParts {
  readonly client: Client;
  readonly config: OperatorConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** Uniform in [0, 1): spreads what would happen at once; `Math.random` unless given. */
  readonly random?: () => number;
  /** Of its own unless given. */
  readonly metrics?: Metrics;
  /** What answers probes and scrapes: servers on the ports of the settings unless given. */
  readonly servers?: readonly Runnable[];
  /** How it comes to be the one that writes; absent where it is alone by promise. */
  readonly candidacy?: Candidacy | undefined;
}

/** What a process brings along to an election. */
export type Candidacy = Pick<LeaderElectionOptions, 'client' | 'lease' | 'identity' | 'onLost'>;

type Watched = Pick<
  ReflectorOptions,
  'labelSelector' | 'project' | 'pageSize' | 'resyncEveryMs'
> & {
  readonly onChange?: (change: Change) => void;
};

/**
 * Of a pod, which can have 70 kB, a few hundred bytes are kept, page by page: see docs/observing-pods.md.
 * A full list of 5,000 takes seconds of processor time, and nothing is decided by it, so it is rare.
 */
const podWatch = {
  labelSelector: cachePodSelector,
  project: projectPod,
  pageSize: 25,
  resyncEveryMs: 60 * 60_000,
} as const;

/**
 * A puller of 40 images has 22 kB with its status, and its DaemonSet 46. For 500 such pullers, lists in
 * pages of 500 made a process of 242 MiB, of 100 one of 186 (Node 24, the heap limits of the image).
 */
const pageSize = 100;

/** Its name in the log and the metrics. */
const controllerName = 'image-puller';

/** Events of pods come in floods: what a whole burst tells is looked at once. */
const podBurstMs = 500;

/** Puts an operator together; nothing runs and nothing is read before its `start`. */
export function assembleOperator(parts: OperatorParts): Operator {
  const { client, config, clock, log, candidacy, random = Math.random } = parts;
  const { metrics = new Metrics({ clock, version, process: thisProcess() }) } = parts;
  const namespaces = config.watchNamespaces.length === 0 ? [''] : config.watchNamespaces;
  const isFirst = () => isUntouched(client, namespaces);
  const election = candidacy && new LeaderElection({ ...candidacy, isFirst, clock, random, log });
  const writer = election ? new LeadingClient(client, election) : client;
  const reflectors: Reflector[] = [];
  const queue = new WorkQueue({ clock, random, observer: metrics.queueObserver(controllerName) });
  const pulls = new Pulls((key, seconds) => metrics.pulled(key, seconds));

  const enqueueOwner = ({ object }: Change) => {
    const key = pullerKeyOf(object);
    if (key !== undefined) queue.add(key);
  };
  const project = sharingEqualParts();
  const watch = (resource: Resource, how: Watched = {}) => {
    const byNamespace = namespaces.map((namespace) => {
      const { onChange = enqueueOwner, ...selection } = { ...how, ...(namespace && { namespace }) };
      const onStart = metrics.cacheObserver(resource.plural, namespace);
      const common = { client, resource, project, pageSize };
      const options = { ...common, ...selection, clock, random, log, onStart };
      const reflector = new Reflector(options);
      reflector.onChange(onChange);
      reflectors.push(reflector);
      return [namespace, reflector] as const;
    });
    return new NamespacesCache(new Map(byNamespace));
  };
  const pullers = watch(imagePullers, {
    onChange: (change) => {
      enqueueOwner(change);
      for (const key of rivals.freedBy(change)) queue.add(key);
    },
  });
  const watchChildren = (resource: Resource) => {
    const onChange = (change: Change) => {
      enqueueOwner(change);
      // Whoever waits for the name, or has had its owner taken away.
      for (const key of rivals.wokenBy(resource, change)) queue.add(key);
    };
    return watch(resource, { labelSelector: childSelector, onChange });
  };
  const children = new Map(childResources.map((resource) => [resource, watchChildren(resource)]));
  const rivals = new Rivals({ client, pullers, children, settings: config });
  const needed = [pullers, ...children.values()];
  const pods = watch(podResource, {
    ...podWatch,
    onChange: (change) => {
      const key = pullerKeyOfPod(change.object, children.get(daemonSets));
      pulls.take(change, key);
      if (key !== undefined) queue.addAfter(key, podBurstMs);
    },
  });

  const platform = new Platform(client, clock, log);
  const nameWatches = new NameWatches(
    (resource, namespace, name, onEvent) => {
      const fieldSelector = `metadata.name=${name}`;
      const selection = { namespace, fieldSelector };
      const reflector = new Reflector({ client, resource, ...selection, clock, random, log });
      reflector.onChange(onEvent);
      void reflector.start().then(() => {
        // It went before anybody watched, and nothing is left to tell of it.
        if (reflector.list().length === 0) onEvent();
      });
      return reflector;
    },
    (key) => queue.add(key),
  );
  const recorder = new EventRecorder({
    client: writer,
    clock,
    random,
    log,
    controller: fieldManager,
    instance: config.podName || hostname(),
  });
  const imagePuller = new ImagePullerController({
    client: writer,
    recorder,
    clock,
    config,
    log,
    pullers,
    children,
    pods,
    nameWatches,
    rivals,
    isOpenShift: () => platform.isOpenShift,
    onStatus: (key, status) => metrics.puller(key, status && figuresOf(status)),
    applier: new Applier({
      client: writer,
      clock,
      fieldManager,
      caches: children,
      sameScalar: sameValue,
      selectedBy: childSelector,
      isOurs,
    }),
  });
  const controller = new Controller({
    name: controllerName,
    queue,
    clock,
    random,
    log,
    workers: config.workers,
    reconcile: (key, context) => imagePuller.reconcile(key, context),
    resync: () => pullers.list().map(keyOf),
    onRun: (run) => metrics.ran(controllerName, run),
  });
  metrics.countController(controllerName, { workers: config.workers, sizes: () => queue.sizes });
  metrics.countCaches(() => reflectors);
  metrics.countLeader(config.lease?.name ?? leaseName, () => election?.isLeading ?? true);
  // Without pods the operator does its work all the same.
  const isReady = () => canWork(needed, namespaces);
  return new Operator(
    [
      // First, so that probes are answered while the caches fill.
      {
        name: 'health',
        runnables: parts.servers ?? [
          new HealthServer(config.healthPort, isReady),
          ...metricsServers(parts, metrics),
        ],
      },
      { name: 'platform', runnables: [platform] },
      // The watches of names belong to them: a run that ends last may still add one.
      { name: 'caches', runnables: [...reflectors.map(inBackground), nameWatches] },
      // From here on only one at a time: until then a process stands by, with its caches filled.
      { name: 'leader election', runnables: election ? [election] : [] },
      { name: 'controllers', runnables: [telling(controller, recorder)] },
    ],
    { clock, log },
  );
}

/**
 * Claims that no operator has done anything in these namespaces, of which '' stands for all: each puller
 * that one has seen to has a ConfigMap. What cannot be read may have been touched.
 */
async function isUntouched(client: Client, namespaces: readonly string[]): Promise<boolean> {
  const lists = await Promise.allSettled(
    namespaces.map((namespace) => {
      const selection = { ...(namespace && { namespace }), labelSelector: childSelector };
      return client.list(configMaps, { ...selection, limit: 1 });
    }),
  );
  return lists.every((list) => list.status === 'fulfilled' && list.value.items.length === 0);
}

/** Serves the metrics where they have a port; a process that stands by serves its own. */
function metricsServers(
  { client, config, clock, log }: OperatorParts,
  metrics: Metrics,
): readonly Runnable[] {
  if (config.metricsPort === 0) return [];
  const certificate = new ServingCertificate({
    directory: config.metricsCertDir,
    hosts: metricsHosts(config.podNamespace),
    clock,
    log,
  });
  const access = new ScrapeAccess({ client, clock, log });
  const port = config.metricsPort;
  return [new MetricsServer({ port, metrics, access, certificate, clock, log })];
}

/** Nobody waits for it to be synced: a namespace that cannot be read would hold up all others. */
function inBackground(reflector: Reflector): Runnable {
  return {
    name: reflector.name,
    start: async () => void reflector.start(),
    stop: () => reflector.stop(),
  };
}

/** What the controller has told last is sent once it has ended. */
function telling(controller: Controller, recorder: EventRecorder): Runnable {
  return {
    name: controller.name,
    start: () => controller.start(),
    async stop() {
      await controller.stop();
      await recorder.stop();
    },
  };
}

/** Renewals have connections of their own, and fail in time for another one. */
const leaseTimeoutMs = 5_000;

/** As client-go's users name themselves: by the pod, and by a part that no earlier process in it had. */
function candidacyOf(
  { lease, podName }: OperatorConfig,
  client: Client,
  onLost: () => void,
): Candidacy | undefined {
  return lease && { client, lease, identity: `${podName || hostname()}_${randomUUID()}`, onLost };
}

/**
 * Reads the arguments of the `operator` command, whose other settings are environment variables.
 *
 * @throws UsageError
 */
export function operatorOptions(args: readonly string[]): Pick<ClusterChoice, 'kubeconfig'> {
  return parsedArgs({ args: [...args], options: { kubeconfig: { type: 'string' } } }).values;
}

/**
 * The `operator` command: runs until the process is asked to end, and leaves the cache running.
 * Where another process has taken its lease it ends as well, with exit code 1.
 *
 * @throws ConfigError
 */
export async function runOperator(
  env: Environment,
  choice: Pick<ClusterChoice, 'kubeconfig'> = {},
): Promise<void> {
  const config = operatorConfig(env);
  const log = createLog({ ...config.log, stream: process.stdout });
  const kubeConfig = await kubeConfigOf(env, choice);
  const clock = new ServerClock(systemClock);
  const metrics = new Metrics({ clock, version, process: thisProcess() });
  const connection = {
    clock,
    userAgent: `${config.operatorName}/${version}`,
    onExchange: (exchange: Exchange) => {
      clock.heard(exchange);
      metrics.exchanged(exchange);
    },
  };
  const client = createClient(kubeConfig, connection);
  const leaseClient = createClient(kubeConfig, { ...connection, requestTimeoutMs: leaseTimeoutMs });
  const lost = new AbortController();
  const signal = AbortSignal.any([endOfProcess(log), lost.signal]);
  const candidacy = candidacyOf(config, leaseClient, () => {
    process.exitCode = 1;
    lost.abort();
  });
  const operator = assembleOperator({ client, config, clock, log, metrics, candidacy });
  signal.addEventListener('abort', () => void operator.stop(), { once: true });

  log.info('starting', {
    name: config.operatorName,
    version,
    ...(config.podName && { pod: `${config.podNamespace}/${config.podName}` }),
    server: kubeConfig.getCurrentCluster()?.server,
    namespaces: config.watchNamespaces.length === 0 ? 'all' : config.watchNamespaces.join(','),
  });
  try {
    await operator.start();
    if (!signal.aborted) log.info('running');
    await aborted(signal);
  } finally {
    await operator.stop();
    await Promise.all([client.close(), leaseClient.close()]);
  }
  log.info('stopped');
}
