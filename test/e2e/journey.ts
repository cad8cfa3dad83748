import { targets } from '../../.ci/image/root.ts';
import type { Condition, ImagePullerStatus, RawSpec } from '../../src/api/types.ts';
import { RealCluster, type RealClusterOptions } from '../cluster/real/real-cluster.ts';
import { aPuller } from '../pullers.ts';
import { installOperator, pushImage } from './installation.ts';

/** A label selector: the pods of every cache. */
export const cachePods = 'app.kubernetes.io/name=image-puller';
/** A label selector: the pods of every puller. */
export const pullerPods = 'app=kubernetes-image-puller';

/**
 * A real cluster with the operator as its users have it: the image that CI builds, as a Pod, installed
 * from config/default. Each namespace has at most one puller, called `puller`.
 */
export class Journey {
  readonly cluster: RealCluster;

  /** Rejects where something does not come up; nothing is left running then. */
  static async begin(options: RealClusterOptions = {}): Promise<Journey> {
    const cluster = await RealCluster.start(options);
    try {
      for (const target of targets) await pushImage(cluster, target);
      await installOperator(cluster);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return new Journey(cluster);
  }

  private constructor(cluster: RealCluster) {
    this.cluster = cluster;
  }

  end(): Promise<void> {
    return this.cluster.stop();
  }

  /** Pushes images FROM scratch as `<name>:1`, each unlike all others. */
  async push(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.cluster.registry.push(`${name}:1`, { files: { '/name': Buffer.from(name) } });
    }
  }

  /** How a spec refers to an image that was pushed. */
  reference(name: string): string {
    return this.cluster.registry.reference(`${name}:1`);
  }

  /** `spec.images` with images that were pushed, each under its own name. */
  images(...names: readonly string[]): string {
    return names.map((name) => `${name}=${this.reference(name)}`).join(';');
  }

  apply(object: object): Promise<string> {
    return this.cluster.kubectl(['apply', '-f', '-'], JSON.stringify(object));
  }

  /** Makes a namespace in which pods can be made. */
  async createNamespace(name: string, labels: Readonly<Record<string, string>> = {}) {
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
    const account = `/api/v1/namespaces/${name}/serviceaccounts/default`;
    await this.cluster.until(async () => (await this.cluster.api.get(account)) !== undefined);
  }

  /** Makes the puller of a namespace, or gives it another spec; returns the generation of that. */
  async edit(namespace: string, spec: RawSpec): Promise<number> {
    const puller = JSON.stringify(aPuller(spec, { namespace }));
    const apply = ['apply', '-f', '-', '-o', 'jsonpath={.metadata.generation}'];
    return Number(await this.cluster.kubectl(apply, puller));
  }

  /** Waits until the puller of a namespace says that all nodes hold its present list. */
  async untilReady(namespace: string, timeoutMs = 120_000): Promise<void> {
    const wait = ['wait', '--for=condition=Ready', 'kip/puller', `--timeout=${timeoutMs / 1000}s`];
    await this.cluster.kubectl(['-n', namespace, ...wait]);
  }

  /** What the operator says of the puller of a namespace; empty while it says nothing. */
  async status(namespace: string): Promise<ImagePullerStatus> {
    const path = `/apis/che.eclipse.org/v1alpha1/namespaces/${namespace}/kubernetesimagepullers/puller`;
    const puller = (await this.cluster.api.get(path)) as { readonly status?: ImagePullerStatus };
    return puller?.status ?? {};
  }

  /** Waits until the counts of the status are these; a failure says what they were instead. */
  async untilStatus(namespace: string, counts: Partial<ImagePullerStatus>, timeoutMs = 120_000) {
    const names = Object.keys(counts) as (keyof ImagePullerStatus)[];
    let status: ImagePullerStatus = {};
    const isTold = async () => {
      status = await this.status(namespace);
      return names.every((name) => status[name] === counts[name]);
    };
    await this.cluster.until(isTold, timeoutMs).catch(() => expect(status).toMatchObject(counts));
  }

  /** A condition of the puller of a namespace, as it is now. */
  async condition(namespace: string, type: string): Promise<Condition | undefined> {
    const { conditions = [] } = await this.status(namespace);
    return conditions.find((condition) => condition.type === type);
  }

  /** The pods of a namespace that are to stay. */
  async pods(namespace: string, labelSelector = cachePods): Promise<readonly Pod[]> {
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${labelSelector}`;
    const { items } = (await this.cluster.api.get(path)) as { readonly items: readonly Pod[] };
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }
}

/** As much of a Pod as journeys read. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
  readonly status: {
    readonly phase: string;
    readonly reason?: string;
    readonly message?: string;
    /** Absent until kubelet has seen the pod. */
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly imageID: string;
      readonly containerID?: string;
      readonly ready: boolean;
      readonly restartCount: number;
    }[];
  };
}
