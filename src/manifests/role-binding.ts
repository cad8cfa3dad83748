import type { KubeObject } from '../kube/objects.ts';
import { childMeta, type ManifestInput } from './input.ts';
import { reportName, serviceAccountName } from './names.ts';

/** Gives the puller's ServiceAccount its Role. */
export function roleBinding(input: ManifestInput): KubeObject {
  const { deploymentName } = input.spec;
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: childMeta(input, reportName(deploymentName)),
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'Role',
      name: reportName(deploymentName),
    },
    subjects: [
      {
        kind: 'ServiceAccount',
        name: serviceAccountName(deploymentName),
        namespace: input.puller.namespace,
      },
    ],
  };
}
