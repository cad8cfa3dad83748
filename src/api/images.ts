import { isAllowedImage } from './allowance.ts';
import {
  containerNames,
  mendingOf,
  namelessContainer,
  type WantedName,
} from './container-names.ts';
import type { Findings } from './findings.ts';
import { isImplicitLatest, parseReference, type Reference } from './reference.ts';
import { isRefusal } from './refusal.ts';
import { count, enumerated, nounCount, quote, trimSpace } from './text.ts';
import type { CachedImage } from './types.ts';

/** What the operator's settings say about a list. */
export interface ImageLimits {
  readonly maxImages: number;
  /** Patterns of the registries that images may come from; none for any. */
  readonly allowedRegistries?: readonly string[];
}

/** A list may have this many entries for each image the operator allows; most would be repeats. */
const entriesPerImage = 4;

/** The text that stands for "no images" (Red Hat's documentation of Dev Spaces 3.16 uses it). */
export const noImages = '{}';

/** Claims a list of nothing but separators and white space: it does not even say "no images". */
export function isBlankList(text: string): boolean {
  return trimSpace(text.replaceAll(';', ' ')) === '';
}

/**
 * Reads the list of `spec.images`: entries `name=reference` between semicolons, white space around
 * them ignored. One image per distinct reference, sorted by reference; what could not be used or had
 * to be mended is added to the findings. Undefined, with a finding, if there are more than
 * `maxImages` references, or so many entries that the list is not read at all: that bound keeps
 * the time for a text of 1 MiB within milliseconds whatever it holds.
 */
export function parseImages(
  text: string,
  limits: ImageLimits,
  findings: Findings,
): readonly CachedImage[] | undefined {
  const { maxImages, allowedRegistries = [] } = limits;
  const list = trimSpace(text);
  if (list === noImages) return [];
  const mostEntries = maxImages * entriesPerImage;
  if (hasMoreSeparators(mostEntries, list)) {
    const found = `more than ${count(mostEntries)} entries`;
    findings.add('images', 'TooManyImages', () => tooMany(found, maxImages));
    return undefined;
  }
  const namesByReference = byReference(entriesOf(list, allowedRegistries, findings));
  if (namesByReference.size > maxImages) {
    const found = nounCount(namesByReference.size, 'different image');
    findings.add('images', 'TooManyImages', () => tooMany(found, maxImages));
    return undefined;
  }
  return cachedImages(namesByReference, findings);
}

function tooMany(found: string, maxImages: number): string {
  return `spec.images has ${found}, and the operator allows ${nounCount(maxImages, 'image')}; split the list over several pullers or raise the operator's MAX_IMAGES.`;
}

function hasMoreSeparators(most: number, list: string): boolean {
  let separators = 0;
  let at = list.indexOf(';');
  while (at >= 0 && separators <= most) {
    separators += 1;
    at = list.indexOf(';', at + 1);
  }
  return separators > most;
}

/** The usable entries; of those with one name the last, of those that repeat each other the first. */
function entriesOf(
  list: string,
  registries: readonly string[],
  findings: Findings,
): Iterable<WantedName> {
  const entries = new Map<string, WantedName>();
  const texts = list.split(';').map(trimSpace);
  // A separator at the end closes the last entry and does not begin another.
  if (texts.at(-1) === '') texts.pop();
  const blanks = texts.filter((text) => text === '').length;
  if (blanks > 0) {
    findings.add(
      'images',
      'MendedInput',
      () =>
        `spec.images has ${nounCount(blanks, 'empty entry, which is', 'empty entries, which are')} ignored; remove the extra ";".`,
    );
  }
  for (const text of texts) {
    const entry = text === '' ? undefined : entryOf(text, registries, findings);
    if (entry !== undefined) keep(entry, entries, findings);
  }
  return entries.values();
}

function entryOf(
  text: string,
  registries: readonly string[],
  findings: Findings,
): WantedName | undefined {
  const equals = text.indexOf('=');
  if (equals < 0) return skipped(text, missingName(text), findings);
  if (text.indexOf('=', equals + 1) >= 0) {
    const remedy = /[\n,]/.test(text) ? 'separate entries by ";"' : 'write name=image';
    return skipped(text, `it has more than one "="; ${remedy}`, findings);
  }
  const reference = trimSpace(text.slice(equals + 1));
  if (reference === '') {
    return skipped(text, 'no image follows its "="; write name=image', findings);
  }
  const parsed = parseReference(reference);
  if (isRefusal(parsed)) {
    return skipped(
      text,
      `${quote(reference)} is not an image reference: ${parsed.refusal}`,
      findings,
    );
  }
  if (!isAllowedImage(parsed, registries)) {
    findings.add(
      'images',
      'RegistryNotAllowed',
      () => `spec.images: the entry ${quote(text)} is left out: ${notAllowed(registries)}.`,
    );
    return undefined;
  }
  remark(reference, parsed, findings);
  return { name: trimSpace(text.slice(0, equals)), reference };
}

function skipped(text: string, why: string, findings: Findings): undefined {
  findings.add(
    'images',
    'InvalidImages',
    () => `spec.images: the entry ${quote(text)} is left out: ${why}.`,
  );
  return undefined;
}

/** Names the setting that an image does not meet, and what it allows. */
export function notAllowed(registries: readonly string[]): string {
  return `ALLOWED_REGISTRIES of the operator allows only ${quote(registries.join(','), 200)}`;
}

function missingName(text: string): string {
  return isRefusal(parseReference(text))
    ? 'it is not name=image'
    : `it has no name; write name=image, for example image=${text.length <= 80 ? text : '...'}`;
}

/** What is allowed and yet seldom meant. */
function remark(reference: string, parsed: Reference, findings: Findings): void {
  const { tag = '', path } = parsed;
  if (isImplicitLatest(parsed)) {
    findings.add('images', 'ImplicitLatest', () => `spec.images: ${implicitLatest(reference)}`);
  } else if (isPortLikeTag(parsed)) {
    findings.add(
      'images',
      'PortLikeTag',
      () =>
        `spec.images: in ${quote(reference)} ${tag} is a tag of ${quote(path)} on Docker Hub; if it is the port of a registry, add the path of the image.`,
    );
  }
}

/** The remark on a reference without tag and digest. */
export function implicitLatest(reference: string): string {
  return `${quote(reference)} has no tag, so "latest" is meant; write the tag or digest you want.`;
}

/** Ports of registries have four or five digits; tags such as `node:20` have fewer. */
function isPortLikeTag({ domain, path, tag = '', digest }: Reference): boolean {
  const isOneWord = domain === undefined && !path.includes('/') && digest === undefined;
  return isOneWord && /^[1-9][0-9]{3,4}$/.test(tag) && Number(tag) <= 65_535;
}

function keep(entry: WantedName, entries: Map<string, WantedName>, findings: Findings): void {
  // Entries without a name are not one image that was named twice. No name contains "=".
  const key = entry.name === '' ? `=${entry.reference}` : entry.name;
  const earlier = entries.get(key);
  if (earlier !== undefined && earlier.reference !== entry.reference) {
    findings.add(
      'images',
      'MendedInput',
      () =>
        `spec.images has the name ${quote(entry.name)} more than once; the last one counts, so its entry with ${quote(earlier.reference)} is left out.`,
    );
    // Set anew, an entry stands where it counts: at the place of the last one.
    entries.delete(key);
  }
  if (earlier?.reference !== entry.reference) entries.set(key, entry);
}

function byReference(entries: Iterable<WantedName>): ReadonlyMap<string, readonly string[]> {
  const namesByReference = new Map<string, string[]>();
  for (const { name, reference } of entries) {
    const names = namesByReference.get(reference);
    if (names === undefined) namesByReference.set(reference, [name]);
    else names.push(name);
  }
  return namesByReference;
}

function cachedImages(
  namesByReference: ReadonlyMap<string, readonly string[]>,
  findings: Findings,
): readonly CachedImage[] {
  const references = [...namesByReference].map(([reference, names]) => ({ reference, names }));
  const containers = containerNames(
    references.map(({ reference, names: [name = ''] }) => ({ name, reference })),
  );
  const images = references.map(({ reference, names }, index) => {
    const container = containers[index] ?? '';
    tellMended(reference, names, container, findings);
    return { container, reference, names: names.map((name) => name || namelessContainer) };
  });
  // References are ASCII: the order of code units is the order of bytes.
  return images.sort((a, b) => (a.reference < b.reference ? -1 : 1));
}

function tellMended(
  reference: string,
  names: readonly string[],
  container: string,
  findings: Findings,
): void {
  const [name = ''] = names;
  if (name !== container) {
    findings.add(
      'images',
      'MendedInput',
      () =>
        `spec.images: ${whyMended({ name, reference }, container)}; its container is called "${container}".`,
    );
  }
  if (names.length > 1) {
    findings.add(
      'images',
      'MendedInput',
      () =>
        `spec.images: ${quote(reference)} has ${count(names.length)} names, ${listed(names)}; one container holds it.`,
    );
  }
}

/** Why a container is not called what the user wrote. */
function whyMended(wanted: WantedName, container: string): string {
  const { because, stem } = mendingOf(wanted, container);
  const { name, reference } = wanted;
  const fault =
    name === ''
      ? `${quote(reference)} has no name`
      : `the name ${quote(name)} cannot be a container's`;
  switch (because) {
    case 'invalid':
      return fault;
    case 'reserved':
      return `${name === stem ? 'the name' : `${fault}, and`} "${stem}" is reserved for the init container, hence the suffix`;
    case 'taken':
      return `${fault}, and another entry has or gets the name "${stem}", hence the suffix`;
  }
}

/** The first names, and how many there are beside them. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => quote(name, 40));
  const more = names.length - shown.length;
  return enumerated(more === 0 ? shown : [...shown, `${count(more)} more`]);
}
