import { imagePullers } from '../../src/controllers/keys.ts';
import { configMaps, type KubeObject } from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';
import { namespace } from './installation.ts';
import type { World } from './world.ts';

/** Something a user does. */
export type Act = (world: World) => void;

/** What users do with a cluster, one act after another, each when all is quiet. */
export interface Workload {
  readonly name: string;
  /** 1 by default. */
  readonly nodes?: number;
  readonly replicas?: number;
  /** Whether watches break in every way here: which workload it is matters little. */
  readonly isForWatches?: boolean;
  /** What was done before anything goes wrong. */
  readonly before: readonly Act[];
  readonly acts: readonly Act[];
}

type Spec = Parameters<typeof aPuller>[0];

const images = (...numbers: readonly number[]) =>
  numbers.map((number) => `i${number}=quay.io/example/image-${number}:1`).join(';');
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

const puller = (spec: Spec = {}, name = 'puller') =>
  aPuller({ images: images(1), ...spec }, { name });
const apply =
  (...objects: readonly KubeObject[]): Act =>
  (world) =>
    world.apply(...objects);
const remove =
  (name: string): Act =>
  (world) =>
    world.remove(imagePullers, name);

const others = { configMapName: 'other', deploymentName: 'other', daemonsetName: 'other' };
const foreign: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'k8s-image-puller', namespace },
  data: { theirs: 'yes' },
};

/** The puller's Role, as somebody makes it who wants the puller to have no rights. */
const powerless: KubeObject = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name: 'kubernetes-image-puller-report', namespace },
  rules: [],
};

export const workloads: readonly Workload[] = [
  { name: 'create', nodes: 3, before: [], acts: [apply(puller())] },
  {
    name: 'edit the list',
    nodes: 2,
    isForWatches: true,
    before: [apply(puller())],
    acts: [apply(puller({ images: images(1, 2) }))],
  },
  {
    name: 'empty the list',
    before: [apply(puller())],
    acts: [apply(puller({ images: '' }))],
  },
  {
    name: 'rename',
    nodes: 3,
    isForWatches: true,
    before: [apply(puller())],
    acts: [
      apply(puller({ daemonsetName: 'cache', deploymentName: 'pulls', configMapName: 'settings' })),
    ],
  },
  {
    name: 'replace',
    before: [apply(puller())],
    acts: [
      (world) => {
        world.remove(imagePullers, 'puller');
        world.apply(puller({ images: images(2) }));
      },
    ],
  },
  {
    name: 'made anew',
    before: [apply(puller())],
    acts: [
      (world) => {
        world.remove(imagePullers, 'puller');
        world.apply(puller());
      },
    ],
  },
  {
    name: 'a slip',
    before: [apply(puller())],
    acts: [
      (world) => {
        world.apply(puller({ nodeSelector: '{' }));
        world.apply(puller());
      },
    ],
  },
  {
    name: 'a child that is edited',
    before: [apply(puller())],
    acts: [apply(powerless)],
  },
  { name: 'delete', nodes: 2, before: [apply(puller())], acts: [remove('puller')] },
  {
    name: 'resources',
    nodes: 5,
    before: [apply(puller())],
    acts: [apply(puller({ cachingMemoryRequest: '20Mi', cachingMemoryLimit: '40Mi' }))],
  },
  {
    name: 'a bad value and back',
    before: [apply(puller())],
    acts: [apply(puller({ nodeSelector: '{', images: images(1, 3) })), apply(puller())],
  },
  {
    name: 'a change of mind',
    before: [apply(puller())],
    acts: [
      (world) => {
        world.apply(puller({ nodeSelector: '{' }));
        // While the operator works on the first one.
        world.scheduler.after(2, () =>
          world.apply(puller({ images: images(1), configMapName: 'c' })),
        );
      },
    ],
  },
  {
    name: 'two pullers',
    nodes: 4,
    before: [apply(puller()), apply(puller({ ...others, images: images(4) }, 'other'))],
    acts: [apply(puller({ images: images(4) }, 'other')), remove('puller')],
  },
  {
    name: 'a name that is taken',
    before: [apply(foreign)],
    acts: [apply(puller()), (world) => world.remove(configMaps, 'k8s-image-puller')],
  },
  {
    name: 'shards',
    nodes: 2,
    before: [apply(puller({ images: images(...upTo(40)), cachingCPURequest: '1m' }))],
    acts: [
      (world) => {
        // It belongs to the new part, whose other images come after it.
        world.cluster.workloads.registry('quay.io').push('example/image-40:1', { pullMs: 4_000 });
        world.apply(puller({ images: images(...upTo(41)), cachingCPURequest: '1m' }));
      },
    ],
  },
  {
    name: 'nodes that do not answer',
    nodes: 5,
    before: [apply(puller()), (world) => world.setReachable('node-5', false)],
    acts: [
      (world) => {
        world.setReachable('node-2', false);
        world.apply(puller({ images: images(1, 2) }));
      },
      (world) => world.setReachable('node-2', true),
    ],
  },
  {
    name: 'a full disk',
    nodes: 4,
    before: [apply(puller())],
    acts: [
      (world) => {
        world.setDiskPressure('node-2', true);
        world.apply(puller({ images: images(1, 2) }));
      },
      (world) => world.setDiskPressure('node-2', false),
    ],
  },
  {
    name: 'two replicas',
    nodes: 2,
    replicas: 2,
    before: [apply(puller())],
    acts: [apply(puller({ images: images(1, 3) }))],
  },
];

/** The workload of that name. */
export function workloadNamed(name: string): Workload {
  const found = workloads.find((workload) => workload.name === name);
  if (found === undefined) {
    throw new Error(
      `no workload "${name}": there is ${workloads.map((each) => each.name).join(', ')}`,
    );
  }
  return found;
}
