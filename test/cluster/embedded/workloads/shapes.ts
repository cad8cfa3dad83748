import type {
  V1DaemonSetUpdateStrategy,
  V1DeploymentStrategy,
  V1LabelSelector,
  V1PodSpec,
  V1Taint,
} from '@kubernetes/client-node';
import type { KubeObject, ObjectMeta, Resource } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';

/** The kinds as the controllers read them: JSON, with dates as strings. */

/** Cluster-scoped, unlike everything else here. */
export const nodes: Resource = {
  group: '',
  version: 'v1',
  plural: 'nodes',
  kind: 'Node',
  namespaced: false,
};
/** Affinities between pods can choose them by their labels. */
export const namespaces: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};
/** Pull secrets are asked for by name only. */
export const secrets: Resource = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};
/** Where controllers tell of refusals. */
export const events: Resource = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};
/** Between a Deployment and its pods. */
export const replicaSets: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'replicasets',
  kind: 'ReplicaSet',
  namespaced: true,
};

/** Whether a condition holds. */
export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** A condition of any kind; only those of Deployments have an update time. */
export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly lastUpdateTime?: string;
}

/** A pod; unbound while `spec.nodeName` is missing. */
export interface Pod extends KubeObject {
  readonly spec: V1PodSpec;
  readonly status?: PodStatus;
}

/** What scheduler and kubelet say of a pod. */
export interface PodStatus {
  readonly phase?: PodPhase;
  readonly conditions?: readonly Condition[];
  readonly startTime?: string;
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly [field: string]: unknown;
}

/** Where a pod is in its life. */
export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** What a kubelet says of one container. */
export interface ContainerStatus {
  readonly name: string;
  readonly image: string;
  readonly imageID: string;
  readonly containerID?: string;
  readonly ready: boolean;
  readonly started: boolean;
  readonly restartCount: number;
  readonly state: ContainerState;
  readonly lastState: ContainerState;
}

/** Exactly one of the three, or none in a `lastState` without a past. */
export interface ContainerState {
  readonly waiting?: WaitingState;
  readonly running?: { readonly startedAt: string };
  readonly terminated?: TerminatedState;
}

/** Why a container does not run yet. */
export interface WaitingState {
  readonly reason: string;
  readonly message?: string;
}

/** How a container ended. */
export interface TerminatedState {
  readonly exitCode: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly containerID: string;
}

/** What pods are made from. */
export interface PodTemplate {
  readonly metadata?: ObjectMeta;
  readonly spec: V1PodSpec;
}

/** A machine that runs pods. */
export interface Node extends KubeObject {
  readonly spec?: { readonly taints?: readonly V1Taint[]; readonly unschedulable?: boolean };
  readonly status?: {
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly conditions?: readonly Condition[];
    readonly [field: string]: unknown;
  };
}

/** One pod for each node that it wants. */
export interface DaemonSet extends KubeObject {
  readonly spec: {
    readonly selector: V1LabelSelector;
    readonly template: PodTemplate;
    readonly updateStrategy?: V1DaemonSetUpdateStrategy;
    readonly minReadySeconds?: number;
  };
  readonly status?: Readonly<Record<string, unknown>>;
}

/** A number of pods, rolled over from one template to the next. */
export interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: V1LabelSelector;
    readonly template: PodTemplate;
    readonly strategy?: V1DeploymentStrategy;
    readonly minReadySeconds?: number;
    readonly revisionHistoryLimit?: number;
    readonly progressDeadlineSeconds?: number;
    readonly paused?: boolean;
  };
  readonly status?: DeploymentStatus;
}

/** Zeros are left out where they are stored. */
export interface DeploymentStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly unavailableReplicas?: number;
  readonly conditions?: readonly Condition[];
}

/** A number of pods of one template. */
export interface ReplicaSet extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: V1LabelSelector;
    readonly template: PodTemplate;
    readonly minReadySeconds?: number;
  };
  readonly status?: ReplicaSetStatus;
}

/** Zeros other than `replicas` are left out where they are stored. */
export interface ReplicaSetStatus {
  readonly observedGeneration?: number;
  readonly replicas: number;
  readonly fullyLabeledReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly conditions?: readonly Condition[];
}

/** What the control plane holds of one kind, in its shape. */
export function listOf<Kind extends KubeObject>(
  controlPlane: ControlPlane,
  resource: Resource,
  namespace?: string,
): readonly Kind[] {
  return controlPlane.list(resource, namespace) as readonly Kind[]; // validated on its way in
}

/** One object of the control plane, in the shape of its kind. */
export function find<Kind extends KubeObject>(
  controlPlane: ControlPlane,
  resource: Resource,
  key: { readonly namespace?: string | undefined; readonly name: string },
): Kind | undefined {
  return controlPlane.get(resource, key.namespace ?? '', key.name) as Kind | undefined; // validated on its way in
}

/** The name of an object that is stored, and therefore has one. */
export function nameOf(object: KubeObject): string {
  return object.metadata.name ?? '';
}

/** The uid of an object that is stored, and therefore has one. */
export function uidOf(object: KubeObject): string {
  return object.metadata.uid ?? '';
}
