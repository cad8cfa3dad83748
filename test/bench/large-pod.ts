import type { FieldTree, KubeObject, ObjectMeta, OwnerReference } from '../../src/kube/objects.ts';

/** What all pods of a DaemonSet have in common. */
export interface PodTemplate {
  readonly metadata?: ObjectMeta;
  readonly spec: {
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
}

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly [field: string]: unknown;
}

/** One of them. */
export interface PodIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion?: string;
  /** Absent while it has none. */
  readonly node?: string;
  /** How many of its containers run. */
  readonly running: number;
}

const createdAt = '2026-01-01T00:00:00Z';
const startedAt = '2026-01-01T00:00:09Z';

const digest = (index: number) => index.toString(16).padStart(64, '0');

/**
 * Pods of a DaemonSet as kubelet, scheduler and DaemonSet controller leave them on a real node, managed
 * fields and all: 70 kB of JSON for 40 containers. What they have in common is one object in memory, so
 * that thousands of them fit.
 */
export class LargePods {
  readonly #template: PodTemplate;
  readonly #owner: OwnerReference;
  readonly #managedFields: ObjectMeta['managedFields'];
  readonly #statuses = new Map<string, object>();

  constructor(template: PodTemplate, owner: OwnerReference) {
    this.#template = template;
    this.#owner = owner;
    const { containers, initContainers = [] } = template.spec;
    const owned = fieldTree({ spec: { containers, initContainers } });
    const entry = { operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1' } as const;
    this.#managedFields = [
      { manager: 'kube-controller-manager', ...entry, time: createdAt, fieldsV1: owned },
    ];
  }

  pod({ name, namespace, uid, resourceVersion, node, running }: PodIdentity): KubeObject {
    const { metadata, spec } = this.#template;
    return {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: {
        name,
        generateName: `${this.#owner.name}-`,
        namespace,
        uid,
        ...(resourceVersion !== undefined && { resourceVersion }),
        creationTimestamp: createdAt,
        labels: { ...metadata?.labels, 'controller-revision-hash': '6d4cf56db6' },
        ownerReferences: [this.#owner],
        managedFields: this.#managedFields ?? [],
      },
      spec: { ...spec, ...(node !== undefined && { nodeName: node }) },
      status: this.#status(running, node !== undefined),
    };
  }

  #status(running: number, isScheduled: boolean): object {
    const key = `${running} ${isScheduled}`;
    const known = this.#statuses.get(key);
    const status = known ?? podStatus(this.#template, running, isScheduled);
    this.#statuses.set(key, status);
    return status;
  }
}

function podStatus({ spec }: PodTemplate, running: number, isScheduled: boolean): object {
  const { containers, initContainers = [] } = spec;
  if (!isScheduled) return { phase: 'Pending' };
  const isReady = running === containers.length;
  return {
    phase: isReady ? 'Running' : 'Pending',
    conditions: [
      condition('PodReadyToStartContainers', true),
      condition('Initialized', true),
      condition('Ready', isReady),
      condition('ContainersReady', isReady),
      condition('PodScheduled', true),
    ],
    hostIP: '10.1.2.3',
    podIP: '10.2.3.4',
    podIPs: [{ ip: '10.2.3.4' }],
    startTime: createdAt,
    initContainerStatuses: initContainers.map((container, index) => ({
      ...statusOf(container, index + 1_000, true),
      state: { terminated: { exitCode: 0, reason: 'Completed', startedAt, finishedAt: startedAt } },
      ready: true,
    })),
    containerStatuses: containers.map((container, index) => {
      const isRunning = index < running;
      return {
        ...statusOf(container, index, isRunning),
        state: isRunning
          ? { running: { startedAt } }
          : { waiting: { reason: 'ContainerCreating' } },
        ready: isRunning,
        started: isRunning,
      };
    }),
    qosClass: 'Burstable',
  };
}

/** The kubelet tells what a container is made from once there is one. */
function statusOf(
  { name, image = '', resources, volumeMounts }: Container,
  index: number,
  exists: boolean,
) {
  const mounts = (volumeMounts ?? []) as readonly object[];
  return {
    name,
    image,
    lastState: {},
    restartCount: 0,
    imageID: exists ? `${image.replace(/:[^/]*$/, '')}@sha256:${digest(index)}` : '',
    ...(exists && { containerID: `containerd://${digest(index * 7919)}` }),
    allocatedResources: (resources as { requests?: object } | undefined)?.requests ?? {},
    resources,
    volumeMounts: mounts.map((mount) => ({ ...mount, recursiveReadOnly: 'Disabled' })),
    user: { linux: { uid: 65532, gid: 65532, supplementalGroups: [65532] } },
  };
}

function condition(type: string, isTrue: boolean) {
  return {
    type,
    status: isTrue ? 'True' : 'False',
    lastProbeTime: null,
    lastTransitionTime: startedAt,
  };
}

/** The fields of a value as managed fields name them; lists of named things by their names. */
function fieldTree(value: object): FieldTree {
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]: [string, unknown]) => [`f:${field}`, treeOf(inner)]),
  );
}

function treeOf(value: unknown): FieldTree {
  if (typeof value !== 'object' || value === null) return {};
  if (!Array.isArray(value)) return fieldTree(value);
  const named = value.filter((each) => typeof each?.name === 'string') as { name: string }[];
  return Object.fromEntries(
    named.map((each) => [`k:{"name":"${each.name}"}`, { '.': {}, ...fieldTree(each) }]),
  );
}
