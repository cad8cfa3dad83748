import { KubeConfig } from '@kubernetes/client-node';
import type { RawSpec } from '../../src/api/types.ts';
import * as api from '../../src/api/types.ts';
import { sleep, systemClock } from '../../src/clock.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import { type ConnectedClient, createClient } from '../../src/kube/http-client.ts';
import { listAll } from '../../src/kube/list-all.ts';
import {
  configMaps,
  deployments,
  type KubeObject,
  pods,
  type Resource,
} from '../../src/kube/objects.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { silentLog } from '../../src/log.ts';
import { defaultConfigMapName } from '../../src/manifests/names.ts';
import { rest } from './rest.ts';
import type { Rig } from './rig.ts';

const namespaces: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

/** A puller in the namespace of its own name. */
export function puller(name: string, spec: RawSpec): KubeObject {
  return {
    apiVersion: api.apiVersion,
    kind: api.kind,
    metadata: { name, namespace: name },
    spec,
  };
}

/** A lean list, and the same with one image exchanged. */
export const lists = {
  two: 'tools=quay.io/example/tools:1;shell=quay.io/example/shell:2',
  other: 'tools=quay.io/example/tools:1;more=quay.io/example/more:1',
} as const;

/** Fields of a spec that chooses no node, for a puller without pods: many nodes would be measured instead. */
export const nowhere: RawSpec = { nodeSelector: '{"bench/node":"none"}' };

/** How long a thing may take on a machine that has other things to do. */
const patienceMs = 600_000;

/** An administrator who makes pullers and sees what becomes of them. */
export class Bench {
  readonly rig: Rig;
  readonly client: ConnectedClient;
  /** What the operator makes last for a puller, in this order. */
  readonly lastChildren: readonly Resource[];
  readonly #children: readonly Reflector[];

  constructor(rig: Rig, lastChildren: readonly Resource[]) {
    this.rig = rig;
    this.lastChildren = lastChildren;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(rig.kubeconfig);
    this.client = createClient(kubeConfig, {
      clock: systemClock,
      userAgent: 'bench',
      requestTimeoutMs: 60_000,
    });
    this.#children = lastChildren.map(
      (resource) =>
        new Reflector({
          client: this.client,
          resource,
          clock: systemClock,
          random: Math.random,
          log: silentLog,
        }),
    );
  }

  async start(): Promise<void> {
    for (const children of this.#children) await children.start();
  }

  async stop(): Promise<void> {
    for (const children of this.#children) await children.stop();
    await this.client.close();
  }

  async makeNamespace(name: string): Promise<void> {
    await this.client.create(namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    });
  }

  /** Creates a puller, or changes its spec. */
  async apply(object: KubeObject): Promise<void> {
    await this.client.apply(imagePullers, object, { fieldManager: 'bench', force: true });
  }

  /** Makes news of a puller that concerns nobody. */
  async annotate(name: string): Promise<void> {
    const annotations = { 'bench/seen': String(performance.now()) };
    const metadata = { name, namespace: name, annotations };
    const { apiVersion, kind } = api;
    const options = { fieldManager: 'bench-annotations', force: true };
    await this.client.apply(imagePullers, { apiVersion, kind, metadata }, options);
  }

  /** Deletes a puller; resolves when the pods in its namespace are gone. */
  async remove(name: string): Promise<void> {
    const live = await this.client.get(imagePullers, name, name);
    if (live !== undefined) await this.client.remove(imagePullers, live);
    const areGone = async () =>
      (await this.client.list(pods, { namespace: name, limit: 1 })).items.length === 0;
    await this.until(`the pods of ${name} to go`, areGone, { everyMs: 500 });
  }

  /**
   * Does something; resolves when so many namespaces have had a new object of each of the last kinds of
   * children since, with the milliseconds until then, by kind.
   */
  async newChildren(count: number, act: () => Promise<void>): Promise<readonly number[]> {
    const awaited = this.#children.map((children) => newObjects(children, count));
    const [, ...times] = await Promise.all([act(), ...awaited]);
    return times;
  }

  /** Does something; resolves when a new object of the first of the last kinds of children is there. */
  async newChild(act: () => Promise<void>): Promise<void> {
    const awaited = this.#children.slice(0, 1).map((children) => newObjects(children, 1));
    await Promise.all([act(), ...awaited]);
  }

  /** Resolves when a puller is Ready with the spec that it has. */
  async ready(name: string): Promise<void> {
    await this.until(`${name} to be Ready`, async () => {
      const live = await this.client.get(imagePullers, name, name);
      const { conditions = [] } = (live?.['status'] ?? {}) as api.ImagePullerStatus;
      return conditions.some(
        ({ type, status, observedGeneration }) =>
          type === 'Ready' && status === 'True' && observedGeneration === live?.metadata.generation,
      );
    });
  }

  /** Takes the ConfigMap away that an operator keeps for a puller. */
  async removeConfigMap(name: string): Promise<void> {
    const configMap = await this.client.get(configMaps, name, defaultConfigMapName);
    if (configMap === undefined) throw new Error(`there is no ConfigMap in ${name}`);
    await this.client.remove(configMaps, configMap);
  }

  /** Resolves when the ConfigMap is there again that was taken away. */
  async configMapAgain(name: string): Promise<void> {
    await this.until(`the ConfigMap of ${name} to be there again`, async () => {
      return (await this.client.get(configMaps, name, defaultConfigMapName)) !== undefined;
    });
  }

  /** Resolves when every Deployment has the pods that it asks for: until then there will be news. */
  async deployed(): Promise<void> {
    await this.until(
      'the Deployments to have their pods',
      async () => {
        const all = await listAll(this.client, deployments, {});
        return all.every((deployment) => {
          const { replicas = 1 } = deployment['spec'] as { replicas?: number };
          const { readyReplicas = 0 } = (deployment['status'] ?? {}) as { readyReplicas?: number };
          return readyReplicas === replicas;
        });
      },
      { everyMs: 2_000 },
    );
  }

  /** Resolves when the operator has come to rest. */
  async quiet(): Promise<void> {
    await rest(this.rig, systemClock);
  }

  /** Resolves when a condition holds, looked at every few milliseconds, or as often as is said. */
  async until(
    what: string,
    condition: () => Promise<boolean>,
    { timeoutMs = patienceMs, everyMs = 5 } = {},
  ): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await condition())) {
      if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
      await sleep(systemClock, everyMs);
    }
  }
}

/** Resolves when so many namespaces have had a new object since this was called; how long that took. */
async function newObjects(objects: Reflector, count: number): Promise<number> {
  const begun = performance.now();
  const seen = new Set<string>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const unsubscribe = objects.onChange(({ type, object }) => {
    if (type === 'added') seen.add(object.metadata.namespace ?? '');
    if (seen.size === count) resolve();
  });
  const cancel = systemClock.after(patienceMs, () =>
    reject(new Error(`waited ${patienceMs} ms for new children: ${seen.size} of ${count}`)),
  );
  try {
    await promise;
    return performance.now() - begun;
  } finally {
    unsubscribe();
    cancel();
  }
}
