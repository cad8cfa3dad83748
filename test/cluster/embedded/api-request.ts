import { selectedName } from './selectors.ts';
import { badRequest } from './status-error.ts';

/** What a request asks for, in the words of authorization (apiserver: pkg/endpoints/request/requestinfo.go). */
export type RequestTarget = ResourceTarget | PathTarget;

export interface ResourceTarget {
  readonly isResource: true;
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  /** Empty for the whole cluster. */
  readonly namespace: string;
  readonly plural: string;
  readonly subresource: string;
  /** Empty for a collection. */
  readonly name: string;
}

export interface PathTarget {
  readonly isResource: false;
  readonly verb: string;
  readonly path: string;
}

/** One HTTP request, its body read. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The text; of protobuf, its bytes in base64. */
  readonly body: string;
}

/** The place of a request among `/api/v1/…` and `/apis/<group>/<version>/…`, or a plain path. */
export function targetOf(request: ApiRequest): RequestTarget {
  const { method, path, query } = request;
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const [root = '', ...below] = parts;
  const [group = '', version = '', ...rest] = root === 'api' ? ['', ...below] : below;
  if (!['api', 'apis'].includes(root) || rest.length === 0) {
    return { isResource: false, verb: method.toLowerCase(), path };
  }
  const place = placeOf(rest);
  const name = place.name || (selectedName(query.get('fieldSelector') ?? '') ?? '');
  const verb = verbOf(method, place.name === '', query);
  return { isResource: true, verb, group, version, ...place, name };
}

/** `namespaces/<namespace>/pods/<name>/status`, where a namespace itself is in its own namespace. */
function placeOf(parts: readonly string[]) {
  const isInNamespace = parts[0] === 'namespaces' && parts.length > 2 && parts[2] !== 'status';
  const [plural = '', name = '', subresource = ''] = isInNamespace ? parts.slice(2) : parts;
  const namespace = parts[0] === 'namespaces' ? (parts[1] ?? '') : '';
  return { namespace, plural, name, subresource };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`invalid URL escape in ${part}`);
  }
}

function verbOf(method: string, isCollection: boolean, query: URLSearchParams): string {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return isCollection ? 'deletecollection' : 'delete';
    default:
      if (isTrue(query.get('watch'))) return 'watch';
      return isCollection ? 'list' : 'get';
  }
}

/** A boolean query parameter. */
export function isTrue(parameter: string | null): boolean {
  return parameter === 'true' || parameter === '1';
}
