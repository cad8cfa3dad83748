import { setTimeout as delay } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import type { ImagePullerStatus, RawSpec } from '../../src/api/types.ts';
import { systemClock } from '../../src/clock.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import { type ConnectedClient, createClient } from '../../src/kube/http-client.ts';
import { listAll } from '../../src/kube/list-all.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { childResources } from '../../src/manifests/children.ts';
import { childSelector } from '../../src/manifests/names.ts';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';
import { installation } from '../bench/rig-installation.ts';
import { fakeNodeTaint } from '../cluster/real/fake-nodes.ts';
import { RealCluster } from '../cluster/real/real-cluster.ts';
import { aPuller } from '../pullers.ts';
import { nodesEach } from './edits.ts';
import { differences, essenceOf } from './essence.ts';

/** How long a cluster may take to come to rest: a roll waits for minutes where a fault has held it up. */
const restMs = 600_000;

/** A real control plane with the operator's rights, and pullers on nodes of their own. */
export class SoakScene {
  readonly cluster: RealCluster;
  readonly #client: ConnectedClient;

  static async start(pullers: number): Promise<SoakScene> {
    const cluster = await RealCluster.start({ node: false });
    try {
      await cluster.addFakeNodes(nodesEach * pullers);
      // For every pod: the Deployments of the pullers are to be available.
      await cluster.kubectl(['taint', 'nodes', '--all', `${fakeNodeTaint.key}-`]);
      const apply = (items: readonly object[]) =>
        cluster.kubectl(
          ['apply', '--server-side', '-f', '-'],
          JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
        );
      await apply(installation(true));
      await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
      await apply(
        Array.from({ length: pullers }, (_, puller) => ({
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: namespaceOf(puller) },
        })),
      );
      return new SoakScene(cluster);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Only by `start()`. */
  private constructor(cluster: RealCluster) {
    this.cluster = cluster;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(cluster.kubeconfig());
    this.#client = createClient(kubeConfig, { clock: systemClock, userAgent: 'soak' });
  }

  /** The operator's own kubeconfig, for so many hours; `server` is another way to the cluster. */
  async kubeconfig(lifeHours: number, server = this.cluster.url): Promise<string> {
    const account = [operatorNamespace, operatorServiceAccount] as const;
    const text = await this.cluster.tokenKubeconfig(...account, lifeHours);
    return text.replace(this.cluster.url, server);
  }

  /** Creates the puller of this number, or changes its spec. */
  async apply(puller: number, spec: RawSpec): Promise<void> {
    const object = aPuller(spec, { namespace: namespaceOf(puller) });
    await this.#client.apply(imagePullers, object, { fieldManager: 'soak', force: true });
  }

  /** What the cluster holds of all pullers once they are Ready and nothing changes for ten seconds. */
  async atRest(): Promise<ReadonlyMap<string, string>> {
    const deadline = performance.now() + restMs;
    for (let before = await this.#essence(); ; ) {
      await delay(10_000);
      const now = await this.#essence();
      const moved = differences(before, now);
      const waiting = await this.#waiting();
      if (moved.length === 0 && waiting.length === 0) return now;
      if (performance.now() > deadline) {
        const lines = [...waiting.map((name) => `${name} is not Ready`), ...moved];
        throw new Error(`no rest within ${restMs / 1000} s:\n${lines.join('\n')}`);
      }
      before = now;
    }
  }

  async stop(): Promise<void> {
    await this.#client.close();
    await this.cluster.stop();
  }

  async #essence(): Promise<ReadonlyMap<string, string>> {
    const children = await Promise.all(
      childResources.map((resource) =>
        listAll(this.#client, resource, { labelSelector: childSelector }),
      ),
    );
    return essenceOf([...(await this.#pullers()), ...children.flat().filter(isOfPuller)]);
  }

  async #waiting(): Promise<readonly string[]> {
    const waiting = (await this.#pullers()).filter((puller) => !isReady(puller));
    return waiting.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  }

  #pullers(): Promise<readonly KubeObject[]> {
    return listAll(this.#client, imagePullers, {});
  }
}

function namespaceOf(puller: number): string {
  return `soak-${puller}`;
}

/** The operator's own installation carries the label as well. */
function isOfPuller({ metadata }: KubeObject): boolean {
  return metadata.namespace?.startsWith(namespaceOf(0).slice(0, -1)) ?? false;
}

function isReady({ metadata, status }: KubeObject & { readonly status?: unknown }): boolean {
  const { conditions = [], observedGeneration } = (status ?? {}) as ImagePullerStatus;
  return (
    observedGeneration === metadata.generation &&
    conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True')
  );
}
