import type { V1Taint } from '@kubernetes/client-node';
import { pods as podResource } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { timestamp } from '../writer.ts';
import { condition, transitioned, withCondition } from './pods.ts';
import {
  type Condition,
  find,
  listOf,
  type Node,
  nameOf,
  nodes as nodeResource,
  type Pod,
} from './shapes.ts';

/** A node as a test asks for it; what is left out is as on a machine of four cores. */
export interface NodeOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly V1Taint[];
  readonly allocatable?: Readonly<Record<string, string>>;
}

const fourCores = { cpu: '4', memory: '16Gi', pods: '110', 'ephemeral-storage': '100Gi' };

/** Registers a Ready node. */
export function addNode(controlPlane: ControlPlane, name: string, options: NodeOptions = {}): void {
  const { labels, taints = [], allocatable } = options;
  const node = controlPlane.create(nodeResource, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        ...labels,
      },
    },
    spec: taints.length > 0 ? { taints } : {},
  });
  const resources = { ...fourCores, ...allocatable };
  const said = { type: 'Ready', status: 'True', reason: 'KubeletReady' } as const;
  const now = timestamp(controlPlane.clock.now());
  controlPlane.updateStatus(nodeResource, {
    ...node,
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [transitioned(undefined, said, now)],
    },
  });
}

/** Deletes a node, and its pods with it, as the pod garbage collector does in time. */
export function removeNode(controlPlane: ControlPlane, name: string): void {
  controlPlane.remove(nodeResource, '', name);
  for (const pod of podsOn(controlPlane, name)) {
    const { namespace = '' } = pod.metadata;
    controlPlane.remove(podResource, namespace, nameOf(pod), { gracePeriodSeconds: 0 });
  }
}

const unreachableKey = 'node.kubernetes.io/unreachable';

/**
 * What the node-lifecycle controller does when a kubelet has been silent for too long, or is back:
 * the node's Ready condition and taints, and Ready False for its pods. The pods' ContainersReady is
 * the kubelet's word and stays. (kubernetes/kubernetes: pkg/controller/nodelifecycle,
 * pkg/controller/util/node/controller_utils.go, MarkPodsNotReady)
 */
export function markReachable(
  controlPlane: ControlPlane,
  name: string,
  isReachable: boolean,
): void {
  const node = find<Node>(controlPlane, nodeResource, { name });
  if (node === undefined) throw new Error(`there is no node "${name}"`);
  const others = node.spec?.taints?.filter(({ key }) => key !== unreachableKey) ?? [];
  const taints = isReachable
    ? others
    : [
        ...others,
        { key: unreachableKey, effect: 'NoSchedule' },
        { key: unreachableKey, effect: 'NoExecute' },
      ];
  const tainted = controlPlane.update(nodeResource, { ...node, spec: { ...node.spec, taints } });
  const said = isReachable
    ? ({ type: 'Ready', status: 'True', reason: 'KubeletReady' } as const)
    : ({ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' } as const);
  controlPlane.updateStatus(nodeResource, {
    ...tainted,
    status: withReady(node.status, said, timestamp(controlPlane.clock.now())),
  });
  if (!isReachable) markPodsNotReady(controlPlane, name);
}

const pressureTaint = { key: 'node.kubernetes.io/disk-pressure', effect: 'NoSchedule' } as const;

/** What kubelet and node-lifecycle controller say of a node that is short of disk space, or no more. */
export function markDiskPressure(controlPlane: ControlPlane, name: string, isShort: boolean): void {
  const node = find<Node>(controlPlane, nodeResource, { name });
  if (node === undefined) throw new Error(`there is no node "${name}"`);
  const others = node.spec?.taints?.filter(({ key }) => key !== pressureTaint.key) ?? [];
  const taints = isShort ? [...others, pressureTaint] : others;
  const tainted = controlPlane.update(nodeResource, { ...node, spec: { ...node.spec, taints } });
  const said = isShort
    ? ({ type: 'DiskPressure', status: 'True', reason: 'KubeletHasDiskPressure' } as const)
    : ({ type: 'DiskPressure', status: 'False', reason: 'KubeletHasNoDiskPressure' } as const);
  const now = timestamp(controlPlane.clock.now());
  const next = transitioned(condition(node, said.type), said, now);
  const conditions = withCondition(node.status?.conditions, next);
  controlPlane.updateStatus(nodeResource, { ...tainted, status: { ...node.status, conditions } });
}

function markPodsNotReady(controlPlane: ControlPlane, node: string): void {
  const now = timestamp(controlPlane.clock.now());
  for (const pod of podsOn(controlPlane, node)) {
    const ready = condition(pod, 'Ready');
    if (ready?.status !== 'True') continue;
    const status = withReady(pod.status, { ...ready, status: 'False' }, now);
    controlPlane.updateStatus(podResource, { ...pod, status });
  }
}

function withReady<Status extends { readonly conditions?: readonly Condition[] }>(
  status: Status | undefined,
  said: Omit<Condition, 'lastTransitionTime'>,
  now: string,
) {
  const next = transitioned(condition({ ...(status && { status }) }, 'Ready'), said, now);
  return { ...status, conditions: withCondition(status?.conditions, next) };
}

function podsOn(controlPlane: ControlPlane, node: string): readonly Pod[] {
  return listOf<Pod>(controlPlane, podResource).filter(({ spec }) => spec.nodeName === node);
}
