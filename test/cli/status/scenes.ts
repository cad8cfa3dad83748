import { parseSpec } from '../../../src/api/parse.ts';
import type { Condition, ImagePullerStatus, RawSpec } from '../../../src/api/types.ts';
import { type PullerReport, report } from '../../../src/cli/status/report.ts';
import type { Reading, Seen } from '../../../src/cli/status/seen.ts';
import { daemonSets, type KubeObject } from '../../../src/kube/objects.ts';
import { children } from '../../../src/manifests/children.ts';
import { fieldManager } from '../../../src/manifests/names.ts';
import { projectPod } from '../../../src/status/pods.ts';
import { aPuller } from '../../pullers.ts';

/** When everything is looked at. */
export const now = Date.parse('2026-01-01T12:00:00Z');

const longAgo = '2026-01-01T00:00:00Z';

/** How an image is drawn on each node: `#` held, `.` being pulled, `x` not there to be pulled. */
export type Drawn = Readonly<Record<string, string>>;

export interface SceneOptions {
  readonly name?: string;
  readonly namespace?: string;
  readonly conditions?: readonly Condition[];
  readonly status?: ImagePullerStatus;
  /** The generation of the spec; that of the status is 1. */
  readonly generation?: number;
  readonly spec?: RawSpec;
  readonly metadata?: KubeObject['metadata'];
  /** Changes of pods, by node. */
  readonly pods?: Readonly<Record<string, (pod: KubeObject) => KubeObject>>;
  /** Of nodes that are selected and have no pod. */
  readonly nodesWithoutPod?: number;
}

/** Everything that is read of a puller whose images are on the nodes as they are drawn. */
export function seenOf(drawn: Drawn, options: SceneOptions = {}): Seen {
  const { name = 'puller', namespace = 'workspaces', conditions = ready, generation = 1 } = options;
  const images = Object.keys(drawn).map((image) => `${image}=quay.io/example/${image}:1`);
  const spec: RawSpec = { images: images.join(';') || '{}', ...options.spec };
  const puller: KubeObject = {
    ...aPuller(spec, { name, namespace, uid: `${name}-uid`, generation, ...options.metadata }),
    status: { observedGeneration: 1, conditions, ...options.status },
  };
  const objects = childrenOf(puller, spec);
  const nodes = [...(Object.values(drawn)[0] ?? '')].map((_, index) => `node-${index + 1}`);
  const sets = objects
    .filter(({ kind }) => kind === daemonSets.kind)
    .map((object) => rolled(object, nodes.length, nodes.length + (options.nodesWithoutPod ?? 0)));
  const pods = sets.flatMap((set) =>
    nodes.map((node, index) => {
      const pod = aPod(set, node, { drawn, index });
      return projectPod(options.pods?.[node]?.(pod) ?? pod);
    }),
  );
  return {
    pullers: reading([puller]),
    daemonSets: reading(sets),
    deployments: reading(objects.filter(({ kind }) => kind === 'Deployment')),
    pods: reading(pods),
    events: reading([]),
  };
}

/** What is told of a puller whose images are on the nodes as they are drawn. */
export function reportOf(drawn: Drawn, options: SceneOptions = {}): PullerReport {
  const [puller] = report(seenOf(drawn, options), now).pullers;
  if (puller === undefined) throw new Error('a puller was seen and nothing is told of it');
  return puller;
}

export function reading<Read extends KubeObject>(objects: readonly Read[]): Reading<Read> {
  return { objects, error: undefined };
}

export function aCondition(
  type: string,
  status: Condition['status'],
  reason: string,
  message = `${reason} in words`,
): Condition {
  return {
    type,
    status,
    reason,
    message,
    lastTransitionTime: longAgo,
    observedGeneration: 1,
  };
}

export const ready: readonly Condition[] = [
  aCondition('Ready', 'True', 'AllResourcesReady'),
  aCondition('Progressing', 'False', 'ReconcileComplete'),
  aCondition('Degraded', 'False', 'ReconcileComplete'),
];

export const pulling: readonly Condition[] = [
  aCondition('Ready', 'False', 'ImagesPulling'),
  aCondition('Progressing', 'True', 'ImagesPulling'),
  aCondition('Degraded', 'False', 'ReconcileComplete'),
  aCondition('Reconciling', 'True', 'ImagesPulling'),
];

export const stalled: readonly Condition[] = [
  aCondition('Ready', 'False', 'ImagesFailing'),
  aCondition('Progressing', 'False', 'ImagesFailing'),
  aCondition('Degraded', 'True', 'ImagesFailing', 'bad (quay.io/example/bad:1) cannot be pulled'),
  aCondition('Stalled', 'True', 'ImagesFailing'),
];

/** The digest that every node has of an image. */
export function digestOf(image: string): string {
  return `sha256:${Buffer.from(image).toString('hex').padEnd(64, '0')}`;
}

function childrenOf(puller: KubeObject, raw: RawSpec): readonly KubeObject[] {
  const { name = '', namespace = '', uid = '' } = puller.metadata;
  const settings = {
    operatorImage: 'quay.io/example/operator:1',
    sleeperImage: 'quay.io/example/sleeper:1',
    maxSurge: '10%',
    openshift: false,
    allowedRegistries: [],
  };
  const { spec } = parseSpec(raw, { maxImages: 500 });
  return children({ puller: { name, namespace, uid }, raw, spec, settings }).map(({ body }) => ({
    ...body,
    metadata: { ...body.metadata, uid: `${name}-${body.kind}-${body.metadata.name}` },
  }));
}

function rolled(daemonSet: KubeObject, pods: number, desired: number): KubeObject {
  return {
    ...daemonSet,
    metadata: { ...daemonSet.metadata, generation: 1 },
    status: {
      observedGeneration: 1,
      desiredNumberScheduled: desired,
      currentNumberScheduled: pods,
      updatedNumberScheduled: pods,
      numberAvailable: pods,
    },
  };
}

function aPod(
  daemonSet: KubeObject,
  node: string,
  { drawn, index }: { readonly drawn: Drawn; readonly index: number },
): KubeObject {
  const { name = '', namespace = '', uid = '' } = daemonSet.metadata;
  const { spec } = (daemonSet['spec'] as { template: { spec: PodSpec } }).template;
  const signs = spec.containers.map((container) => ({
    container,
    sign: drawn[container.name]?.[index] ?? '.',
  }));
  const isReady = signs.every(({ sign }) => sign === '#');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-${node}`,
      namespace,
      uid: `${name}-${node}`,
      resourceVersion: '1',
      creationTimestamp: longAgo,
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name, uid, controller: true }],
    },
    spec: { ...spec, nodeName: node },
    status: {
      phase: isReady ? 'Running' : 'Pending',
      conditions: [
        { type: 'PodScheduled', status: 'True', lastTransitionTime: longAgo },
        ...['Ready', 'ContainersReady'].map((type) => ({
          type,
          status: isReady ? 'True' : 'False',
          lastTransitionTime: longAgo,
        })),
      ],
      containerStatuses: signs.map(({ container, sign }) => ({
        name: container.name,
        image: container.image,
        ...(sign === '#' && {
          imageID: `quay.io/example/${container.name}@${digestOf(container.name)}`,
        }),
        state: states[sign] ?? {},
      })),
    },
  };
}

interface PodSpec {
  readonly containers: readonly { readonly name: string; readonly image: string }[];
}

const states: Readonly<Record<string, object>> = {
  '#': { running: { startedAt: longAgo } },
  '.': { waiting: { reason: 'ContainerCreating' } },
  x: {
    waiting: {
      reason: 'ErrImagePull',
      message: 'failed to do request: Head "https://quay.io/v2/": 401 Unauthorized',
    },
  },
};

/** A pod that a node has thrown out. */
export function evicted(message: string): (pod: KubeObject) => KubeObject {
  return (pod) => ({ ...pod, status: { phase: 'Failed', reason: 'Evicted', message } });
}

/** A pod on a node that the node-lifecycle controller no longer hears of. */
export function unheard(pod: KubeObject): KubeObject {
  const status = pod['status'] as { readonly conditions: readonly { readonly type: string }[] };
  const conditions = status.conditions.map((condition) =>
    condition.type === 'Ready' ? { ...condition, status: 'False' } : condition,
  );
  return { ...pod, status: { ...status, conditions } };
}

/** A pod that the scheduler finds no room for. */
export function unplaced(message: string): (pod: KubeObject) => KubeObject {
  return (pod) => {
    const { nodeName, ...spec } = pod['spec'] as { readonly nodeName: string };
    const terms = [{ matchFields: [{ key: 'metadata.name', values: [nodeName] }] }];
    return {
      ...pod,
      spec: {
        ...spec,
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
          },
        },
      },
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
      },
    };
  };
}

/** An object that the operator changed last at that time. */
export function changed(object: KubeObject, time: string): KubeObject {
  const ours = { manager: fieldManager, operation: 'Apply', apiVersion: 'apps/v1', time } as const;
  return { ...object, metadata: { ...object.metadata, managedFields: [ours] } };
}

/** Pods that could not be created, as the DaemonSet controller tells of them. */
export function failedCreate(daemonSet: KubeObject, message: string, at = longAgo): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `event-${at}`, namespace: 'workspaces' },
    involvedObject: { kind: 'DaemonSet', uid: daemonSet.metadata.uid },
    reason: 'FailedCreate',
    message,
    lastTimestamp: at,
  };
}
