import type { KubeObject } from '../../../src/kube/objects.ts';
import { asObjects, at, isObject, type JsonObject } from './json.ts';
import { apiVersionOf, type Kind } from './kinds.ts';
import { badRequest, StatusError } from './status-error.ts';

/** How a client wants to see objects: turns what is stored into what is sent, for one request. */
export type Representation = (answer: unknown) => unknown;

export interface RepresentationRequest {
  readonly kind: Kind;
  readonly accept: string | undefined;
  readonly query: URLSearchParams;
  /** Milliseconds since the epoch: tables tell ages. */
  readonly now: () => number;
}

const metaVersions = ['meta.k8s.io/v1', 'meta.k8s.io/v1beta1'];
const tableLike = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'];

interface Wanted {
  /** Undefined for objects as they are. */
  readonly as: string | undefined;
  readonly apiVersion: string;
}

/**
 * What an Accept header asks for: objects as they are, a Table, or nothing but metadata. The first
 * of its clauses that can be served counts (apiserver: pkg/endpoints/handlers/negotiation); 406
 * where there is none.
 */
export function representation(request: RepresentationRequest): Representation {
  const { as, apiVersion } = wanted(request.accept ?? '*/*');
  switch (as) {
    case undefined:
      return (answer) => answer;
    case 'Table':
      return tables(request, apiVersion);
    default:
      return (answer) => (isStatus(answer) ? answer : metadataOnly(as, apiVersion, answer));
  }
}

function wanted(accept: string): Wanted {
  for (const clause of accept.split(',')) {
    const [type = '', ...rest] = clause.split(';').map((part) => part.trim());
    const parameters = new Map(rest.map((part) => part.split('=') as [string, string]));
    const as = parameters.get('as');
    const apiVersion = `${parameters.get('g')}/${parameters.get('v')}`;
    if (!['application/json', 'application/*', '*/*', ''].includes(type)) continue;
    if (as === undefined) return { as, apiVersion };
    if (tableLike.includes(as) && metaVersions.includes(apiVersion)) return { as, apiVersion };
  }
  throw notAcceptable('only the following media types are accepted: application/json');
}

function notAcceptable(message: string): StatusError {
  return new StatusError(406, 'NotAcceptable', message);
}

function isStatus(answer: unknown): boolean {
  return isObject(answer) && answer['kind'] === 'Status';
}

function isList(answer: JsonObject): boolean {
  return Array.isArray(answer['items']);
}

function metadataOnly(as: string, apiVersion: string, answer: unknown): unknown {
  const object = answer as KubeObject; // the API answers with objects, lists of them and Statuses
  if (isList(object) !== (as === 'PartialObjectMetadataList')) {
    const is = isList(object) ? 'a list' : 'not a list';
    throw notAcceptable(`you requested ${as}, but the requested object is ${is}`);
  }
  if (!isList(object)) return partial(apiVersion, object);
  const items = asObjects(object['items']).map((item) => partial(apiVersion, item));
  return { kind: as, apiVersion, metadata: object.metadata, items };
}

function partial(apiVersion: string, { metadata }: JsonObject) {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata };
}

/** Of a watch, only the first event has the headers. */
function tables({ kind, query, now }: RepresentationRequest, apiVersion: string): Representation {
  const { columns } = kind;
  const include = query.get('includeObject') ?? '';
  if (!['', 'None', 'Metadata', 'Object'].includes(include)) {
    throw badRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`);
  }
  const definitions = columns.map(({ cell: _, ...definition }) => definition);
  let headers = query.get('noHeaders') === 'true' ? null : definitions;
  const type = { apiVersion: apiVersionOf(kind), kind: kind.kind };
  const shown = (object: KubeObject) => {
    if (include === 'None') return null;
    return include === 'Object' ? { ...type, ...object } : partial(apiVersion, object);
  };
  const row = (item: JsonObject) => {
    const object = item as KubeObject; // of its kind, which lists of built-in ones leave out
    const cells = columns.map(({ cell }) => cell(object, now()));
    const conditions = kind.kind === 'Pod' && completion(object);
    return { cells, ...(conditions && { conditions }), object: shown(object) };
  };
  return (answer) => {
    if (!isObject(answer) || isStatus(answer)) return answer;
    const columnDefinitions = headers;
    headers = null;
    const rows = isList(answer) ? asObjects(answer['items']).map(row) : [row(answer)];
    const metadata = isList(answer)
      ? answer['metadata']
      : { resourceVersion: at(answer, 'metadata', 'resourceVersion') };
    return { kind: 'Table', apiVersion, metadata, columnDefinitions, rows };
  };
}

const completions: Readonly<Record<string, string>> = {
  Succeeded: 'The pod has completed successfully.',
  Failed: 'The pod failed.',
};

/** Marks the row of a pod that has come to its end. */
function completion(pod: KubeObject) {
  const phase = String(at(pod, 'status', 'phase'));
  const message = completions[phase];
  return message && [{ type: 'Completed', status: 'True', reason: phase, message }];
}
