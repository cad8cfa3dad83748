import type { Clock } from '../../../src/clock.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { type ApiRequest, isTrue, type RequestTarget, type ResourceTarget } from './api-request.ts';
import { coreVersions, groupInfo, groupList, resourceList, versionInfo } from './discovery.ts';
import { coreEventRequest, newerEventAnswer } from './event-view.ts';
import { FieldValidation } from './field-validation.ts';
import { asObject, isObject, type JsonObject } from './json.ts';
import type { Kind, Kinds } from './kinds.ts';
import { list } from './lists.ts';
import { openApiDocument, openApiIndex } from './openapi.ts';
import {
  applyType,
  jsonPatch,
  jsonPatchType,
  mergePatch,
  patchTypesOf,
  strategicType,
} from './patches.ts';
import type { Authorizer } from './rbac.ts';
import { type Representation, representation } from './representation.ts';
import { bodyIn, bodyTypes, mediaType, objectIn } from './request-body.ts';
import { type Review, reviewAt } from './reviews.ts';
import { selector } from './selectors.ts';
import { badRequest, invalid, methodNotAllowed, noSuchResource, notFound } from './status-error.ts';
import type { Store } from './store.ts';
import { strategicMergePatch } from './strategic-merge.ts';
import { refusalOfUnmodelled } from './unmodelled.ts';
import type { User } from './users.ts';
import { startWatch, type WatchSink, watchRequest } from './watches.ts';
import type { DeleteOptions, Place, WriteOptions, Writer } from './writer.ts';

/** What a request is answered with: one body, or a stream that the caller runs. */
export type Answer = Body | { readonly watch: (sink: WatchSink) => () => void };

/** One body, all of it. */
export interface Body {
  readonly code: number;
  readonly body: unknown;
  /** What the client is to be told beside it. */
  readonly warnings?: readonly string[];
}

/** One request for objects of a kind. */
interface Call {
  readonly kind: Kind;
  /** Its name is empty for a collection. */
  readonly place: Place;
  readonly request: ApiRequest;
  readonly options: WriteOptions;
  readonly validation: FieldValidation;
}

export interface ApiParts {
  /** What users may do, for those who ask. */
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly store: Store;
  readonly kinds: Kinds;
  readonly writer: Writer;
  /** As `v1.36.3`. */
  readonly version: string;
}

/** What an API server answers, apart from HTTP and from who may ask. Refusals are thrown. */
export class Api {
  readonly #parts: ApiParts;

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  handle(request: ApiRequest, target: RequestTarget, user: User): Answer {
    if (!target.isResource) return { code: 200, body: this.#plain(request) };
    const review = reviewAt(target.group, target.version, target.plural);
    if (review !== undefined) return this.#review(review, request, user);
    const kind = this.#parts.kinds.find(target.group, target.version, target.plural);
    if (kind === undefined) throw noSuchResource();
    if (!hasSubresource(kind, target.subresource)) {
      throw refusalOfUnmodelled(kind, target.subresource) ?? noSuchResource();
    }
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
    const validation = new FieldValidation(request.query);
    const call: Call = {
      kind,
      place: { namespace: kind.namespaced ? target.namespace : '', name: target.name },
      request,
      options: writeOptions(request, target, user),
      validation,
    };
    const { code, body } =
      target.name === '' || isCollection(request, target)
        ? this.#collection(call)
        : this.#object(call);
    return { code, body: represent(body), warnings: validation.warnings };
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
      case 'openapi':
        return this.#openApi(path);
      default:
        throw noSuchResource();
    }
  }

  #openApi(path: string): unknown {
    const { kinds } = this.#parts;
    const [, version, ...document] = path.split('/').filter((part) => part !== '');
    // kubectl asks for it about kinds that v3 does not have: no bytes are a document without any, in protobuf.
    if (version === 'v2') return '';
    if (version !== 'v3') throw noSuchResource();
    return document.length === 0 ? openApiIndex(kinds) : openApiDocument(kinds, document.join('/'));
  }

  #review(review: Review, request: ApiRequest, user: User): Body {
    if (request.method !== 'POST') throw methodNotAllowed();
    const body = objectIn(request, bodyTypes);
    const status = review.answer(asObject(body['spec']), user, this.#parts.authorizer);
    return { code: 201, body: { ...body, status } };
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

  #collection(call: Call): Body {
    const { kind, place, request, options, validation } = call;
    const { store, writer } = this.#parts;
    const { namespace } = place;
    switch (request.method) {
      case 'GET':
        return { code: 200, body: list(store, kind, namespace, request.query) };
      case 'POST': {
        const object = objectIn(request, bodyTypes);
        validation.checkObject(kind, object);
        const creation = { ...options, mayCreate: true };
        return { code: 201, body: writer.create(kind, namespace, object, creation) };
      }
      case 'DELETE':
        return { code: 200, body: this.#removeAll(call) };
      default:
        throw methodNotAllowed();
    }
  }

  #object(call: Call): Body {
    const { kind, place, request, options } = call;
    switch (request.method) {
      case 'GET': {
        const object = this.#parts.store.get(kind, place.namespace, place.name);
        if (object === undefined) throw notFound(kind, place.name);
        return { code: 200, body: object };
      }
      case 'PUT':
        return this.#replace(call);
      case 'PATCH':
        return mediaType(request) === applyType ? this.#apply(call) : this.#patch(call);
      case 'DELETE':
        if (options.subresource !== undefined) throw methodNotAllowed();
        return { code: 200, body: this.#remove(call) };
      default:
        throw methodNotAllowed();
    }
  }

  #replace({ kind, place, request, options, validation }: Call): Body {
    const body = objectIn(request, bodyTypes);
    validation.checkObject(kind, body);
    refuseOtherName(body, place.name);
    const code = this.#codeOf(kind, place);
    return { code, body: this.#parts.writer.replace(kind, place, body, options) };
  }

  #apply({ kind, place, request, options }: Call): Body {
    const { namespace, name } = place;
    refusePatchOptions(request.query, true);
    const body = objectIn(request, [applyType]);
    refuseOtherName(body, name);
    const code = this.#codeOf(kind, place);
    const force = isTrue(request.query.get('force'));
    const applied = withName(body, name);
    return {
      code,
      body: this.#parts.writer.apply(kind, namespace, applied, { ...options, force }),
    };
  }

  /** What a write of a whole object is answered with, which creates it where it is absent. */
  #codeOf(kind: Kind, { namespace, name }: Place): number {
    return this.#parts.store.get(kind, namespace, name) === undefined ? 201 : 200;
  }

  #patch({ kind, place, request, options, validation }: Call): Body {
    const { namespace, name } = place;
    refusePatchOptions(request.query, false);
    const type = mediaType(request);
    const patch = bodyIn(request, patchTypesOf(kind));
    const change = (live: KubeObject) => {
      const patched = patchedBy(type, kind, live, patch);
      validation.checkPatched(kind, patched);
      return patched;
    };
    return { code: 200, body: this.#parts.writer.update(kind, namespace, name, change, options) };
  }

  #remove({ kind, place, request, options }: Call) {
    const { store, writer } = this.#parts;
    const { namespace, name } = place;
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

  #removeAll({ kind, place: { namespace }, request, options }: Call): unknown {
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

function patchedBy(type: string, kind: Kind, live: KubeObject, patch: unknown): KubeObject {
  const patched = () => {
    if (type === jsonPatchType) return jsonPatch(live, patch);
    if (type === strategicType) return strategicMergePatch(kind.type, live, patch);
    return mergePatch(live, patch);
  };
  return patched() as KubeObject; // checked when it is decoded
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
