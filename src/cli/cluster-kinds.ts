import type { Resource } from '../kube/objects.ts';

/** Kinds that only people read: they belong to no namespace, and the operator has no right to them. */
const clusterKind = (plural: string, kind: string): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced: false,
});

/** v1 Namespace. */
export const namespaces = clusterKind('namespaces', 'Namespace');
/** v1 Node. */
export const nodes = clusterKind('nodes', 'Node');
