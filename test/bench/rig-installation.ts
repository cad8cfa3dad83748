import { objectsOf, projectPath } from '../../src/cli/demo/install-manifests.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';

/**
 * What has to be in a cluster before the operator: its kinds, its account, its rights. Another operator
 * gets all rights: which it needs is its own affair.
 */
export function installation(isOurs: boolean): readonly KubeObject[] {
  const account = ['namespace', 'manager']
    .flatMap((directory) => objectsOf(projectPath('config', directory)))
    .filter(({ kind }) => ['Namespace', 'ServiceAccount'].includes(kind));
  const rights = isOurs
    ? ['cluster', 'leader-election', 'metrics'].flatMap((directory) =>
        objectsOf(projectPath('config/rbac', directory)),
      )
    : [allRights];
  return [...objectsOf(projectPath('crds')), ...account, ...rights];
}

const allRights: KubeObject = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'operator-under-test' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [
    { kind: 'ServiceAccount', namespace: operatorNamespace, name: operatorServiceAccount },
  ],
};
