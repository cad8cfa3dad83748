import type { V1NodeSelectorTerm, V1PodSpec, V1Taint, V1Toleration } from '@kubernetes/client-node';
import { includesLabels, satisfies } from './labels.ts';
import { type Node, nameOf } from './shapes.ts';

/** Where a pod may run, as far as labels, affinity and taints decide it. */

const unschedulableTaint: V1Taint = {
  key: 'node.kubernetes.io/unschedulable',
  effect: 'NoSchedule',
};

/** The taints of a node, with the one that cordoning it brings. */
export function taintsOf(node: Node): readonly V1Taint[] {
  const taints = node.spec?.taints ?? [];
  return node.spec?.unschedulable ? [...taints, unschedulableTaint] : taints;
}

/**
 * Claims that nodeSelector and required node affinity choose the node.
 * (kubernetes/kubernetes: component-helpers/scheduling/corev1/nodeaffinity)
 */
export function matchesNode(spec: V1PodSpec, node: Node): boolean {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (
    includesLabels(node.metadata.labels ?? {}, spec.nodeSelector) &&
    (required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node)))
  );
}

function matchesTerm(term: V1NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  // A term without requirements selects no node.
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { 'metadata.name': nameOf(node) };
  return (
    matchExpressions.every((requirement) => satisfies(node.metadata.labels ?? {}, requirement)) &&
    matchFields.every((requirement) => satisfies(fields, requirement))
  );
}

/** Claims that every taint of the node with one of these effects is tolerated. */
export function toleratesNode(
  tolerations: readonly V1Toleration[],
  node: Node,
  effects: readonly string[],
): boolean {
  return taintsOf(node)
    .filter((taint) => effects.includes(taint.effect))
    .every((taint) => tolerations.some((toleration) => tolerates(toleration, taint)));
}

function tolerates({ key, operator, value, effect }: V1Toleration, taint: V1Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  return operator === 'Exists' || (value ?? '') === (taint.value ?? '');
}

function everywhere(key: string, effect: string): V1Toleration {
  return { key: `node.kubernetes.io/${key}`, operator: 'Exists', effect };
}

/**
 * A template's tolerations with those that every pod of a DaemonSet gets.
 * (kubernetes/kubernetes: pkg/controller/daemon/util, AddOrUpdateDaemonPodTolerations)
 */
export function daemonTolerations(spec: V1PodSpec): V1Toleration[] {
  const added = [
    everywhere('not-ready', 'NoExecute'),
    everywhere('unreachable', 'NoExecute'),
    everywhere('disk-pressure', 'NoSchedule'),
    everywhere('memory-pressure', 'NoSchedule'),
    everywhere('pid-pressure', 'NoSchedule'),
    everywhere('unschedulable', 'NoSchedule'),
    ...(spec.hostNetwork ? [everywhere('network-unavailable', 'NoSchedule')] : []),
  ];
  const given = spec.tolerations ?? [];
  const missing = added.filter(
    (toleration) =>
      !given.some(
        ({ key, operator, effect }) =>
          key === toleration.key && operator === 'Exists' && effect === toleration.effect,
      ),
  );
  return [...given, ...missing];
}
