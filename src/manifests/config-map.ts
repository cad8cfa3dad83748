import { defaults } from '../api/defaults.ts';
import { isBlankList, noImages } from '../api/images.ts';
import { parseReference } from '../api/reference.ts';
import { isRefusal } from '../api/refusal.ts';
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

/**
 * The puller's configuration: the user's own text, verbatim, and the default where a field is unset.
 * Only images and tolerations that are not in effect are left out: the puller does not know the
 * operator's settings, and must not take what they refuse.
 */
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

function text(input: ManifestInput, field: keyof typeof defaults): string {
  const value: unknown = input.raw[field];
  const written = typeof value === 'string' && trimSpace(value) !== '' ? value : defaults[field];
  if (field === 'images') return imagesInEffect(written, input);
  return field === 'tolerations' ? tolerationsInEffect(written, input) : written;
}

function imagesInEffect(written: string, { spec }: ManifestInput): string {
  const inEffect = new Set(spec.images.map(({ reference }) => reference));
  const list = isBlankList(written) ? defaults.images : written;
  const entries = list.split(';');
  const kept = entries.filter((entry) => inEffect.has(referenceOf(entry)) || namesNoImage(entry));
  if (kept.length === entries.length) return written;
  const rest = kept.join(';');
  return isBlankList(rest) ? noImages : rest;
}

/** What the puller leaves out as well, whatever settings there are. */
function namesNoImage(entry: string): boolean {
  return !entry.includes('=') || isRefusal(parseReference(referenceOf(entry)));
}

function referenceOf(entry: string): string {
  return trimSpace(entry.slice(entry.indexOf('=') + 1));
}

function tolerationsInEffect(written: string, { spec }: ManifestInput): string {
  return spec.hasLeftOutTolerations ? JSON.stringify(spec.tolerations) : written;
}
