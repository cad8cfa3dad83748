import { randomBytes } from 'node:crypto';
import {
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1ContainerStatus,
  type V1DaemonSet,
  type V1Deployment,
  type V1ObjectMeta,
  type V1Pod,
  type V1PodSpec,
  Watch,
} from '@kubernetes/client-node';
import type { Cluster } from '../cluster.ts';

/** How long a test may wait for a cluster, in milliseconds of real time. */
export const patienceMs = 60_000;

const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

/** A namespace of its own for a test, used as anybody could who has the kubeconfig. */
export class TestNamespace {
  readonly name: string;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly #cluster: Cluster;
  readonly #config: KubeConfig;

  /** Makes the namespace and waits for its service account, without which there are no pods. */
  static async create(cluster: Cluster): Promise<TestNamespace> {
    const namespace = new TestNamespace(cluster, `contract-${randomBytes(4).toString('hex')}`);
    const metadata = { name: namespace.name };
    await namespace.core.createNamespace({
      body: { apiVersion: 'v1', kind: 'Namespace', metadata },
    });
    await namespace.until(async () => {
      const accounts = await namespace.core.listNamespacedServiceAccount({
        namespace: namespace.name,
      });
      return accounts.items.length > 0;
    });
    return namespace;
  }

  private constructor(cluster: Cluster, name: string) {
    this.name = name;
    this.#cluster = cluster;
    this.#config = new KubeConfig();
    this.#config.loadFromString(cluster.kubeconfig());
    this.core = this.#config.makeApiClient(CoreV1Api);
    this.apps = this.#config.makeApiClient(AppsV1Api);
  }

  async remove(): Promise<void> {
    await this.core.deleteNamespace({ name: this.name });
  }

  /** Lets time pass until the condition holds. */
  async until(condition: () => Promise<boolean>, timeoutMs = patienceMs): Promise<void> {
    await this.#cluster.until(condition, timeoutMs);
  }

  /**
   * Waits until a pod that is made now counts as younger than those that exist: times are whole
   * seconds, and within one the DaemonSet controller takes the first name for the oldest pod.
   */
  async untilPodsAreOlder(): Promise<void> {
    const timeOf = ({ metadata }: { metadata?: V1ObjectMeta }) =>
      metadata?.creationTimestamp?.getTime() ?? 0;
    const youngest = Math.max(...(await this.pods()).map(timeOf));
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'the-time' } };
    await this.until(async () => {
      const probe = { namespace: this.name, body, dryRun: 'All' };
      return timeOf(await this.core.createNamespacedConfigMap(probe)) > youngest;
    });
  }

  /** Makes a pod with a label of its own: `pod`, with its name. */
  async createPod(name: string, spec: V1PodSpec): Promise<void> {
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { pod: name } },
      spec: { terminationGracePeriodSeconds: 0, ...spec },
    };
    await this.core.createNamespacedPod({ namespace: this.name, body });
  }

  async removePod(name: string): Promise<void> {
    await this.core.deleteNamespacedPod({ namespace: this.name, name });
  }

  async pod(name: string): Promise<V1Pod> {
    return await this.core.readNamespacedPod({ namespace: this.name, name });
  }

  /** Lets time pass until the container of the pod has a status that the claim holds for. */
  async untilContainer(
    pod: string,
    container: string,
    claim: (status: V1ContainerStatus) => boolean,
    timeoutMs?: number,
  ): Promise<V1ContainerStatus> {
    let found: V1ContainerStatus | undefined;
    await this.until(async () => {
      const { status } = await this.pod(pod);
      found = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
        ({ name }) => name === container,
      );
      return found !== undefined && claim(found);
    }, timeoutMs);
    if (found === undefined) throw new Error(`the container ${container} has no status`);
    return found;
  }

  async untilReady(...pods: readonly string[]): Promise<void> {
    await this.until(async () => {
      const read = await Promise.all(pods.map((name) => this.pod(name)));
      return read.every(isReady);
    });
  }

  async pods(): Promise<readonly V1Pod[]> {
    return (await this.core.listNamespacedPod({ namespace: this.name })).items;
  }

  async createDaemonSet(
    name: string,
    spec: Partial<V1DaemonSet['spec']>,
    pod: V1PodSpec,
  ): Promise<void> {
    const labels = { daemon: name };
    await this.apps.createNamespacedDaemonSet({
      namespace: this.name,
      body: {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name },
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, ...pod } },
          ...spec,
        },
      },
    });
  }

  async daemonSet(name: string): Promise<V1DaemonSet> {
    return await this.apps.readNamespacedDaemonSet({ namespace: this.name, name });
  }

  /** Changes fields of the spec of the DaemonSet's pods; lists are replaced as a whole. */
  async changeDaemons(name: string, pod: Partial<V1PodSpec>): Promise<void> {
    const body = { spec: { template: { spec: pod } } };
    await this.apps.patchNamespacedDaemonSet({ namespace: this.name, name, body }, mergePatch);
  }

  /** Lets time pass until every wanted pod of the DaemonSet is up to date and available. */
  async untilRolledOut(name: string): Promise<V1DaemonSet> {
    await this.until(async () => isRolledOut(await this.daemonSet(name)));
    return await this.daemonSet(name);
  }

  async createDeployment(
    name: string,
    spec: Partial<V1Deployment['spec']>,
    pod: V1PodSpec,
  ): Promise<void> {
    const labels = { deployment: name };
    await this.apps.createNamespacedDeployment({
      namespace: this.name,
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name },
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, ...pod } },
          ...spec,
        },
      },
    });
  }

  async deployment(name: string): Promise<V1Deployment> {
    return await this.apps.readNamespacedDeployment({ namespace: this.name, name });
  }

  async changeDeployed(name: string, pod: Partial<V1PodSpec>): Promise<void> {
    const body = { spec: { template: { spec: pod } } };
    await this.apps.patchNamespacedDeployment({ namespace: this.name, name, body }, mergePatch);
  }

  async untilDeployed(name: string): Promise<V1Deployment> {
    await this.until(async () => {
      const { metadata, spec, status } = await this.deployment(name);
      return (
        status?.observedGeneration === metadata?.generation &&
        status?.updatedReplicas === spec?.replicas &&
        status?.replicas === spec?.replicas &&
        status?.availableReplicas === spec?.replicas
      );
    });
    return await this.deployment(name);
  }

  /**
   * Calls back with all pods after each event, in order and without a gap. Returns what ends the
   * watch; it throws what the callback or the watch has thrown, and where there was nothing to see.
   */
  async watchPods(onChange: (pods: readonly V1Pod[]) => void): Promise<() => void> {
    const list = await this.core.listNamespacedPod({ namespace: this.name });
    const pods = new Map(list.items.map((pod) => [pod.metadata?.uid, pod]));
    let events = 0;
    let failure: unknown;
    const onEvent = (type: string, pod: V1Pod) => {
      events += 1;
      if (type === 'DELETED') pods.delete(pod.metadata?.uid);
      else pods.set(pod.metadata?.uid, pod);
      try {
        onChange([...pods.values()]);
      } catch (error) {
        failure ??= error;
      }
    };
    const onEnd = (error: unknown) => {
      failure ??= error;
    };
    const path = `/api/v1/namespaces/${this.name}/pods`;
    const query = { resourceVersion: list.metadata?.resourceVersion };
    const watch = await new Watch(this.#config).watch(path, query, onEvent, onEnd);
    return () => {
      const seen = failure;
      watch.abort();
      if (seen) throw seen;
      if (events === 0) throw new Error('the watch told of no event');
    };
  }
}

/** Claims that the pod's Ready condition is True. */
export function isReady(pod: V1Pod): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True';
}

/** The condition of this type; undefined where the object has none. */
export function conditionOf(object: V1Pod | V1Deployment, type: string) {
  const conditions: readonly { type: string; status: string; reason?: string; message?: string }[] =
    object.status?.conditions ?? [];
  return conditions.find((condition) => condition.type === type);
}

function isRolledOut({ metadata, status }: V1DaemonSet): boolean {
  const desired = status?.desiredNumberScheduled ?? 0;
  return (
    status?.observedGeneration === metadata?.generation &&
    (status?.updatedNumberScheduled ?? 0) === desired &&
    (status?.numberAvailable ?? 0) === desired
  );
}
