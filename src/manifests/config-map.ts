import { isAllowedImage } from '../api/allowance.ts';
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
 * Only images and tolerations that the operator's settings refuse are left out: the puller does not
 * know them, and must not take such.
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
  if (field === 'images') return allowedImages(written, input);
  return field === 'tolerations' ? allowedTolerations(written, input) : written;
}

function allowedImages(written: string, { settings }: ManifestInput): string {
  const { allowedRegistries } = settings;
  // A long list need not be read again at each look at its puller.
  if (allowedRegistries.length === 0) return written;
  const entries = (isBlankList(written) ? defaults.images : written).split(';');
  const kept = entries.filter((entry) => !isRefused(entry, allowedRegistries));
  if (kept.length === entries.length) return written;
  const rest = kept.join(';');
  return isBlankList(rest) ? noImages : rest;
}

/** Claims that the settings refuse an image; what names none, the puller leaves out as well. */
function isRefused(entry: string, registries: readonly string[]): boolean {
  const reference = parseReference(trimSpace(entry.slice(entry.indexOf('=') + 1)));
  return !isRefusal(reference) && !isAllowedImage(reference, registries);
}

function allowedTolerations(written: string, { spec }: ManifestInput): string {
  return spec.hasLeftOutTolerations ? JSON.stringify(spec.tolerations) : written;
}
