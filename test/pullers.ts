import type { ImagePullerStatus, RawSpec } from '../src/api/types.ts';
import * as api from '../src/api/types.ts';
import type { KubeObject } from '../src/kube/objects.ts';

/** A KubernetesImagePuller with two images, or with the fields given. */
export function aPuller(
  spec: RawSpec = { images: 'tools=quay.io/example/tools:1;shell=quay.io/example/shell:2' },
  metadata: KubeObject['metadata'] = {},
): KubeObject & { readonly spec: RawSpec; readonly status?: ImagePullerStatus } {
  return {
    apiVersion: api.apiVersion,
    kind: api.kind,
    metadata: { name: 'puller', namespace: 'workspaces', ...metadata },
    spec,
  };
}
