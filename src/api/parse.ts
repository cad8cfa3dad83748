import { reportName } from '../manifests/names.ts';
import { isAllowedImage } from './allowance.ts';
import { defaults } from './defaults.ts';
import { Findings } from './findings.ts';
import { implicitLatest, isBlankList, notAllowed, parseImages } from './images.ts';
import { isSubdomain } from './object-names.ts';
import { affinity, nodeSelector, tolerations } from './placement.ts';
import { isImplicitLatest, parseReference } from './reference.ts';
import { isRefusal } from './refusal.ts';
import { resources } from './resources.ts';
import { type SpecTexts, specTexts, word } from './spec-texts.ts';
import { count, nounCount, quote, trimSpace } from './text.ts';
import type { CachedImage, ParsedSpec, PullerSpec, RawSpec } from './types.ts';

/** Settings of the operator that decide what a spec may ask for. */
export interface ParseSettings {
  /** Distinct references a puller may cache. */
  readonly maxImages: number;
  /** Patterns of the registries that images may come from (see allowance.ts); none for any. */
  readonly allowedRegistries?: readonly string[];
  /** Keys of the taints that may be tolerated; none for any. */
  readonly allowedTolerationKeys?: readonly string[];
}

/**
 * Bytes that all texts may have together. A ConfigMap holds 1 MiB of data
 * (kubernetes/kubernetes: pkg/apis/core/types.go, MaxSecretSize); a sixteenth is left for what the
 * operator adds.
 */
const maxSpecBytes = 15 * 64 * 1024;

/** Room in 253 characters for what the operator and Kubernetes append to a name. */
const maxNameLength = 230;

const maxIntervalHours = 8_760;

/**
 * Reads a spec: a pure function that never throws, whatever a stored object holds. The result always
 * has a full, valid spec. Findings tell what could not be taken as written; while one of them has the
 * verdict `hold`, the spec has defaults in place of what could not be read and must not be applied.
 */
export function parseSpec(raw: RawSpec | undefined, settings: ParseSettings): ParsedSpec {
  const findings = new Findings();
  const texts = specTexts(raw, findings);
  const spec = isTooLarge(texts, findings)
    ? typedSpec(new Map(), settings, new Findings())
    : typedSpec(texts, settings, findings);
  return { spec, findings: findings.sorted() };
}

function isTooLarge(texts: SpecTexts, findings: Findings): boolean {
  const bytesOf = (text: string) => Buffer.byteLength(text);
  const all = [...texts.values()].map(bytesOf).reduce((sum, bytes) => sum + bytes, 0);
  if (all <= maxSpecBytes) return false;
  const list = bytesOf(texts.get('images') ?? '');
  const [field, place, bytes] =
    list > maxSpecBytes
      ? (['images', 'spec.images', list] as const)
      : (['spec', 'spec', all] as const);
  findings.add(
    field,
    'SpecTooLarge',
    () =>
      `${place} has ${count(bytes)} bytes of text, and at most ${count(maxSpecBytes)} fit a ConfigMap; shorten it or split the list of images over several pullers.`,
  );
  return true;
}

function typedSpec(texts: SpecTexts, settings: ParseSettings, findings: Findings): PullerSpec {
  const configMapName = objectName('configMapName', texts, findings);
  const daemonsetName = objectName('daemonsetName', texts, findings);
  const deploymentName = objectName('deploymentName', texts, findings);
  return {
    configMapName: distinctConfigMapName(configMapName, deploymentName, findings),
    daemonsetName,
    deploymentName,
    images: images(texts, settings, findings),
    cachingIntervalHours: intervalHours(texts, findings),
    ...resources(texts, findings),
    nodeSelector: nodeSelector(texts, findings),
    affinity: affinity(texts, findings, daemonsetName),
    ...tolerations(texts, findings, settings.allowedTolerationKeys),
    imagePullSecrets: pullSecrets(texts, findings),
    imagePullerImage: pullerImage(texts, settings, findings),
  };
}

function objectName(
  field: 'configMapName' | 'daemonsetName' | 'deploymentName',
  texts: SpecTexts,
  findings: Findings,
): string {
  const name = word(field, texts, findings);
  if (name === undefined) return defaults[field];
  if (isSubdomain(name) && name.length <= maxNameLength) return name;
  findings.add(field, 'InvalidName', () =>
    name.length > maxNameLength
      ? `spec.${field} has ${count(name.length)} characters; shorten it to ${maxNameLength}, as other names are built on it.`
      : `spec.${field} is ${quote(name)}, which cannot name an object; use a-z, 0-9, "-" and ".", with a letter or digit at both ends of each part.`,
  );
  return defaults[field];
}

/** The puller's report is a ConfigMap too, named after the Deployment. */
function distinctConfigMapName(
  configMapName: string,
  deploymentName: string,
  findings: Findings,
): string {
  if (configMapName !== reportName(deploymentName)) return configMapName;
  findings.add(
    'configMapName',
    'InvalidName',
    () =>
      `spec.configMapName is ${quote(configMapName)}, which is the name of the report of spec.deploymentName ${quote(deploymentName)}; choose another one.`,
  );
  return defaults.configMapName;
}

function images(
  texts: SpecTexts,
  settings: ParseSettings,
  findings: Findings,
): readonly CachedImage[] {
  const list = texts.get('images');
  if (list === undefined) return defaultImages(settings, findings);
  if (isBlankList(list)) {
    findings.add(
      'images',
      'MendedInput',
      () =>
        'spec.images has nothing but separators and counts as unset, so the default images are cached; write {} to cache none.',
    );
    return defaultImages(settings, findings);
  }
  return parseImages(list, settings, findings) ?? defaultImages(unlimited, new Findings());
}

const unlimited: ParseSettings = { maxImages: Number.POSITIVE_INFINITY };

/** The default images that the settings allow. Whoever has left the list out has not written the others. */
function defaultImages(
  { maxImages, allowedRegistries = [] }: ParseSettings,
  findings: Findings,
): readonly CachedImage[] {
  const all = parseImages(defaults.images, unlimited, new Findings()) ?? [];
  const allowed = all.filter(({ reference }) => {
    const parsed = parseReference(reference);
    if (!isRefusal(parsed) && isAllowedImage(parsed, allowedRegistries)) return true;
    findings.add(
      'images',
      'RegistryNotAllowed',
      () =>
        `spec.images is unset, and the default image ${quote(reference)} is left out: ${notAllowed(allowedRegistries)}; list images of your own, or write {} to cache none.`,
    );
    return false;
  });
  if (allowed.length > maxImages) {
    findings.add(
      'images',
      'TooManyImages',
      () =>
        `spec.images is unset, and there are ${nounCount(allowed.length, 'default image')}, while the operator allows ${nounCount(maxImages, 'image')}; list what to cache, write {} to cache nothing, or raise the operator's MAX_IMAGES.`,
    );
  }
  return allowed;
}

function intervalHours(texts: SpecTexts, findings: Findings): number {
  const field = 'cachingIntervalHours';
  const text = word(field, texts, findings);
  if (text === undefined) return Number(defaults[field]);
  // Go's Atoi, which the peer reads with; Number would take 0x10, 1e3 and 1.5 as well.
  const isWhole = /^[+-]?[0-9]+$/.test(text);
  const hours = isWhole ? Math.min(Math.max(Number(text), 1), maxIntervalHours) : 1;
  if (!isWhole || hours !== Number(text)) {
    findings.add(
      field,
      'MendedInput',
      () =>
        `spec.${field} is ${quote(text)}, not a whole number from 1 to ${count(maxIntervalHours)}; ${count(hours)} is used.`,
    );
  }
  return hours;
}

function pullSecrets(texts: SpecTexts, findings: Findings): readonly string[] {
  const list = trimSpace(texts.get('imagePullSecrets') ?? '');
  const names = (list.endsWith(';') ? list.slice(0, -1) : list).split(';').map(trimSpace);
  const distinct = new Set(names.filter((name) => name !== ''));
  if (list !== '' && distinct.size < names.length) {
    findings.add(
      'imagePullSecrets',
      'MendedInput',
      () =>
        `spec.imagePullSecrets has ${nounCount(names.length - distinct.size, 'empty or repeated entry, which is', 'empty or repeated entries, which are')} ignored.`,
    );
  }
  return [...distinct].filter((name) => isSecretName(name, findings));
}

function isSecretName(name: string, findings: Findings): boolean {
  if (isSubdomain(name)) return true;
  findings.add('imagePullSecrets', 'InvalidImagePullSecrets', () => {
    const remedy = name.includes(',')
      ? 'separate names by ";"'
      : 'use a-z, 0-9, "-" and ".", with a letter or digit at both ends';
    return `spec.imagePullSecrets: ${quote(name)} is left out, as no Secret can have that name; ${remedy}.`;
  });
  return false;
}

/**
 * Repositories of the peer's own image, which che-operator and old versions of the Go operator wrote
 * into specs by machine: nobody chose them.
 */
const peerImages: readonly RegExp[] = [
  /^quay\.io\/eclipse\/kubernetes-image-puller$/,
  /^registry\.redhat\.io\/(?:devspaces|codeready-workspaces)\/imagepuller-rhel[0-9]*$/,
];

function pullerImage(
  texts: SpecTexts,
  { allowedRegistries = [] }: ParseSettings,
  findings: Findings,
): string | undefined {
  const field = 'imagePullerImage';
  const image = word(field, texts, findings);
  if (image === undefined) return undefined;
  const reference = parseReference(image);
  if (isRefusal(reference)) {
    findings.add(
      field,
      'InvalidField',
      () =>
        `spec.${field} is ${quote(image)}, which is not an image reference, so the operator's own image is used: ${reference.refusal}.`,
    );
    return undefined;
  }
  const repository = `${reference.domain ?? 'docker.io'}/${reference.path}`;
  if (peerImages.some((pattern) => pattern.test(repository))) return undefined;
  if (!isAllowedImage(reference, allowedRegistries)) {
    findings.add(
      field,
      'RegistryNotAllowed',
      () =>
        `spec.${field} is ${quote(image)}, so the operator's own image is used: ${notAllowed(allowedRegistries)}.`,
    );
    return undefined;
  }
  if (isImplicitLatest(reference)) {
    findings.add(field, 'ImplicitLatest', () => `spec.${field}: ${implicitLatest(image)}`);
  }
  return image;
}
