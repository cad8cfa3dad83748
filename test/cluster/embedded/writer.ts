import type { Clock } from '../../../src/clock.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import type { RemoveOptions } from './control-plane.ts';
import { emptySet, type FieldSet, setOf } from './field-set.ts';
import { isEqual, isObject, without } from './json.ts';
import { apiVersionOf, type Kind } from './kinds.ts';
import { applied, type FieldManagement, tracked, withoutNewTimes } from './managed-fields.ts';
import { metadataErrors } from './metadata-rules.ts';
import { dnsSubdomain } from './name-rules.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  internal,
  invalid,
  notFound,
  staleObject,
} from './status-error.ts';
import type { Store } from './store.ts';
import type { User } from './users.ts';

/** Who writes, and what part of the object. */
export interface WriteOptions {
  /** Whom `metadata.managedFields` names. */
  readonly manager: string;
  /** Whose rights admission asks for; absent for the cluster's own controllers, which may do all. */
  readonly user?: User;
  readonly subresource?: 'status';
  /** The request is a creation, so that the right to create has been asked for. */
  readonly mayCreate?: boolean;
  /** Everything is decided, nothing is stored. */
  readonly dryRun?: boolean;
}

/** One write as admission sees it, before it is validated and stored. */
export interface Attempt {
  readonly verb: 'create' | 'update' | 'delete';
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  /** Absent for a deletion. */
  readonly next: KubeObject | undefined;
  readonly live: KubeObject | undefined;
  readonly options: WriteOptions;
}

/** Refuses a write by throwing a StatusError. */
export type Admission = (attempt: Attempt) => void;

/** What a writer works with. */
export interface WriterParts {
  readonly store: Store;
  readonly clock: Clock;
  /** Of what uids and generated names are made; `Math.random` by default. */
  readonly random?: (() => number) | undefined;
  readonly admissions?: Admissions;
}

/** Who else has a say in writes, and when. */
export interface Admissions {
  /** Asked before anything else. */
  readonly before?: readonly Admission[];
  /** What a new object is made into before it is validated. */
  readonly fill?: readonly ((attempt: Attempt, next: KubeObject) => KubeObject)[];
  /** What a webhook makes of an object, each time that one is written; of a status, nothing. */
  readonly mutate?: (next: KubeObject) => KubeObject;
  /** Asked for new objects that are valid, before they are stored. */
  readonly after?: readonly Admission[];
}

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

/**
 * The rules of every write, whoever makes it: names and preconditions, defaults and validation,
 * generation, resourceVersion and finalizers. The order of steps follows kubernetes/kubernetes:
 * apiserver/pkg/registry/generic/registry/store.go.
 */
export class Writer {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #admissions: Admissions;
  readonly #random: () => number;

  constructor({ store, clock, random = Math.random, admissions = {} }: WriterParts) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#admissions = admissions;
  }

  create(kind: Kind, namespace: string, body: KubeObject, options: WriteOptions): KubeObject {
    if (body.metadata.resourceVersion) {
      throw internal('resourceVersion should not be set on objects to be created');
    }
    const next = this.#decoded(kind, namespace, withName(kind, body, this.#random));
    return this.#create(
      kind,
      namespace,
      tracked(undefined, next, this.#management(kind, options)),
      options,
    );
  }

  #create(kind: Kind, namespace: string, next: KubeObject, options: WriteOptions): KubeObject {
    const name = next.metadata.name ?? '';
    const attempt = {
      verb: 'create',
      kind,
      namespace,
      name,
      next,
      live: undefined,
      options,
    } as const;
    this.#admit(attempt);
    const { fill = [], after = [] } = this.#admissions;
    const filled = fill.reduce((object, add) => add(attempt, object), next);
    const created = this.#newObject(kind, this.#mutated(filled, options));
    refuseErrors(kind, created, [
      ...metadataErrors(created, undefined, kind.rules.nameGrammar ?? dnsSubdomain),
      ...(kind.rules.validate?.(created, undefined) ?? []),
    ]);
    for (const admit of after) admit({ ...attempt, next: created });
    const live = this.#store.get(kind, namespace, name);
    if (live !== undefined) {
      throw alreadyExists(kind, name, live.metadata.deletionTimestamp !== undefined);
    }
    return options.dryRun ? created : this.#store.put(kind, created);
  }

  /**
   * Stores what `change` makes of the live object. A write that changes nothing is not stored, so
   * it moves neither the resourceVersion nor any watch.
   */
  update(
    kind: Kind,
    namespace: string,
    name: string,
    change: (live: KubeObject) => KubeObject,
    options: WriteOptions,
  ): KubeObject {
    const live = this.#store.get(kind, namespace, name);
    if (live === undefined) throw notFound(kind, name);
    const next = this.#decoded(kind, namespace, change(live), live);
    refuseOtherName(name, next);
    return this.#update(kind, live, tracked(live, next, this.#management(kind, options)), options);
  }

  /**
   * A PUT: 409 where the body names another uid, 422 where its kind wants a resourceVersion and it
   * has none. Some kinds are created where they are absent.
   */
  replace(
    kind: Kind,
    { namespace, name }: Place,
    body: KubeObject,
    options: WriteOptions,
  ): KubeObject {
    const isAbsent = this.#store.get(kind, namespace, name) === undefined;
    if (isAbsent && kind.rules.createsOnUpdate) {
      refuseOtherUid(kind, body, { ...body, metadata: { name, uid: '' } });
      return this.create(kind, namespace, body, options);
    }
    const change = (live: KubeObject) => {
      refuseOtherUid(kind, body, live);
      if (kind.rules.needsResourceVersion && !body.metadata.resourceVersion) {
        throw invalid(kind, name, [mustBeSpecified]);
      }
      return body;
    };
    return this.update(kind, namespace, name, change, options);
  }

  /**
   * Server-side apply: creates the object where it is absent. Throws 409 where others own a field
   * that would change, unless `force`; and 409 where a uid is given and the object is gone.
   */
  apply(kind: Kind, namespace: string, body: KubeObject, options: ApplyOptions): KubeObject {
    const { name = '', uid } = body.metadata;
    const live = this.#store.get(kind, namespace, name);
    if (live === undefined && options.subresource !== undefined) throw notFound(kind, name);
    const management = { ...this.#management(kind, options), force: options.force };
    refuseOtherKind(kind, body);
    refuseOtherNamespace(kind, namespace, body);
    const next = this.#decoded(kind, namespace, applied(live, body, management));
    if (live !== undefined) return this.#update(kind, live, next, options);
    if (uid === undefined) return this.#create(kind, namespace, next, options);
    throw conflict(
      kind,
      name,
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    );
  }

  #update(kind: Kind, live: KubeObject, next: KubeObject, options: WriteOptions): KubeObject {
    const { namespace = '', name = '' } = live.metadata;
    this.#admit({ verb: 'update', kind, namespace, name, next, live, options });
    refuseStale(kind, live, next);
    const mutated = this.#mutated(next, options);
    const updated = withoutNewTimes(live, withServerFields(kind, live, mutated, options));
    refuseErrors(kind, updated, [
      ...uidErrors(live, next),
      ...metadataErrors(updated, live, kind.rules.nameGrammar ?? dnsSubdomain),
      ...((options.subresource === 'status'
        ? kind.rules.validateStatus?.(updated, live)
        : kind.rules.validate?.(updated, live)) ?? []),
    ]);
    if (isEqual(updated, live)) return live;
    if (options.dryRun) return updated;
    return this.#storeOrFinish(kind, updated);
  }

  /**
   * Deletes, or begins to: what has finalizers, and what somebody runs, is only marked. Returns the
   * object as it is then.
   */
  remove(kind: Kind, namespace: string, name: string, options: DeleteOptions): KubeObject {
    const live = this.#store.get(kind, namespace, name);
    if (live === undefined) throw notFound(kind, name);
    refuseUnmetPreconditions(kind, live, options);
    this.#admit({ verb: 'delete', kind, namespace, name, next: undefined, live, options });
    const marked = this.#marked(kind, live, options);
    if (options.dryRun) return marked;
    if (isHeld(marked)) return isEqual(marked, live) ? live : this.#store.put(kind, marked);
    return this.#store.delete(kind, namespace, name) ?? live;
  }

  /** A new object's own fields, with what only the server can say. */
  #newObject(kind: Kind, next: KubeObject): KubeObject {
    const body = kind.rules.status ? without(next, 'status') : next;
    const created: KubeObject = {
      ...body,
      metadata: {
        ...without(
          body.metadata as Record<string, unknown>,
          'deletionTimestamp',
          'deletionGracePeriodSeconds',
          'generation',
        ),
        ...(kind.rules.changesGeneration ? { generation: 1 } : {}),
        uid: uuid(this.#random),
        creationTimestamp: this.#timestamp(),
      },
    };
    return kind.rules.prepare?.(created, undefined) ?? created;
  }

  /** A part that is stored as it is has been decoded before, and stays the very same. */
  #decoded(kind: Kind, namespace: string, object: KubeObject, live?: KubeObject): KubeObject {
    refuseOtherKind(kind, object);
    refuseOtherNamespace(kind, namespace, object);
    const placed = kind.namespaced
      ? { ...object, metadata: { ...object.metadata, namespace } }
      : { ...object, metadata: without(object.metadata as Record<string, unknown>, 'namespace') };
    const kept = live === undefined ? [] : partsKept(live, placed);
    if (live === undefined || kept.length === 0) return kind.decode(placed);
    const parts = Object.fromEntries(kept.map((field) => [field, live[field]]));
    return inOrderOf(live, { ...kind.decode(without(placed, ...kept)), ...parts });
  }

  #management(kind: Kind, { manager, subresource }: WriteOptions): FieldManagement {
    return {
      type: kind.type,
      empty: kind.empty,
      apiVersion: apiVersionOf(kind),
      manager,
      ...defined({ subresource }),
      reset: resetFields(kind, subresource),
      time: this.#timestamp(),
    };
  }

  /** Managed fields are those of the request: who owns a field is not asked anew. */
  #mutated(next: KubeObject, { subresource }: WriteOptions): KubeObject {
    const { mutate } = this.#admissions;
    return mutate === undefined || subresource !== undefined ? next : mutate(next);
  }

  #admit(attempt: Attempt): void {
    for (const admit of this.#admissions.before ?? []) admit(attempt);
  }

  /** The last finalizer of a deleted object has gone: the object goes too. */
  #storeOrFinish(kind: Kind, updated: KubeObject): KubeObject {
    const { namespace = '', name = '', deletionTimestamp } = updated.metadata;
    if (deletionTimestamp === undefined || isHeld(updated)) return this.#store.put(kind, updated);
    this.#store.delete(kind, namespace, name);
    return updated;
  }

  /** The object with the marks of a deletion: its time, its grace period and the collector's finalizers. */
  #marked(kind: Kind, found: KubeObject, options: DeleteOptions): KubeObject {
    const isFirst = found.metadata.deletionTimestamp === undefined;
    const live = isFirst ? (kind.rules.beginDeletion?.(found) ?? found) : found;
    const finalizers = deletionFinalizers(live, options);
    const { deletionTimestamp, deletionGracePeriodSeconds: pending, generation } = live.metadata;
    const asked = kind.rules.gracePeriodSeconds?.(live, options.gracePeriodSeconds) ?? 0;
    const grace = deletionTimestamp === undefined ? asked : Math.min(asked, pending ?? 0);
    const isNew = deletionTimestamp === undefined;
    return {
      ...live,
      metadata: {
        ...live.metadata,
        ...(finalizers.length === 0 && !live.metadata.finalizers ? {} : { finalizers }),
        ...(isNew && generation !== undefined ? { generation: generation + 1 } : {}),
        deletionTimestamp:
          isNew || grace < (pending ?? 0) ? this.#timestamp(grace) : deletionTimestamp,
        deletionGracePeriodSeconds: grace,
      },
    };
  }

  /** Now, or some seconds later, as objects carry it: without fractions of a second. */
  #timestamp(laterSeconds = 0): string {
    return timestamp(this.#clock.now() + laterSeconds * 1000);
  }
}

export interface ApplyOptions extends WriteOptions {
  readonly force: boolean;
}

export interface DeleteOptions extends RemoveOptions, WriteOptions {
  readonly resourceVersion?: string;
}

/** A time as objects carry it: without fractions of a second. */
export function timestamp(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, -'.000Z'.length)}Z`;
}

/** Claims that something still keeps a deleted object: a finalizer, or whoever runs it. */
function isHeld({ metadata, ...object }: KubeObject): boolean {
  const ownFinalizers = (object['spec'] as { finalizers?: unknown[] } | undefined)?.finalizers;
  return (
    (metadata.finalizers?.length ?? 0) > 0 ||
    (object.kind === 'Namespace' && (ownFinalizers?.length ?? 0) > 0) ||
    (metadata.deletionGracePeriodSeconds ?? 0) > 0
  );
}

/** The finalizers that a deletion of this propagation asks the garbage collector to clear. */
function deletionFinalizers(live: KubeObject, options: DeleteOptions): readonly string[] {
  const finalizers = live.metadata.finalizers ?? [];
  if (options.propagationPolicy === undefined) return finalizers;
  const others = finalizers.filter(
    (finalizer) => finalizer !== orphanFinalizer && finalizer !== foregroundFinalizer,
  );
  switch (options.propagationPolicy) {
    case 'Orphan':
      return [...others, orphanFinalizer];
    case 'Foreground':
      return [...others, foregroundFinalizer];
    case 'Background':
      return others;
  }
}

/** Where an object is; the namespace is empty for kinds outside of all. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
}

function refuseOtherUid(kind: Kind, body: KubeObject, live: KubeObject): void {
  const { uid } = body.metadata;
  const { name = '', uid: liveUid } = live.metadata;
  if (uid === undefined || uid === liveUid) return;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${liveUid}`;
  throw conflict(kind, name, why);
}

const mustBeSpecified = {
  type: 'FieldValueInvalid',
  field: 'metadata.resourceVersion',
  value: 0,
  detail: 'must be specified for an update',
} as const;

const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** The object under its own name or one made from generateName. */
function withName(kind: Kind, object: KubeObject, random: () => number): KubeObject {
  const { name, generateName } = object.metadata;
  if (name) return object;
  if (!generateName) {
    throw invalid(kind, '', [
      {
        type: 'FieldValueRequired',
        field: 'metadata.name',
        detail: 'name or generateName is required',
      },
    ]);
  }
  const suffix = Array.from({ length: 5 }, () => letter(random)).join('');
  return {
    ...object,
    metadata: { ...object.metadata, name: `${generateName.slice(0, 58)}${suffix}` },
  };
}

function letter(random: () => number): string {
  return nameAlphabet.charAt(Math.floor(random() * nameAlphabet.length));
}

/** A uid in the form of RFC 9562, version 4. */
function uuid(random: () => number): string {
  const digits = (count: number) =>
    Array.from({ length: count }, () => Math.floor(random() * 16).toString(16)).join('');
  const variant = '89ab'.charAt(Math.floor(random() * 4));
  return `${digits(8)}-${digits(4)}-4${digits(3)}-${variant}${digits(3)}-${digits(12)}`;
}

function refuseOtherKind(kind: Kind, object: KubeObject): void {
  if (object.apiVersion === apiVersionOf(kind) && object.kind === kind.kind) return;
  throw badRequest(
    `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${object.kind}: ` +
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersionOf(kind)})`,
  );
}

function refuseOtherNamespace(kind: Kind, namespace: string, object: KubeObject): void {
  const named = object.metadata.namespace ?? '';
  if (!kind.namespaced || named === '' || named === namespace) return;
  throw badRequest(
    `the namespace of the provided object does not match the namespace sent on the request`,
  );
}

function refuseOtherName(name: string, next: KubeObject): void {
  const named = next.metadata.name ?? '';
  if (named === name) return;
  throw badRequest(
    `the name of the object (${named}) does not match the name on the URL (${name})`,
  );
}

/** What a write to this part of the object leaves alone. */
function resetFields(kind: Kind, subresource: 'status' | undefined): FieldSet {
  if (subresource === 'status') return kind.rules.statusResets ?? setOf(['f:spec']);
  return kind.rules.status ? setOf(['f:status']) : emptySet;
}

/** A resourceVersion in the request, where there is one, must be the live one. */
function refuseStale(kind: Kind, live: KubeObject, next: KubeObject): void {
  const { resourceVersion, name = '' } = next.metadata;
  if (resourceVersion && resourceVersion !== live.metadata.resourceVersion) {
    throw staleObject(kind, name);
  }
}

/** An object that was replaced is not the one that was meant. */
function uidErrors(live: KubeObject, next: KubeObject) {
  const { uid } = next.metadata;
  if (uid === undefined || uid === live.metadata.uid) return [];
  return [
    {
      type: 'FieldValueInvalid' as const,
      field: 'metadata.uid',
      value: uid,
      detail: 'field is immutable',
    },
  ];
}

function refuseErrors(
  kind: Kind,
  object: KubeObject,
  errors: Parameters<typeof invalid>[2] | undefined,
): void {
  if (errors !== undefined && errors.length > 0) {
    throw invalid(kind, object.metadata.name ?? '', errors);
  }
}

function refuseUnmetPreconditions(kind: Kind, live: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion, name = '' } = live.metadata;
  const subject = { group: kind.group, plural: kind.kind };
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw conflict(subject, name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(subject, name, why);
  }
}

/** The changed object with everything restored that this write may not decide. */
function withServerFields(
  kind: Kind,
  live: KubeObject,
  next: KubeObject,
  options: WriteOptions,
): KubeObject {
  const written =
    options.subresource === 'status' ? onlyStatus(kind, live, next) : keepStatus(kind, live, next);
  const { uid, resourceVersion, creationTimestamp, generation } = live.metadata;
  const { deletionTimestamp, deletionGracePeriodSeconds } = live.metadata;
  const updated: KubeObject = {
    ...written,
    metadata: {
      ...written.metadata,
      ...defined({ generation, deletionTimestamp, deletionGracePeriodSeconds }),
      ...defined({ uid, resourceVersion, creationTimestamp }),
    },
  };
  const prepared = kind.rules.prepare?.(updated, live) ?? updated;
  if (generation === undefined || options.subresource === 'status') return prepared;
  if (!kind.rules.changesGeneration?.(live, prepared)) return prepared;
  return { ...prepared, metadata: { ...prepared.metadata, generation: generation + 1 } };
}

/**
 * A status write changes the status, who manages its fields and, of a built-in kind, annotations:
 * the Deployment controller sets a Deployment's revision in this way.
 */
function onlyStatus(kind: Kind, live: KubeObject, next: KubeObject): KubeObject {
  const { managedFields, annotations } = next.metadata;
  return {
    ...without(live, 'status'),
    ...defined({ status: next['status'] }),
    metadata: {
      ...live.metadata,
      ...defined({ managedFields, annotations: kind.isCustom ? undefined : annotations }),
    },
  } as KubeObject; // apiVersion and kind come with the live object
}

function keepStatus(kind: Kind, live: KubeObject, next: KubeObject): KubeObject {
  if (!kind.rules.status) return next;
  return { ...without(next, 'status'), ...defined({ status: live['status'] }) };
}

/** The fields of the object, other than metadata, that hold what the live one holds. */
function partsKept(live: KubeObject, next: KubeObject): readonly string[] {
  return Object.keys(next).filter((field) => isObject(next[field]) && next[field] === live[field]);
}

/** The object with those of its fields first that the live one has. */
function inOrderOf(live: KubeObject, object: KubeObject): KubeObject {
  const fields = Object.keys({ ...live, ...object }).filter((field) => field in object);
  return Object.fromEntries(fields.map((field) => [field, object[field]])) as KubeObject; // all it had
}

/** The fields that have a value. */
function defined<T extends object>(fields: T): { [F in keyof T]?: Exclude<T[F], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [F in keyof T]?: Exclude<T[F], undefined>;
  }; // Object.fromEntries forgets the keys
}
