import type { KubeObject } from '../kube/objects.ts';
import { childMeta, type ManifestInput } from './input.ts';
import { reportName } from './names.ts';

/** Where the puller writes what it learned from the registries. Its `data` belongs to the puller alone. */
export function report(input: ManifestInput): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: childMeta(input, reportName(input.spec.deploymentName)),
  };
}
