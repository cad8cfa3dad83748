import type { Condition, ImagePullerStatus, RawSpec } from '../../src/api/types.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import {
  configMaps,
  coreEvents,
  daemonSets,
  deployments,
  type KubeObject,
  leases,
  type Resource,
  roleBindings,
  roles,
  serviceAccounts,
} from '../../src/kube/objects.ts';
import { leaseName } from '../../src/manifests/names.ts';
import { operatorNamespace } from '../../src/manifests/operator.ts';
import { aPuller } from '../pullers.ts';

/** A cluster with one node and an operator, as an administrator has it at hand. */
export interface World {
  /** How nodes refer to an image. */
  reference(name: string): string;
  apply(object: KubeObject): Promise<void>;
  /** Deletes an object that is there, without waiting for its end. */
  remove(resource: Resource, name: string): Promise<void>;
  get(resource: Resource, name: string, namespace?: string): Promise<KubeObject | undefined>;
  list(resource: Resource): Promise<readonly KubeObject[]>;
  /** Lets time pass until the condition holds; false where it did not within this time. */
  until(condition: () => Promise<boolean>, withinMs: number): Promise<boolean>;
}

/** Where all of it happens, but for the lease. */
export const namespace = 'workspaces';

/** Something that an operator is to do, told by its story. */
export interface Step {
  readonly name: string;
  /** What happens first; nothing, where the operator is to do something by itself. */
  readonly begin?: (world: World) => Promise<void>;
  readonly isSeen: (world: World) => Promise<boolean>;
  readonly withinMs?: number;
}

/** Whatever it is, an operator does it within this time. */
const usualMs = 20_000;
/** The count of an Event that comes again is written once a minute. */
const countsMs = 80_000;

const names = { daemonsetName: 'cache', configMapName: 'settings', deploymentName: 'keeper' };
const newNames = {
  daemonsetName: 'cache-2',
  configMapName: 'settings-2',
  deploymentName: 'keeper-2',
};

/** The name of each child of a puller with the names above. */
const childrenOf = (it: typeof names): readonly (readonly [Resource, string])[] => [
  [daemonSets, it.daemonsetName],
  [serviceAccounts, `${it.deploymentName}-image-puller`],
  [roles, `${it.deploymentName}-report`],
  [roleBindings, `${it.deploymentName}-report`],
  [configMaps, it.configMapName],
  [configMaps, `${it.deploymentName}-report`],
  [deployments, it.deploymentName],
];

const pullerOf = (world: World, images: readonly string[], spec: RawSpec, name = 'first') => {
  const list = images.map((image) => `${image}=${world.reference(image)}`).join(';');
  return aPuller({ images: list, ...spec }, { name, namespace });
};

const statusOf = async (world: World, name: string): Promise<ImagePullerStatus> =>
  ((await world.get(imagePullers, name, namespace))?.['status'] ?? {}) as ImagePullerStatus;

const condition = async (world: World, type: string, name = 'first') => {
  const status = await statusOf(world, name);
  return status.conditions?.find((each: Condition) => each.type === type);
};

/** Everything is as the spec has it now, and seen by the pods themselves. */
const isDone = async (world: World, images: number): Promise<boolean> => {
  const puller = await world.get(imagePullers, 'first', namespace);
  const status = (puller?.['status'] ?? {}) as ImagePullerStatus;
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return (
    ready?.status === 'True' &&
    ready.observedGeneration === puller?.metadata.generation &&
    status.images?.length === images &&
    status.images.every(({ nodesReady }) => nodesReady === 1)
  );
};

const lease = (world: World) => world.get(leases, leaseName, operatorNamespace);
const holderOf = (object: KubeObject | undefined) =>
  (object?.['spec'] as { readonly holderIdentity?: string } | undefined)?.holderIdentity ?? '';

/** The Events of this reason, as they were told or counted last. */
const told = async (world: World, reason: string) =>
  (await world.list(coreEvents)).filter((event) => event['reason'] === reason);

/** Deletes a child, which is to come back as another object. */
function comesBack([resource, name]: readonly [Resource, string]): Step {
  let before: string | undefined;
  return {
    name: `brings back the ${resource.kind} ${name}`,
    begin: async (world) => {
      before = (await world.get(resource, name, namespace))?.metadata.uid;
      await world.remove(resource, name);
    },
    isSeen: async (world) => {
      const uid = (await world.get(resource, name, namespace))?.metadata.uid;
      return uid !== undefined && uid !== before;
    },
  };
}

const quota = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'none', namespace },
  spec: { hard: { pods: '0' } },
};
const quotas = { ...configMaps, plural: 'resourcequotas', kind: 'ResourceQuota' };

/** Of a puller that exists no more; it stays, as somebody else holds it. */
const orphan: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'orphan',
    namespace,
    finalizers: ['example.com/held'],
    ownerReferences: [
      {
        apiVersion: 'che.eclipse.org/v1alpha1',
        kind: 'KubernetesImagePuller',
        name: 'gone',
        uid: '00000000-0000-4000-8000-000000000000',
        controller: true,
      },
    ],
  },
};

/**
 * An operator at work, in as few steps as use all of its rights. The same on the embedded cluster, where
 * each right is taken away in turn, and on the real one, whose audit log tells which were used.
 */
export function journey(): readonly Step[] {
  let renewed: string | undefined;
  return [
    { name: 'takes the lease', isSeen: async (world) => holderOf(await lease(world)) !== '' },
    {
      name: 'renews the lease',
      begin: async (world) => {
        renewed = (await lease(world))?.metadata.resourceVersion;
      },
      isSeen: async (world) => (await lease(world))?.metadata.resourceVersion !== renewed,
    },
    {
      name: 'puts an image on the node',
      begin: (world) => world.apply(pullerOf(world, ['a'], names)),
      isSeen: async (world) => (await condition(world, 'Ready'))?.status === 'True',
    },
    {
      name: 'sees by the pods that it is there',
      isSeen: async (world) =>
        (await isDone(world, 1)) && (await condition(world, 'Degraded'))?.status === 'False',
    },
    {
      name: 'tells of it by an Event',
      isSeen: async (world) => (await told(world, 'ImagesCached')).length > 0,
    },
    ...childrenOf(names).map(comesBack),
    {
      name: 'follows an edit',
      begin: (world) => world.apply(pullerOf(world, ['a', 'b'], names)),
      isSeen: (world) => isDone(world, 2),
    },
    {
      name: 'finds that an owner is gone',
      begin: async (world) => {
        await world.apply(orphan);
        await world.apply(pullerOf(world, ['a'], { configMapName: 'orphan' }, 'second'));
      },
      isSeen: async (world) => {
        const ready = await condition(world, 'Ready', 'second');
        return ready?.reason === 'WaitingForDeletion' && ready.message.includes('which is gone');
      },
    },
    {
      name: 'removes what has another name now',
      begin: (world) => world.apply(pullerOf(world, ['a', 'b'], newNames)),
      isSeen: async (world) => {
        const old = childrenOf(names).map(([resource, name]) =>
          world.get(resource, name, namespace),
        );
        return (await isDone(world, 2)) && (await Promise.all(old)).every((each) => !each);
      },
    },
    {
      name: 'follows an edit that takes an image away',
      begin: (world) => world.apply(pullerOf(world, ['a'], newNames)),
      isSeen: (world) => isDone(world, 1),
    },
    {
      name: 'counts an Event that comes again',
      begin: (world) => world.apply(pullerOf(world, ['a', 'b'], newNames)),
      isSeen: async (world) =>
        (await told(world, 'ImagesCached')).some((event) => event['series'] !== undefined),
      withinMs: countsMs,
    },
    {
      name: 'is under a quota',
      begin: (world) => world.apply(quota),
      isSeen: async (world) =>
        (await world.get(quotas, 'none', namespace))?.['status'] !== undefined,
    },
    {
      name: 'says why pods are refused',
      begin: (world) =>
        world.apply(
          pullerOf(
            world,
            ['b'],
            { daemonsetName: 'refused', configMapName: 'c', deploymentName: 'd' },
            'third',
          ),
        ),
      isSeen: async (world) =>
        (await condition(world, 'Ready', 'third'))?.reason === 'QuotaExceeded',
      withinMs: 40_000,
    },
  ];
}

/** The first step that an operator does not get through; undefined where it comes to the end. */
export async function firstFailure(
  world: World,
  steps: readonly Step[],
): Promise<string | undefined> {
  for (const { name, begin, isSeen, withinMs = usualMs } of steps) {
    await begin?.(world);
    if (!(await world.until(() => isSeen(world), withinMs))) return name;
  }
  return undefined;
}
