import { KubeConfig } from '@kubernetes/client-node';
import { quote } from './api/text.ts';
import { systemClock } from './clock.ts';
import type { Environment } from './config.ts';
import { ConfigError, UsageError } from './errors.ts';
import { ApiError } from './kube/client.ts';
import type { Exchange } from './kube/exchange.ts';
import { type ConnectedClient, createClient, TransportError } from './kube/http-client.ts';
import { ServerClock } from './kube/server-clock.ts';
import { version } from './release.ts';

/** What a person at a terminal may choose instead of what the kubeconfig says; names are kubectl's. */
export interface ClusterChoice {
  /** A file, instead of KUBECONFIG and ~/.kube/config. */
  readonly kubeconfig?: string | undefined;
  /** A context of the kubeconfig, instead of its current one. */
  readonly context?: string | undefined;
  /** A cluster of the kubeconfig, instead of the context's. */
  readonly cluster?: string | undefined;
  /** A user of the kubeconfig, instead of the context's. */
  readonly user?: string | undefined;
}

/** What client-node falls back to where there is no kubeconfig: nobody means that. */
const fallbackServer = 'http://localhost:8080';
const proxySchemes = ['http:', 'https:', 'socks5:'];

/**
 * The cluster of KUBECONFIG, of ~/.kube/config, or the one that the program runs in, unless another
 * one is chosen.
 *
 * @throws ConfigError that says what is wrong with the kubeconfig
 * @throws UsageError that names the choice which it does not offer
 */
export function kubeConfigOf(env: Environment, choice: ClusterChoice = {}): KubeConfig {
  const source = sourceOf(env, choice);
  const found = loaded(source, choice);
  const isFallback = found.getCurrentCluster()?.server === fallbackServer;
  if (isFallback && !env['KUBECONFIG'] && !choice.kubeconfig) {
    throw new ConfigError(
      'there is no cluster: set KUBECONFIG, write ~/.kube/config, or run inside a cluster',
    );
  }
  const kubeConfig = chosen(found, choice);
  const cluster = kubeConfig.getCurrentCluster();
  if (!cluster) {
    throw new ConfigError(`${source}, which has no current context with a cluster`);
  }
  const { proxyUrl } = cluster;
  if (proxyUrl && !proxySchemes.some((scheme) => proxyUrl.startsWith(scheme))) {
    throw new ConfigError(
      `${source}, whose proxy-url is ${quote(proxyUrl)}: expected one of ${proxySchemes.join(', ')}`,
    );
  }
  return kubeConfig;
}

/** The namespace of the current context; `default` where it names none, as in kubectl. */
export function namespaceOf(kubeConfig: KubeConfig): string {
  return kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace || 'default';
}

/** A client for a command of a person, which gives up a request after so long; its answers set the clock. */
export function connect(
  kubeConfig: KubeConfig,
  requestTimeoutMs: number,
  clock = new ServerClock(systemClock),
): ConnectedClient {
  const userAgent = `kubectl-image_puller/${version}`;
  const onExchange = (exchange: Exchange) => clock.heard(exchange);
  return createClient(kubeConfig, { clock, userAgent, requestTimeoutMs, onExchange });
}

/** Claims that the cluster refused something, or that it could not be asked: nothing is wrong here. */
export function isClusterError(error: unknown): boolean {
  return error instanceof ApiError || error instanceof TransportError;
}

/** The subject of a sentence. */
function sourceOf(env: Environment, { kubeconfig }: ClusterChoice): string {
  if (kubeconfig) return `--kubeconfig is ${kubeconfig}`;
  return env['KUBECONFIG'] ? `KUBECONFIG is ${env['KUBECONFIG']}` : 'the kubeconfig';
}

function loaded(source: string, { kubeconfig }: ClusterChoice): KubeConfig {
  const kubeConfig = new KubeConfig();
  try {
    if (kubeconfig) kubeConfig.loadFromFile(kubeconfig);
    else kubeConfig.loadFromDefault();
  } catch (error) {
    throw new ConfigError(`${source}, which cannot be read`, { cause: error });
  }
  return kubeConfig;
}

/** The kubeconfig with a current context that is as chosen. */
function chosen(kubeConfig: KubeConfig, { context, cluster, user }: ClusterChoice): KubeConfig {
  const { clusters, users, contexts } = kubeConfig;
  demand('context', context, contexts);
  demand('cluster', cluster, clusters);
  demand('user', user, users);
  const currentContext = context ?? kubeConfig.getCurrentContext();
  const changed = new KubeConfig();
  changed.loadFromOptions({
    clusters,
    users,
    contexts: contexts.map((each) =>
      each.name === currentContext
        ? { ...each, cluster: cluster ?? each.cluster, user: user ?? each.user }
        : each,
    ),
    currentContext,
  });
  return changed;
}

/** @throws UsageError where a name is chosen that is not there */
function demand(
  flag: 'context' | 'cluster' | 'user',
  name: string | undefined,
  offered: readonly { readonly name: string }[],
): void {
  if (name === undefined || offered.some((each) => each.name === name)) return;
  const names = offered.map((each) => quote(each.name));
  const offer = names.length === 0 ? `no ${flag}` : `the ${flag}s ${names.join(', ')}`;
  throw new UsageError(`--${flag} is ${quote(name)}, and the kubeconfig has ${offer}`);
}
