import type { V1PodSpec, V1Taint } from '@kubernetes/client-node';
import type { Observed } from './daemonset-plan.ts';
import { hashLabel } from './daemonset-plan.ts';
import type { Condition, DaemonSet, Deployment, Node, Pod, ReplicaSet } from './shapes.ts';

/** Objects for the tests of this folder, as short as they can be said. */

/** A node of one core, 1 GiB and room for ten pods. */
export function aNode(
  name: string,
  more: { labels?: Record<string, string>; taints?: V1Taint[]; unschedulable?: boolean } = {},
): Node {
  const { labels, ...spec } = more;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, ...(labels && { labels }) },
    spec,
    status: { allocatable: { cpu: '1', memory: '1Gi', pods: '10' } },
  };
}

/** How a pod of the tests differs from one that runs and is Ready. */
export interface PodOptions {
  readonly node?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of its template: `new` and `old` by custom. */
  readonly hash?: string;
  readonly isReady?: boolean;
  readonly readySince?: string;
  readonly createdAt?: string;
  readonly isDeleting?: boolean;
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  readonly spec?: Partial<V1PodSpec>;
}

/** A pod that runs and is Ready, unless told otherwise. */
export function aPod(name: string, options: PodOptions = {}): Pod {
  const { node, hash, isReady = true, createdAt = '2026-01-01T00:00:00Z' } = options;
  const labels = { ...options.labels, ...(hash !== undefined && { [hashLabel]: hash }) };
  const ready: Condition = {
    type: 'Ready',
    status: isReady ? 'True' : 'False',
    lastTransitionTime: options.readySince ?? createdAt,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: options.namespace ?? 'default',
      uid: name,
      creationTimestamp: createdAt,
      labels,
      ...(options.isDeleting && { deletionTimestamp: createdAt }),
    },
    spec: { containers: [], ...options.spec, ...(node !== undefined && { nodeName: node }) },
    status: { phase: options.phase ?? 'Running', conditions: [ready] },
  };
}

/** A DaemonSet with this rolling update; `'OnDelete'` has none. */
export function aDaemonSet(
  rolling: { maxSurge?: number | string; maxUnavailable?: number | string } | 'OnDelete' = {},
  more: { template?: Partial<V1PodSpec>; minReadySeconds?: number } = {},
): DaemonSet {
  const { template, minReadySeconds } = more;
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'daemons', namespace: 'default', uid: 'daemons', generation: 1 },
    spec: {
      selector: {},
      template: { spec: { containers: [], ...template } },
      updateStrategy:
        rolling === 'OnDelete'
          ? { type: 'OnDelete' }
          : { type: 'RollingUpdate', rollingUpdate: rolling },
      ...(minReadySeconds !== undefined && { minReadySeconds }),
    },
  };
}

/** What the DaemonSet controller sees: pods by the node they run on, the present hash `new`. */
export function observed(
  daemonSet: DaemonSet,
  nodes: readonly Node[],
  pods: readonly Pod[],
): Observed {
  return {
    daemonSet,
    nodes,
    pods: Map.groupBy(pods, ({ spec }) => spec.nodeName ?? ''),
    hash: 'new',
    now: Date.parse('2026-01-01T01:00:00Z'),
  };
}

/** A Deployment of one replica that rolls by the defaults, unless told otherwise. */
export function aDeployment(spec: Partial<Deployment['spec']> = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', uid: 'web', generation: 1 },
    spec: { selector: {}, template: { spec: { containers: [] } }, ...spec },
  };
}

/** A ReplicaSet of so many pods, all of them available unless told otherwise. */
export function aReplicaSet(name: string, replicas: number, available = replicas): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, namespace: 'default', uid: name, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { replicas, selector: {}, template: { spec: { containers: [] } } },
    status: { replicas, readyReplicas: available, availableReplicas: available },
  };
}
