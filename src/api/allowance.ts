import { type Reference, repositoryOf } from './reference.ts';

/**
 * What the operator's settings allow users to ask for. A pattern of a registry is a host with its port,
 * and optionally a path below which an image must lie; `*` stands for any characters but `/`. Docker Hub
 * is `docker.io`, its official images lie in `library`.
 */

/** Claims that a text is such a pattern: what could be no host would allow nothing. */
export function isRegistryPattern(text: string): boolean {
  const [host = '', ...path] = text.split('/');
  return (
    /^[A-Za-z0-9.*:[\]-]+$/.test(host) &&
    (/[.:*]/.test(host) || host === 'localhost') &&
    path.every((segment) => /^[a-z0-9._*-]+$/.test(segment))
  );
}

/** Claims that one of the patterns covers the image, or that there are none. Linear in the reference. */
export function isAllowedImage(reference: Reference, patterns: readonly string[]): boolean {
  if (patterns.length === 0) return true;
  const { domain, path } = reference;
  const inLowerCase = { path, ...(domain !== undefined && { domain: domain.toLowerCase() }) };
  const segments = repositoryOf(inLowerCase).split('/');
  return patterns.some((pattern) => {
    const [host = '', ...path] = pattern.split('/');
    return (
      path.length < segments.length &&
      [host.toLowerCase(), ...path].every((part, at) => matches(segments[at] ?? '', part))
    );
  });
}

/** Each part is looked for behind the one before it and only once, so nothing is read again and again. */
function matches(text: string, pattern: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  const last = others.pop();
  if (last === undefined) return text === pattern;
  let at = text.startsWith(first) ? first.length : -1;
  for (const part of others) {
    const found = at < 0 ? -1 : text.indexOf(part, at);
    at = found < 0 ? -1 : found + part.length;
  }
  return at >= 0 && text.length - last.length >= at && text.endsWith(last);
}
