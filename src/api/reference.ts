import type { Refusal } from './refusal.ts';
import { count, nounCount, quote, trimSpace } from './text.ts';

/** An image reference in its parts, as written: nothing is filled in or normalised. */
export interface Reference {
  /** The registry's host and port. Absent: Docker Hub. */
  readonly domain?: string;
  readonly path: string;
  readonly tag?: string;
  /** `algorithm:hex`; it wins over a tag. */
  readonly digest?: string;
}

/** Nothing longer can be valid and still name a host. */
const maxLength = 1024;
/** Of the repository path, `library/` included (distribution/reference: RepositoryNameTotalLengthMax). */
const maxPathLength = 255;
const maxTagLength = 128;

const hostPart = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const pathPart = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';

// Linear: each is anchored, and where a part ends the next character cannot be in that part.
const domainPattern = new RegExp(
  `^(?:${hostPart}(?:\\.${hostPart})*|\\[[A-Fa-f0-9:]+\\])(?::[0-9]+)?$`,
);
const pathPattern = new RegExp(`^${pathPart}(?:/${pathPart})*$`);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const digestPattern = /^([a-z0-9]+):([a-f0-9]+)$/;
const imageIdPattern = /^[a-f0-9]{64}$/;
const schemePattern = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;
const unprintablePattern = /[^\x21-\x7e]/;

/** Hex digits of the digest algorithms that container runtimes know (opencontainers/go-digest). */
const digestLengths: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

/**
 * Reads a reference by the grammar of the kubelet and the container runtimes
 * (distribution/reference: regexp.go, normalize.go), or says what is wrong with it. Takes time linear
 * in at most 1,024 characters.
 */
export function parseReference(text: string): Reference | Refusal {
  if (text.length > maxLength) {
    return { refusal: `it has ${count(text.length)} characters; a reference has at most 1,024` };
  }
  if (imageIdPattern.test(text)) {
    return {
      refusal: 'it is an image id, not a reference; write repository:tag or repository@digest',
    };
  }
  const parts = split(text);
  const refusal = objection(parts);
  return refusal === undefined ? parts : { refusal: wholeObjection(text) ?? refusal };
}

/** Claims that a reference means whatever `latest` is at the moment, without saying so. */
export function isImplicitLatest({ tag, digest }: Reference): boolean {
  return tag === undefined && digest === undefined;
}

/** Host and path, with what references to Docker Hub may leave out (distribution/reference: normalize.go). */
export function repositoryOf({ domain = 'docker.io', path }: Reference): string {
  const host = domain === 'index.docker.io' ? 'docker.io' : domain;
  return `${host}/${host === 'docker.io' && !path.includes('/') ? 'library/' : ''}${path}`;
}

function split(text: string): Reference {
  const at = text.indexOf('@');
  const name = at < 0 ? text : text.slice(0, at);
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  const repository = colon < 0 ? name : name.slice(0, colon);
  const slash = repository.indexOf('/');
  const host = slash < 0 ? '' : repository.slice(0, slash);
  const hasDomain = isDomain(host);
  return {
    ...(hasDomain && { domain: host }),
    path: hasDomain ? repository.slice(slash + 1) : repository,
    ...(colon >= 0 && { tag: name.slice(colon + 1) }),
    ...(at >= 0 && { digest: text.slice(at + 1) }),
  };
}

/** A first segment is a host when it could be no path, or is the one reserved name. */
function isDomain(segment: string): boolean {
  return /[.:A-Z]/.test(segment) || segment === 'localhost';
}

function objection({ domain, path, tag, digest }: Reference): string | undefined {
  return (
    domainObjection(domain) ??
    pathObjection(path, domain) ??
    tagObjection(tag) ??
    digestObjection(digest)
  );
}

function domainObjection(domain: string | undefined): string | undefined {
  if (domain === undefined || domainPattern.test(domain)) return undefined;
  return `${quote(domain)} is not a registry host with an optional port`;
}

function pathObjection(path: string, domain: string | undefined): string | undefined {
  const isOfficial = (domain === undefined || domain === 'docker.io') && !path.includes('/');
  const length = path.length + (isOfficial ? 'library/'.length : 0);
  if (length > maxPathLength) {
    return `its path has ${length} characters; at most ${maxPathLength} are allowed`;
  }
  return pathPattern.test(path) ? undefined : pathFault(path);
}

function pathFault(path: string): string {
  if (path === '') return 'it has no repository path; write host/path:tag';
  if (path.startsWith('/')) return 'its path begins with "/"; drop the extra slash';
  if (path.endsWith('/') || path.includes('//')) {
    return 'its path has an empty segment; drop the extra slash';
  }
  if (/^[a-z0-9._/-]*[A-Z][A-Za-z0-9._/-]*$/.test(path))
    return `its path ${quote(path)} must be lower case`;
  return `its path ${quote(path)} may hold only a-z and 0-9, joined by one ".", one or two "_" or any "-"`;
}

function tagObjection(tag: string | undefined): string | undefined {
  if (tag === undefined) return undefined;
  if (tag === '') return 'nothing follows its ":"; drop the colon or write a tag';
  if (tag.length > maxTagLength) {
    return `its tag has ${tag.length} characters; at most ${maxTagLength} are allowed`;
  }
  return tagPattern.test(tag)
    ? undefined
    : `its tag ${quote(tag)} may hold only letters, digits, "_", "." and "-", and starts with none of the last two`;
}

function digestObjection(digest: string | undefined): string | undefined {
  if (digest === undefined) return undefined;
  if (digest === '') return 'nothing follows its "@"; drop the sign or write a digest';
  const [, algorithm = '', hex = ''] = digestPattern.exec(digest) ?? [];
  const length = digestLengths.get(algorithm);
  if (length !== undefined && hex.length === length) return undefined;
  if (length !== undefined) {
    return `its ${algorithm} digest has ${nounCount(hex.length, 'hex digit')}, not ${length}`;
  }
  return `its digest ${quote(digest)} is not sha256, sha384 or sha512, a colon and hex digits in lower case`;
}

/** What is wrong with the text as a whole explains more than what is wrong with one of its parts. */
function wholeObjection(text: string): string | undefined {
  if (text === '') return 'it is empty';
  const scheme = schemePattern.exec(text)?.[0];
  if (scheme !== undefined) return `it begins with ${quote(scheme)}; drop the scheme`;
  const stray = unprintablePattern.exec(text);
  if (stray === null) return undefined;
  return trimSpace(stray[0]) === ''
    ? 'it has white space inside; remove it'
    : `it has the character ${quote(stray[0])}; a reference is plain ASCII`;
}
