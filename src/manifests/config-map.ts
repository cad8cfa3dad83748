import { defaults } from '../api/defaults.ts';
import { trimSpace } from '../api/text.ts';
import type { SpecField } from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';
import { childMeta, type ManifestInput } from './input.ts';
import { deploymentSelector } from './names.ts';

/** The peer's keys (che-incubator/kubernetes-image-puller: cfg/envvars.go) and the fields they carry. */
export const configKeys: readonly (readonly [
  key: string,
  field: Exclude<SpecField, 'imagePullerImage'>,
])[] = [
  ['AFFINITY', 'affinity'],
  ['CACHING_CPU_LIMIT', 'cachingCPULimit'],
  ['CACHING_CPU_REQUEST', 'cachingCPURequest'],
  ['CACHING_INTERVAL_HOURS', 'cachingIntervalHours'],
  ['CACHING_MEMORY_LIMIT', 'cachingMemoryLimit'],
  ['CACHING_MEMORY_REQUEST', 'cachingMemoryRequest'],
  ['DAEMONSET_NAME', 'daemonsetName'],
  ['IMAGES', 'images'],
  ['IMAGE_PULL_SECRETS', 'imagePullSecrets'],
  ['NODE_SELECTOR', 'nodeSelector'],
  ['TOLERATIONS', 'tolerations'],
];

/** The puller's configuration: the user's own text, verbatim, and the default where a field is unset. */
export function configMap(input: ManifestInput): KubeObject {
  const { puller, spec } = input;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: childMeta(input, spec.configMapName, deploymentSelector),
    data: {
      ...Object.fromEntries(configKeys.map(([key, field]) => [key, text(input, field)])),
      KIP_IMAGE: sleeperImage(input),
      NAMESPACE: puller.namespace,
    },
  };
}

/** The image whose `sleep` the cache containers run: the user's, else the operator's. */
export function sleeperImage({ spec, settings }: ManifestInput): string {
  return spec.imagePullerImage ?? settings.sleeperImage;
}

function text({ raw }: ManifestInput, field: keyof typeof defaults): string {
  const value: unknown = raw[field];
  return typeof value === 'string' && trimSpace(value) !== '' ? value : defaults[field];
}
