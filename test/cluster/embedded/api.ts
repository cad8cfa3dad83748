import { parse as parseYaml } from 'yaml';
import type { Clock } from '../../../src/clock.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { type ApiRequest, isTrue, type RequestTarget, type ResourceTarget } from './api-request.ts';
import { unknownFields } from './decode.ts';
import { coreVersions, groupInfo, groupList, resourceList, versionInfo } from './discovery.ts';
import { coreEventRequest, newerEventAnswer } from './event-view.ts';
import { isObject, type JsonObject } from './json.ts';
import type { Kind, Kinds } from './kinds.ts';
import { list } from './lists.ts';
import { jsonPatch, mergePatch } from './patches.ts';
import { type Representation, representation } from './representation.ts';
import { selector } from './selectors.ts';
import {
  badRequest,
  invalid,
  methodNotAllowed,
  noSuchResource,
  notFound,
  unsupportedMediaType,
} from './status-error.ts';
import type { Store } from './store.ts';
import type { User } from './users.ts';
import { startWatch, type WatchSink, watchRequest } from './watches.ts';
import type { DeleteOptions, Place, WriteOptions, Writer } from './writer.ts';

/** What a request is answered with: one body, or a stream that the caller runs. */
export type Answer = Body | { readonly watch: (sink: WatchSink) => () => void };

interface Body {
  readonly code: number;
  readonly body: unknown;
}

export interface ApiParts {
  readonly clock: Clock;
  readonly store: Store;
  readonly kinds: Kinds;
  readonly writer: Writer;
  /** As `v1.36.3`. */
  readonly version: string;
}

const applyTypes = ['application/apply-patch+yaml'];
const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', ...applyTypes];
const bodyTypes = ['application/json', 'application/yaml'];

/** What an API server answers, apart from HTTP and from who may ask. Refusals are thrown. */
export class Api {
  readonly #parts: ApiParts;

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  handle(request: ApiRequest, target: RequestTarget, user: User): Answer {
    if (!target.isResource) return { code: 200, body: this.#plain(request) };
    const kind = this.#parts.kinds.find(target.group, target.version, target.plural);
    if (kind === undefined || !hasSubresource(kind, target.subresource)) throw noSuchResource();
    if (kind.viewOf === undefined) return this.#served(kind, target, request, user);
    const asked = coreEventRequest(request);
    return newerEventAnswer(this.#served(kind.viewOf, target, asked, user));
  }

  #served(kind: Kind, target: ResourceTarget, request: ApiRequest, user: User): Answer {
    const represent = representation({
      kind,
      accept: request.headers['accept'],
      query: request.query,
      now: () => this.#parts.clock.now(),
    });
    if (target.verb === 'watch') return this.#watch(kind, target, request, represent);
    const options = writeOptions(request, target, user);
    const { code, body } =
      target.name === '' || isCollection(request, target)
        ? this.#collection(kind, target, request, options)
        : this.#object(kind, target, request, options);
    return { code, body: represent(body) };
  }

  #plain({ method, path }: ApiRequest): unknown {
    if (method !== 'GET') throw methodNotAllowed();
    const [root, group, version] = path.split('/').filter((part) => part !== '');
    switch (root) {
      case 'healthz':
      case 'livez':
      case 'readyz':
        return 'ok';
      case 'version':
        return versionInfo(this.#parts.version);
      case 'api':
        return group === undefined ? coreVersions() : resourceList(this.#parts.kinds, group);
      case 'apis':
        if (group === undefined) return groupList(this.#parts.kinds);
        if (version === undefined) return groupInfo(this.#parts.kinds, group);
        return resourceList(this.#parts.kinds, `${group}/${version}`);
      default:
        throw noSuchResource();
    }
  }

  #watch(
    kind: Kind,
    target: ResourceTarget,
    { query }: ApiRequest,
    represent: Representation,
  ): Answer {
    const { store, clock } = this.#parts;
    const namespace = kind.namespaced ? target.namespace : '';
    const watch = watchRequest(kind, namespace, onlyNamed(query, target.name), represent);
    return { watch: (sink) => startWatch(store, clock, watch, sink) };
  }

  #collection(
    kind: Kind,
    target: ResourceTarget,
    request: ApiRequest,
    options: WriteOptions,
  ): Body {
    const { store, writer } = this.#parts;
    const namespace = kind.namespaced ? target.namespace : '';
    switch (request.method) {
      case 'GET':
        return { code: 200, body: list(store, kind, namespace, request.query) };
      case 'POST':
        return {
          code: 201,
          body: writer.create(kind, namespace, knownIn(kind, request), options),
        };
      case 'DELETE':
        return { code: 200, body: this.#removeAll(kind, namespace, request, options) };
      default:
        throw methodNotAllowed();
    }
  }

  #object(kind: Kind, target: ResourceTarget, request: ApiRequest, options: WriteOptions): Body {
    const { store } = this.#parts;
    const { name } = target;
    const namespace = kind.namespaced ? target.namespace : '';
    switch (request.method) {
      case 'GET': {
        const object = store.get(kind, namespace, name);
        if (object === undefined) throw notFound(kind, name);
        return { code: 200, body: object };
      }
      case 'PUT':
        return this.#replace(kind, { namespace, name }, request, options);
      case 'PATCH':
        return this.#patch(kind, { namespace, name }, request, options);
      case 'DELETE':
        if (options.subresource !== undefined) throw methodNotAllowed();
        return { code: 200, body: this.#remove(kind, { namespace, name }, request, options) };
      default:
        throw methodNotAllowed();
    }
  }

  #replace(kind: Kind, place: Place, request: ApiRequest, options: WriteOptions): Body {
    const { store, writer } = this.#parts;
    const isNew = store.get(kind, place.namespace, place.name) === undefined;
    const body = knownIn(kind, request);
    refuseOtherName(body, place.name);
    return { code: isNew ? 201 : 200, body: writer.replace(kind, place, body, options) };
  }

  #patch(kind: Kind, { namespace, name }: Place, request: ApiRequest, options: WriteOptions): Body {
    const { store, writer } = this.#parts;
    const { query } = request;
    const type = mediaType(request);
    refusePatchOptions(query, applyTypes.includes(type));
    if (applyTypes.includes(type)) {
      const isNew = store.get(kind, namespace, name) === undefined;
      const body = objectIn(request, applyTypes);
      refuseOtherName(body, name);
      const force = isTrue(query.get('force'));
      const applied = writer.apply(kind, namespace, withName(body, name), { ...options, force });
      return { code: isNew ? 201 : 200, body: applied };
    }
    const patch = bodyIn(request, patchTypes);
    const change = (live: KubeObject) =>
      (type === 'application/json-patch+json'
        ? jsonPatch(live, patch)
        : mergePatch(live, patch)) as KubeObject; // checked when it is decoded
    return { code: 200, body: writer.update(kind, namespace, name, change, options) };
  }

  #remove(kind: Kind, { namespace, name }: Place, request: ApiRequest, options: WriteOptions) {
    const { store, writer } = this.#parts;
    const removed = writer.remove(kind, namespace, name, deleteOptions(request, options));
    if (options.dryRun || store.get(kind, namespace, name) !== undefined) return removed;
    const { group, plural } = kind;
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: {
        name,
        ...(group === '' ? {} : { group }),
        kind: plural,
        uid: removed.metadata.uid,
      },
    };
  }

  #removeAll(kind: Kind, namespace: string, request: ApiRequest, options: WriteOptions): unknown {
    const { store, writer } = this.#parts;
    const { query } = request;
    const selects = selector(
      kind,
      query.get('labelSelector') ?? '',
      query.get('fieldSelector') ?? '',
    );
    const selected = store.list(kind, namespace).filter(selects);
    const answer = list(store, kind, namespace, query);
    for (const { metadata } of selected) {
      const { namespace: own = '', name = '' } = metadata;
      writer.remove(kind, own, name, deleteOptions(request, options));
    }
    return answer;
  }
}

function hasSubresource(kind: Kind, subresource: string): boolean {
  return subresource === '' || (subresource === 'status' && kind.rules.status === true);
}

/** A field selector may name one object of a collection; the request is still one for the collection. */
function isCollection({ path }: ApiRequest, { plural }: ResourceTarget): boolean {
  return path.endsWith(`/${plural}`) || path.endsWith(`/${plural}/`);
}

/** A watch of one object, by path, selects it by name. */
function onlyNamed(query: URLSearchParams, name: string): URLSearchParams {
  if (name === '' || query.has('fieldSelector')) return query;
  const named = new URLSearchParams(query);
  named.set('fieldSelector', `metadata.name=${name}`);
  return named;
}

/** Who writes, under the name that managed fields show: the parameter, or the client's own first word. */
function writeOptions(request: ApiRequest, target: ResourceTarget, user: User): WriteOptions {
  const [agent = ''] = (request.headers['user-agent'] ?? '').split('/');
  return {
    manager: request.query.get('fieldManager') || agent || 'unknown',
    user,
    ...(target.subresource === 'status' ? { subresource: 'status' } : {}),
    dryRun: request.query.get('dryRun') === 'All',
  };
}

function mediaType({ headers }: ApiRequest): string {
  return (headers['content-type'] ?? 'application/json').split(';')[0]?.trim() ?? '';
}

/** The body as JSON; YAML where the content type says so, 415 where it is neither. */
function bodyIn(request: ApiRequest, accepted: readonly string[]): unknown {
  const type = mediaType(request);
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  try {
    return JSON.parse(request.body);
  } catch (error) {
    if (!type.endsWith('yaml')) throw badRequest(`cannot parse the body: ${String(error)}`);
  }
  try {
    return parseYaml(request.body);
  } catch (error) {
    throw badRequest(`error decoding YAML: ${String(error)}`);
  }
}

/** The object in a body: it has apiVersion, kind and metadata, or 400. */
function objectIn(request: ApiRequest, accepted: readonly string[]): KubeObject {
  const body = bodyIn(request, accepted);
  if (!isObject(body)) throw badRequest('the body is not an object');
  if (typeof body['kind'] !== 'string' || typeof body['apiVersion'] !== 'string') {
    throw badRequest("Object 'Kind' is missing in the body");
  }
  const metadata = isObject(body['metadata']) ? body['metadata'] : {};
  return { ...body, metadata } as unknown as KubeObject; // the fields are checked when decoded
}

/** As {@link objectIn}; 400 where strict validation is asked for and a field is not known. */
function knownIn(kind: Kind, request: ApiRequest): KubeObject {
  const object = objectIn(request, bodyTypes);
  if (request.query.get('fieldValidation') !== 'Strict') return object;
  const unknown = unknownFields(kind.type, object);
  if (unknown.length === 0) return object;
  const faults = unknown.map((path) => `unknown field "${path}"`).join(', ');
  throw badRequest(
    `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: strict decoding error: ${faults}`,
  );
}

function refuseOtherName({ metadata }: KubeObject, name: string): void {
  const named = metadata.name ?? name;
  if (named === name) return;
  throw badRequest(
    `the name of the object (${named}) does not match the name on the URL (${name})`,
  );
}

function withName(object: KubeObject, name: string): KubeObject {
  return { ...object, metadata: { ...object.metadata, name } };
}

function refusePatchOptions(query: URLSearchParams, isApply: boolean): void {
  const errors = [];
  if (isApply && !query.get('fieldManager')) {
    errors.push({
      type: 'FieldValueRequired' as const,
      field: 'fieldManager',
      detail: 'is required for apply patch',
    });
  }
  if (!isApply && query.has('force')) {
    errors.push({
      type: 'FieldValueForbidden' as const,
      field: 'force',
      detail: 'may not be specified for non-apply patch',
    });
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', errors);
}

/** The options of a deletion, which come in the body or among the parameters. */
function deleteOptions(request: ApiRequest, options: WriteOptions): DeleteOptions {
  const sent = request.body === '' ? {} : bodyIn(request, bodyTypes);
  const body: JsonObject = isObject(sent) ? sent : {};
  const preconditions = isObject(body['preconditions']) ? body['preconditions'] : {};
  const policy = body['propagationPolicy'] ?? request.query.get('propagationPolicy') ?? undefined;
  const grace = body['gracePeriodSeconds'] ?? request.query.get('gracePeriodSeconds') ?? undefined;
  const dryRun = body['dryRun'];
  return {
    ...options,
    dryRun: options.dryRun === true || (Array.isArray(dryRun) && dryRun.includes('All')),
    ...(typeof preconditions['uid'] === 'string' ? { uid: preconditions['uid'] } : {}),
    ...(typeof preconditions['resourceVersion'] === 'string'
      ? { resourceVersion: preconditions['resourceVersion'] }
      : {}),
    ...(policy === undefined ? {} : { propagationPolicy: propagationPolicy(policy) }),
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
  };
}

function propagationPolicy(policy: unknown): 'Background' | 'Foreground' | 'Orphan' {
  if (policy === 'Background' || policy === 'Foreground' || policy === 'Orphan') return policy;
  throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', [
    {
      type: 'FieldValueNotSupported',
      field: 'propagationPolicy',
      value: policy,
      detail: 'supported values: "Foreground", "Background", "Orphan"',
    },
  ]);
}
