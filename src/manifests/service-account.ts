import type { KubeObject } from '../kube/objects.ts';
import { childMeta, type ManifestInput } from './input.ts';
import { serviceAccountName } from './names.ts';

/** Who the puller's own pod is. Its token is mounted by nobody unless a pod asks for it. */
export function serviceAccount(input: ManifestInput): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: childMeta(input, serviceAccountName(input.spec.deploymentName)),
    automountServiceAccountToken: false,
  };
}
