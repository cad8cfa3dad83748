import { parseSpec } from '../../src/api/parse.ts';
import type { RawSpec } from '../../src/api/types.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { identityOf, type ManifestInput } from '../../src/manifests/input.ts';
import { aPuller } from '../pullers.ts';

/** What the manifests of a puller are made from, on OpenShift or not; further settings may be given. */
export function anInput(
  puller: KubeObject = aPuller(),
  openshift = false,
  settings: Partial<ManifestInput['settings']> = {},
): ManifestInput {
  const raw = (puller['spec'] ?? {}) as RawSpec;
  return {
    puller: identityOf(puller),
    raw,
    spec: parseSpec(raw, { maxImages: 500 }).spec,
    settings: {
      operatorImage: 'registry.example/operator:2',
      sleeperImage: 'registry.example/sleeper:1',
      maxSurge: '10%',
      openshift,
      allowedRegistries: [],
      ...settings,
    },
  };
}
