import type { CachedImage, ImagePullerStatus, PullerSpec } from '../../src/api/types.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { isSettled, type Observed } from '../../src/status/facts.ts';
import {
  type Observation,
  type ObservationInput,
  observation,
} from '../../src/status/observation.ts';
import { projectPod } from '../../src/status/pods.ts';
import type { Refusal } from '../../src/status/refusals.ts';
import { type Summary, summary } from '../../src/status/summarize.ts';

/** A moment of the tests, and times before it. */
export const now = Date.parse('2026-01-01T12:00:00Z');
const second = 1000;
export const minute = 60 * second;

export const timeAt = (ms: number) => new Date(ms).toISOString();

/** Two images, called as a user would. */
export const images: readonly CachedImage[] = [
  { container: 'my-image', reference: 'registry.example/x:1', names: ['my_Image'] },
  { container: 'tools', reference: 'registry.example/y:2', names: ['tools'] },
];

/** `sha256:` and 64 times the digit. */
export const digest = (digit: string) => `sha256:${digit.repeat(64)}`;

/** What a kubelet says of a container, by container name; those that are not named run. */
export type Said = Readonly<Record<string, object>>;

export const running = { state: { running: { startedAt: timeAt(now - minute) } } };
export const creating = { state: { waiting: { reason: 'ContainerCreating' } }, imageID: '' };
/** The kubelet says nothing of it. */
export const unspoken = {};

/** A container that waits for a reason, with a message. */
export function waiting(reason: string, message = '', more: object = {}): object {
  return { state: { waiting: { reason, message } }, imageID: '', ...more };
}

export const unauthorized = waiting(
  'ErrImagePull',
  'failed to pull and unpack image "registry.example/x:1": failed to resolve reference ' +
    '"registry.example/x:1": unexpected status from HEAD request to https://registry.example/v2/x/manifests/1: 401 Unauthorized',
);

/** How a pod differs from one that was made an hour ago and runs. */
export interface PodTraits {
  readonly said?: Said;
  readonly images?: readonly CachedImage[];
  readonly uid?: string;
  readonly owner?: string;
  readonly createdAt?: number;
  /** Which generation of the template of its DaemonSet it is of; the present one is 2. */
  readonly template?: number;
  readonly conditions?: readonly object[];
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
}

/** A pod of the DaemonSet `cache` on a node, as the API server shows it. */
export function aPod(node: string, traits: PodTraits = {}): KubeObject {
  const { said = {}, owner = 'd1', createdAt = now - 60 * minute } = traits;
  const list = traits.images ?? images;
  const statuses = list
    .filter(({ container }) => said[container] !== unspoken)
    .map(({ container, reference }) => ({
      name: container,
      image: reference,
      imageID: `registry.example/z@${digest('a')}`,
      ...running,
      ...said[container],
    }));
  const isReady =
    statuses.length === list.length && statuses.every(({ state }) => 'running' in state);
  const at = timeAt(createdAt);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `cache-${traits.uid ?? node}`,
      namespace: 'workspaces',
      uid: `uid-of-${traits.uid ?? node}`,
      resourceVersion: '7',
      creationTimestamp: at,
      labels: { test: 'daemonset-test', 'pod-template-generation': `${traits.template ?? 2}` },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'cache', uid: owner, controller: true },
      ],
      ...traits.metadata,
    },
    spec: {
      nodeName: node,
      containers: list.map(({ container, reference }) => ({ name: container, image: reference })),
      ...traits.spec,
    },
    status: {
      phase: isReady ? 'Running' : 'Pending',
      conditions: traits.conditions ?? [
        { type: 'PodScheduled', status: 'True', lastTransitionTime: at },
        { type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: at },
        { type: 'ContainersReady', status: isReady ? 'True' : 'False', lastTransitionTime: at },
      ],
      containerStatuses: statuses,
      ...traits.status,
    },
  };
}

/** The mark of the node-lifecycle controller. */
export const marked = [
  { type: 'PodScheduled', status: 'True', lastTransitionTime: timeAt(now - 60 * minute) },
  { type: 'Ready', status: 'False', lastTransitionTime: timeAt(now - minute) },
  { type: 'ContainersReady', status: 'True', lastTransitionTime: timeAt(now - 59 * minute) },
];

/** A pod that the scheduler finds no room for. */
export function unscheduled(node: string, message: string, traits: PodTraits = {}): KubeObject {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  const nodeSelectorTerms = [{ matchFields }];
  return aPod(node, {
    ...traits,
    spec: {
      nodeName: undefined,
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
      },
    },
    status: {
      phase: 'Pending',
      containerStatuses: [],
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
    },
  });
}

/** A pod that was ended by its node. */
export function ended(node: string, reason: string, message: string): KubeObject {
  return aPod(node, { status: { phase: 'Failed', reason, message, containerStatuses: [] } });
}

/** The DaemonSet `cache`, whose controller wants a pod on so many nodes and is content. */
export function aDaemonSet(
  desired: number,
  more: { uid?: string; status?: object } = {},
): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: {
      name: 'cache',
      namespace: 'workspaces',
      uid: more.uid ?? 'd1',
      generation: 1,
      annotations: { 'deprecated.daemonset.template.generation': '2' },
      managedFields: [
        {
          manager: 'kubernetes-image-puller-operator',
          operation: 'Apply',
          time: timeAt(now - 120 * minute),
        },
      ],
    },
    spec: {
      template: {
        spec: {
          containers: images.map(({ container, reference }) => ({
            name: container,
            image: reference,
          })),
        },
      },
    },
    status: {
      observedGeneration: 1,
      desiredNumberScheduled: desired,
      currentNumberScheduled: desired,
      updatedNumberScheduled: desired,
      numberAvailable: desired,
      ...more.status,
    },
  };
}

/** Node names, `node-1` to `node-<count>`. */
export const nodeNames = (count: number) =>
  Array.from({ length: count }, (_, index) => `node-${index + 1}`);

/** What is observed of these pods, of a DaemonSet for as many nodes as they are, or with other facts. */
export function observed(
  pods: readonly KubeObject[],
  facts: Partial<ObservationInput> = {},
): Observation {
  return observation({
    images,
    daemonSets: [aDaemonSet(pods.length)],
    pods: pods.map(projectPod),
    refusals: [],
    isSettled: false,
    now,
    ...facts,
  });
}

/** The newest refusal of pods of the DaemonSet `cache`, or of another. */
export function refusal(message: string, { uid = 'd1', at = now } = {}): Refusal {
  return { uid, message, at };
}

const spec = {
  deploymentName: 'kubernetes-image-puller',
  images,
} as unknown as PullerSpec; // of the spec, a status reads only these two fields

/** How a summary differs from that of generation 1, of which nothing was said yet. */
export interface Telling {
  readonly facts?: Partial<ObservationInput>;
  readonly seen?: Partial<Observed>;
  readonly previous?: ImagePullerStatus;
  readonly generation?: number;
  readonly at?: number;
}

/** The status that follows from pods. */
export function statusOf(pods: readonly KubeObject[], telling: Telling = {}): ImagePullerStatus {
  return summaryOf(pods, telling).status;
}

/** The same, with what is remembered beside it. */
export function summaryOf(pods: readonly KubeObject[], telling: Telling = {}): Summary {
  const { facts = {}, seen = {}, previous = {}, generation = 1, at = now } = telling;
  const isComplete = isSettled(previous, generation);
  const seenBy = observed(pods, { now: at, isSettled: isComplete, ...facts });
  return summary(
    {
      spec,
      findings: [],
      sleeperImage: 'registry.example/sleeper:1',
      observation: seenBy,
      startTrouble: undefined,
      lingering: [],
      stalled: false,
      podsUnreadable: undefined,
      isPullerToCome: false,
      pullerUnavailable: undefined,
      failure: undefined,
      ...seen,
    },
    { previous, generation, now: at, progressDeadlineMs: 10 * minute },
  );
}

/** The conditions of a status, each as "status reason". */
export function told({ conditions = [] }: ImagePullerStatus): Readonly<Record<string, string>> {
  return Object.fromEntries(conditions.map((one) => [one.type, `${one.status} ${one.reason}`]));
}

export function messageOf({ conditions = [] }: ImagePullerStatus, type: string): string {
  return conditions.find((one) => one.type === type)?.message ?? '';
}
