#!/usr/bin/env node
import { KubeConfig } from '@kubernetes/client-node';
import { type Clock, systemClock } from './clock.ts';
import {
  type Environment,
  healthPort,
  logConfig,
  type OperatorConfig,
  operatorConfig,
} from './config.ts';
import { ImagePullerController, imagePullers, pullerKeyOf } from './controllers/image-puller.ts';
import { NameWatches } from './controllers/name-watches.ts';
import { Platform } from './controllers/platform.ts';
import { sameValue } from './controllers/same-value.ts';
import { asError, ConfigError, UsageError } from './errors.ts';
import { Applier } from './kube/applier.ts';
import { NamespacesCache } from './kube/cache.ts';
import type { Client } from './kube/client.ts';
import { Controller } from './kube/controller.ts';
import { createClient } from './kube/http-client.ts';
import { keyOf, type Resource } from './kube/objects.ts';
import { Operator } from './kube/operator.ts';
import { Reflector } from './kube/reflector.ts';
import { WorkQueue } from './kube/work-queue.ts';
import { createLog, errorChain, type Log } from './log.ts';
import { childResources } from './manifests/children.ts';
import { fieldManager, managedByLabel } from './manifests/names.ts';
import { version } from './release.ts';
import { HealthServer } from './server.ts';

const usage = `Usage: kubernetes-image-puller-operator COMMAND

  operator                       keeps what the KubernetesImagePullers of a cluster ask for in place
  puller --managed --config DIR  the program in the Deployment of each puller
  render -f FILE [--openshift]   prints the objects that would be applied; needs no cluster
  demo [--images LIST] [--nodes N] [--file FILE]
                                 shows it all at work on a cluster of its own, inside this process
  version                        prints the version

The operator's cluster is that of KUBECONFIG, ~/.kube/config, or the one it runs in. Its settings
are environment variables: see the README.
`;

/** What an operator is put together from. */
export interface OperatorParts {
  readonly client: Client;
  readonly config: OperatorConfig;
  readonly clock: Clock;
  readonly log: Log;
}

/** Puts an operator together; nothing runs and nothing is read before its `start`. */
export function assembleOperator({ client, config, clock, log }: OperatorParts): Operator {
  const random = Math.random;
  const namespaces = config.watchNamespaces.length === 0 ? [''] : config.watchNamespaces;
  const reflectors: Reflector[] = [];
  const queue = new WorkQueue({ clock, random });

  const watch = (resource: Resource, labelSelector?: string) => {
    const byNamespace = namespaces.map((namespace) => {
      const selection = {
        ...(namespace && { namespace }),
        ...(labelSelector && { labelSelector }),
      };
      const reflector = new Reflector({ client, resource, ...selection, clock, random, log });
      reflector.onChange(({ object }) => {
        const key = pullerKeyOf(object);
        if (key !== undefined) queue.add(key);
      });
      reflectors.push(reflector);
      return [namespace, reflector] as const;
    });
    return new NamespacesCache(new Map(byNamespace));
  };
  const pullers = watch(imagePullers);
  const ours = `${managedByLabel}=${fieldManager}`;
  const children = new Map(childResources.map((resource) => [resource, watch(resource, ours)]));

  const platform = new Platform(client, clock, log);
  const nameWatches = new NameWatches(
    (resource, namespace, name, onEvent) => {
      const fieldSelector = `metadata.name=${name}`;
      const selection = { namespace, fieldSelector };
      const reflector = new Reflector({ client, resource, ...selection, clock, random, log });
      reflector.onChange(onEvent);
      void reflector.start();
      return reflector;
    },
    (key) => queue.add(key),
  );
  const imagePuller = new ImagePullerController({
    client,
    clock,
    config,
    pullers,
    children,
    nameWatches,
    isOpenShift: () => platform.isOpenShift,
    applier: new Applier({
      client,
      clock,
      fieldManager,
      caches: children,
      sameScalar: sameValue,
    }),
  });
  const controller = new Controller({
    name: 'image-puller',
    queue,
    clock,
    random,
    log,
    workers: config.workers,
    reconcile: (key, context) => imagePuller.reconcile(key, context),
    resync: () => pullers.list().map(keyOf),
  });
  const isReady = () => reflectors.every((reflector) => reflector.hasSynced);
  return new Operator(
    [
      // First, so that probes are answered while the caches fill.
      { name: 'health', runnables: [new HealthServer(config.healthPort, isReady)] },
      { name: 'platform', runnables: [platform] },
      { name: 'caches', runnables: reflectors },
      { name: 'controllers', runnables: [controller, nameWatches] },
    ],
    { clock, log },
  );
}

async function runOperator(env: Environment): Promise<void> {
  const config = operatorConfig(env);
  const log = createLog({ ...config.log, stream: process.stdout });
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  const client = createClient(kubeConfig, {
    clock: systemClock,
    userAgent: `${config.operatorName}/${version}`,
  });
  const operator = assembleOperator({ client, config, clock: systemClock, log });
  const signal = endOfProcess(log);
  signal.addEventListener('abort', () => void operator.stop(), { once: true });

  log.info('starting', {
    version,
    server: kubeConfig.getCurrentCluster()?.server,
    namespaces: config.watchNamespaces.length === 0 ? 'all' : config.watchNamespaces.join(','),
  });
  try {
    await operator.start();
    if (!signal.aborted) log.info('running');
    await aborted(signal);
  } finally {
    await operator.stop();
    await client.close();
  }
  log.info('stopped');
}

async function runPuller(args: readonly string[], env: Environment): Promise<void> {
  const { runManagedPuller, pullerOptions } = await import('./puller/puller.ts');
  const { configDirectory } = pullerOptions(args);
  const log = createLog({ ...logConfig(env), stream: process.stdout });
  await runManagedPuller(configDirectory, {
    health: new HealthServer(healthPort(env), () => true),
    log,
    signal: endOfProcess(log),
  });
}

async function runRender(args: readonly string[], env: Environment): Promise<void> {
  const { render } = await import('./cli/render.ts');
  const { output, remarks } = render(args, operatorConfig(env));
  process.stderr.write(remarks);
  process.stdout.write(output);
}

async function runDemo(args: readonly string[]): Promise<void> {
  const { demo } = await import('./cli/demo.ts');
  process.exitCode = await demo(args);
}

/**
 * Aborted by the signals that ask a process to end. What nobody caught ends it as well, by the same
 * orderly way and with exit code 1.
 */
function endOfProcess(log: Log): AbortSignal {
  const end = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      log.info('asked to stop', { signal: name });
      end.abort();
    });
  }
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, (thrown: unknown) => {
      log.error('a failure that nobody handled', { event, error: errorChain(thrown) });
      process.exitCode = 1;
      end.abort();
    });
  }
  return end.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function main([command = '', ...args]: readonly string[], env: Environment): Promise<void> {
  switch (command) {
    case 'operator':
      return runOperator(env);
    case 'puller':
      return runPuller(args, env);
    case 'render':
      return runRender(args, env);
    case 'demo':
      return runDemo(args);
    case 'version':
      process.stdout.write(`${version}\n`);
      return;
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(usage);
      return;
    default:
      throw new UsageError(
        command === ''
          ? `no command is given\n\n${usage}`
          : `there is no command ${command}\n\n${usage}`,
      );
  }
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2), process.env);
  } catch (error) {
    // What a user can mend is told in a sentence; anything else is a defect and shows where it is.
    const known = error instanceof ConfigError || error instanceof UsageError;
    process.stderr.write(`${known ? errorChain(error) : (asError(error).stack ?? error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
