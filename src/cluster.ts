import { delimiter } from 'node:path';
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node';
import { quote } from './api/text.ts';
import { systemClock } from './clock.ts';
import type { Environment } from './config.ts';
import { ConfigError, UsageError } from './errors.ts';
import { ApiError, TransportError } from './kube/client.ts';
import type { Exchange } from './kube/exchange.ts';
import { type ConnectedClient, createClient } from './kube/http-client.ts';
import { ServerClock } from './kube/server-clock.ts';
import { kubeConfigOfFiles } from './kubeconfig.ts';
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
  /** An address, instead of the cluster's. */
  readonly server?: string | undefined;
  /** Claims that the server's certificate need not be looked at. */
  readonly insecureSkipTlsVerify?: boolean | undefined;
  /** A bearer token, instead of all that the user proves itself with. */
  readonly token?: string | undefined;
  /** A user to act as, who must be one that the own user may impersonate. */
  readonly as?: string | undefined;
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
export async function kubeConfigOf(
  env: Environment,
  choice: ClusterChoice = {},
): Promise<KubeConfig> {
  const source = sourceOf(env, choice);
  const found = await loaded(source, filesOf(env, choice));
  const isFallback = found.getCurrentCluster()?.server === fallbackServer;
  if (isFallback && !env['KUBECONFIG'] && !choice.kubeconfig && !choice.server) {
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

/** Empty where nothing is said of files. */
function filesOf(env: Environment, { kubeconfig }: ClusterChoice): readonly string[] {
  return kubeconfig ? [kubeconfig] : (env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
}

async function loaded(source: string, files: readonly string[]): Promise<KubeConfig> {
  try {
    return await kubeConfigOfFiles(files);
  } catch (error) {
    throw new ConfigError(`${source}, which cannot be read`, { cause: error });
  }
}

/** The kubeconfig with a current context that is as chosen. */
function chosen(kubeConfig: KubeConfig, choice: ClusterChoice): KubeConfig {
  const { clusters, users, contexts } = kubeConfig;
  demand('context', choice.context, contexts);
  demand('cluster', choice.cluster, clusters);
  demand('user', choice.user, users);
  const currentContext = choice.context ?? kubeConfig.getCurrentContext();
  const found = contexts.find(({ name }) => name === currentContext);
  const changed = new KubeConfig();
  if (found === undefined) {
    changed.loadFromOptions({ clusters, users, contexts, currentContext });
    return changed;
  }
  const context = {
    ...found,
    cluster: choice.cluster ?? found.cluster,
    // A context may have none, and is given a token nevertheless.
    user: choice.user ?? (found.user || 'user'),
  };
  changed.loadFromOptions({
    clusters: clusters.map((each) =>
      each.name === context.cluster ? changedCluster(each, choice) : each,
    ),
    users: changedUsers(users, context.user, choice),
    contexts: contexts.map((each) => (each === found ? context : each)),
    currentContext,
  });
  return changed;
}

function changedCluster(cluster: Cluster, choice: ClusterChoice): Cluster {
  const { server = cluster.server, insecureSkipTlsVerify = cluster.skipTLSVerify } = choice;
  return { ...cluster, server, skipTLSVerify: insecureSkipTlsVerify };
}

function changedUsers(users: readonly User[], name: string, choice: ClusterChoice): User[] {
  const { token, as } = choice;
  if (token === undefined && as === undefined) return [...users];
  const user = users.find((each) => each.name === name);
  const changed = {
    ...(token === undefined ? user : { token }),
    name,
    ...(as !== undefined && { impersonateUser: as }),
  };
  return [...users.filter((each) => each !== user), changed];
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
