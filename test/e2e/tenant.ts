import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type OperatorProcess, startOperator } from '../../src/cli/demo/operator-process.ts';
import type { Environment } from '../../src/config.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import type { AuditedRequest } from '../cluster/real/audit-log.ts';
import type { RealCluster } from '../cluster/real/real-cluster.ts';

const project = join(import.meta.dirname, '../..');
const account = 'operator';

/** Brings the definition of pullers to a cluster. */
export async function define(cluster: RealCluster): Promise<void> {
  await cluster.kubectl(['apply', '-k', join(project, 'crds')]);
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
}

/**
 * A namespace with an operator that works in it alone, as a process of its own: several of them go
 * through their troubles at the same time. There is one puller, called `puller`.
 */
export class Tenant {
  readonly namespace: string;
  /** How the API server calls the operator. */
  readonly user: string;
  readonly #cluster: RealCluster;
  readonly #operators: OperatorProcess[] = [];

  private constructor(cluster: RealCluster, namespace: string) {
    this.#cluster = cluster;
    this.namespace = namespace;
    this.user = `system:serviceaccount:${namespace}:${account}`;
  }

  /**
   * Gives the operator the rights of config/rbac/namespaced and, for a lease, of config/rbac/leader-election,
   * by bindings of the same names.
   */
  static async create(cluster: RealCluster, namespace: string): Promise<Tenant> {
    const tenant = new Tenant(cluster, namespace);
    const metadata = { name: namespace };
    await tenant.apply({ apiVersion: 'v1', kind: 'Namespace', metadata });
    await tenant.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account } });
    for (const file of ['namespaced', 'leader-election']) {
      const [role, binding] = ['role', 'role_binding'].map((name) => fromConfig(file, name));
      await tenant.apply({ ...role, metadata: { name: role?.metadata.name } });
      await tenant.apply({
        ...binding,
        metadata: { name: binding?.metadata.name },
        subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
      });
    }
    return tenant;
  }

  /** The operator's own kubeconfig, with a token of an hour; `server` is another way to the cluster. */
  async kubeconfig(server = this.#cluster.url): Promise<string> {
    const text = await this.#cluster.tokenKubeconfig(this.namespace, account);
    return text.replace(this.#cluster.url, server);
  }

  /** A token for the operator that ends so soon. */
  shortToken(lifeSeconds: number): Promise<string> {
    return this.#cluster.shortToken(this.namespace, account, lifeSeconds);
  }

  /** Starts an operator, which is alone unless the settings say something else. */
  async start(settings: Environment = {}, kubeconfig?: string): Promise<OperatorProcess> {
    const operator = startOperator(kubeconfig ?? (await this.kubeconfig()), {
      WATCH_NAMESPACE: this.namespace,
      HEALTH_PORT: '0',
      METRICS_PORT: '0',
      ...settings,
    });
    this.#operators.push(operator);
    return operator;
  }

  /** Ends what it has started. */
  async stop(): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Applies an object in the namespace as the administrator. */
  apply(object: object): Promise<string> {
    return this.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(object));
  }

  kubectl(args: readonly string[], input?: string): Promise<string> {
    const isNamespace = input?.includes('"kind":"Namespace"') ?? false;
    return this.#cluster.kubectl(isNamespace ? args : ['-n', this.namespace, ...args], input);
  }

  /** Lets the puller cache images of these names. */
  async edit(names: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<void> {
    const images = names.map((name) => `${name}=registry.test/${name}:1`).join(';');
    await this.apply({
      apiVersion: 'che.eclipse.org/v1alpha1',
      kind: 'KubernetesImagePuller',
      metadata: { name: 'puller' },
      spec: { images, ...more },
    });
  }

  /** An object as it is now; undefined where there is none. */
  async get(kind: string, name: string): Promise<KubeObject | undefined> {
    const text = await this.kubectl(['get', kind, name, '--ignore-not-found', '-o', 'json']);
    return text === '' ? undefined : (JSON.parse(text) as KubeObject);
  }

  /** The DaemonSet of the puller. */
  cache(): Promise<KubeObject | undefined> {
    return this.get('daemonset', 'kubernetes-image-puller');
  }

  /** Waits until the cache is of this image and no other, and the puller is said to be Ready. */
  async untilCached(name: string, timeoutMs = 60_000): Promise<void> {
    await this.#cluster.until(async () => {
      const template = JSON.stringify((await this.cache())?.['spec'] ?? {});
      const images = new Set(template.match(/registry\.test\/[a-z0-9]+:1/g));
      return images.size === 1 && images.has(`registry.test/${name}:1`) && (await this.#isReady());
    }, timeoutMs);
  }

  /** The condition as `True Forbidden: why`. */
  async told(type: string): Promise<string> {
    const status = (await this.get('kip', 'puller'))?.['status'] as Status | undefined;
    const one = status?.conditions?.find((condition) => condition.type === type);
    return one === undefined ? '' : `${one.status} ${one.reason}: ${one.message}`;
  }

  async #isReady(): Promise<boolean> {
    const puller = await this.get('kip', 'puller');
    const status = puller?.['status'] as Status | undefined;
    return (
      status?.observedGeneration === puller?.metadata.generation &&
      (status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ??
        false)
    );
  }

  /** What the operator has asked for since, by the API server's own account. */
  async requests(since: number): Promise<readonly AuditedRequest[]> {
    return await this.#cluster.auditLog.requests({ since, user: this.user });
  }

  /** What it has written since, leases and Events aside. */
  async writes(since: number): Promise<readonly AuditedRequest[]> {
    return (await this.requests(since)).filter(
      ({ verb, resource }) =>
        ['create', 'update', 'patch', 'delete'].includes(verb) &&
        !['leases', 'events'].includes(resource),
    );
  }
}

function fromConfig(folder: string, name: string): KubeObject {
  return parse(readFileSync(join(project, 'config/rbac', folder, `${name}.yaml`), 'utf8'));
}

interface Status {
  readonly observedGeneration?: number;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
}
