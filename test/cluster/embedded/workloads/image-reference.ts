/** An image reference as the container runtime spells it out. */
export interface ImageReference {
  /** The registry with its port; `docker.io` where none is named. */
  readonly host: string;
  readonly repository: string;
  /** Absent where the reference has a digest; `latest` where it has neither. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
  /** All of it: `docker.io/library/nginx:latest`. */
  readonly canonical: string;
}

const domainPart = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainPattern = new RegExp(
  `^(?:${domainPart}(?:\\.${domainPart})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?$`,
);
const pathPart = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const pathPattern = new RegExp(`^${pathPart}(?:/${pathPart})*$`);
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/**
 * Spells an image reference out as the kubelet does, or says what is wrong with it.
 * (distribution/reference: regexp.go, normalize.go)
 */
export function parseImage(text: string): ImageReference | { readonly error: string } {
  if (/^[a-f0-9]{64}$/.test(text)) {
    return {
      error: `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    };
  }
  const { name, tag, digest } = split(text);
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:A-Z]/.test(first) || first === 'localhost';
  const host = isHost ? first : 'docker.io';
  const path = isHost ? name.slice(slash + 1) : name;
  const repository = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (repository !== repository.toLowerCase()) {
    return { error: `invalid reference format: repository name (${repository}) must be lowercase` };
  }
  const isValid =
    domainPattern.test(host) &&
    pathPattern.test(repository) &&
    repository.length <= 255 &&
    (tag === undefined || tagPattern.test(tag)) &&
    (digest === undefined || isDigest(digest));
  if (!isValid) return { error: 'invalid reference format' };
  // A digest says everything: the runtime drops the tag beside it.
  const keptTag = digest === undefined ? (tag ?? 'latest') : undefined;
  const canonical = `${host}/${repository}${digest === undefined ? `:${keptTag}` : `@${digest}`}`;
  return { host, repository, tag: keptTag, digest, canonical };
}

/** Cuts the text where a digest and a tag begin; a colon before the last slash belongs to a port. */
function split(text: string): {
  name: string;
  tag: string | undefined;
  digest: string | undefined;
} {
  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const colon = named.lastIndexOf(':');
  return colon > named.lastIndexOf('/')
    ? { name: named.slice(0, colon), tag: named.slice(colon + 1), digest }
    : { name: named, tag: undefined, digest };
}

function isDigest(digest: string): boolean {
  if (!digestPattern.test(digest)) return false;
  const [algorithm = '', hex = ''] = digest.split(':');
  const length = digestLengths[algorithm];
  return length !== undefined && hex.length === length && hex === hex.toLowerCase();
}
