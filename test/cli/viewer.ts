import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { KubeObject } from '../../src/kube/objects.ts';
import { peopleRole } from '../../src/manifests/people.ts';

/** Somebody who may view a namespace. */
export const viewer = 'somebody-who-views';

/** The definition of our kind. */
export const customResource = parse(
  readFileSync(
    fileURLToPath(
      new URL('../../crds/che.eclipse.org_kubernetesimagepullers.yaml', import.meta.url),
    ),
    'utf8',
  ),
) as KubeObject;

/**
 * What the ClusterRole "view" allows, as far as it matters here (kubernetes/kubernetes:
 * plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go), and what is added to it for our kind.
 */
const view: readonly KubeObject[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'view' },
    rules: [
      {
        apiGroups: [''],
        resources: ['pods', 'events', 'configmaps'],
        verbs: ['get', 'list', 'watch'],
      },
      {
        apiGroups: ['apps'],
        resources: ['daemonsets', 'deployments'],
        verbs: ['get', 'list', 'watch'],
      },
    ],
  },
  peopleRole('view'),
];

/** Lets the viewer view a namespace. */
export function grantView(namespace: string): readonly KubeObject[] {
  return [
    ...view,
    ...view.map(
      ({ metadata: { name = '' } }): KubeObject => ({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name, namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: viewer }],
      }),
    ),
  ];
}
