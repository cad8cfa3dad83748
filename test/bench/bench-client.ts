import { KubeConfig } from '@kubernetes/client-node';
import type { RawSpec } from '../../src/api/types.ts';
import * as api from '../../src/api/types.ts';
import { sleep, systemClock } from '../../src/clock.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import { type ConnectedClient, createClient } from '../../src/kube/http-client.ts';
import { configMaps, type KubeObject, pods, type Resource } from '../../src/kube/objects.ts';
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
  readonly #child: Resource;
  readonly #children: Reflector;

  /** `child` is what an operator makes last for a puller. */
  constructor(rig: Rig, child: Resource) {
    this.rig = rig;
    this.#child = child;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(rig.kubeconfig);
    this.client = createClient(kubeConfig, {
      clock: systemClock,
      userAgent: 'bench',
      requestTimeoutMs: 60_000,
    });
    this.#children = new Reflector({
      client: this.client,
      resource: child,
      clock: systemClock,
      random: Math.random,
      log: silentLog,
    });
  }

  async start(): Promise<void> {
    await this.#children.start();
  }

  async stop(): Promise<void> {
    await this.#children.stop();
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

  /** Does something; resolves when this many namespaces have had a new child of a puller since. */
  async newChildren(count: number, act: () => Promise<void>): Promise<void> {
    const seen = new Set<string>();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const unsubscribe = this.#children.onChange(({ type, object }) => {
      if (type === 'added') seen.add(object.metadata.namespace ?? '');
      if (seen.size === count) resolve();
    });
    const cancel = systemClock.after(patienceMs, () =>
      reject(new Error(`${seen.size} of ${count} ${this.#child.plural} after ${patienceMs} ms`)),
    );
    try {
      await Promise.all([act(), promise]);
    } finally {
      unsubscribe();
      cancel();
    }
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
