import type { KubeObject } from '../kube/objects.ts';
import { childMeta, type ManifestInput } from './input.ts';
import { reportName } from './names.ts';

/** All that the puller may do: read and write its own report, nothing else. */
export function role(input: ManifestInput): KubeObject {
  const report = reportName(input.spec.deploymentName);
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: childMeta(input, report),
    rules: [
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: [report],
        verbs: ['get', 'patch'],
      },
    ],
  };
}
