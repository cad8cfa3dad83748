import * as api from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';

/**
 * Who may do what with KubernetesImagePullers, each level with all that the ones before it may; as for
 * kinds of Kubernetes (kubernetes/kubernetes: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go).
 */
const levels = {
  view: ['get', 'list', 'watch'],
  edit: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'],
  admin: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'],
} as const;

/** A level of rights that every cluster has a ClusterRole for. */
export type PeopleLevel = keyof typeof levels;

/**
 * The rights of people over KubernetesImagePullers. The server adds them to the ClusterRole of that
 * name by the label (Kubernetes: Using RBAC Authorization, "Aggregated ClusterRoles"), so that who may
 * edit a namespace may edit its pullers. The status is the operator's alone to write.
 */
export function peopleRole(level: PeopleLevel): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: {
      name: `${api.plural}.${api.group}-${level}`,
      labels: { [`rbac.authorization.k8s.io/aggregate-to-${level}`]: 'true' },
    },
    rules: [{ apiGroups: [api.group], resources: [api.plural], verbs: levels[level] }],
  };
}
