import type { FieldTree, KubeObject, ManagedFieldsEntry } from '../../../src/kube/objects.ts';
import {
  difference,
  emptySet,
  type FieldSet,
  fromFieldsV1,
  intersection,
  isEmptySet,
  isSameSet,
  paths,
  recursiveDifference,
  setOf,
  toFieldsV1,
  union,
} from './field-set.ts';
import { isEqual, type JsonObject, without } from './json.ts';
import { compare, fieldSetOf, merge, remove } from './merge.ts';
import { badRequest, internal, StatusError } from './status-error.ts';
import { typeErrors } from './typed.ts';
import { fieldType, type Type } from './types.ts';

/**
 * Who owns which field, after sigs.k8s.io/structured-merge-diff: merge/update.go and
 * kubernetes/kubernetes: apimachinery/pkg/util/managedfields/internal.
 */
export interface FieldManagement {
  readonly type: Type;
  /** An object of the kind before anybody has written anything. */
  readonly empty: JsonObject;
  /** As in objects: `apps/v1`. */
  readonly apiVersion: string;
  readonly manager: string;
  readonly subresource?: 'status';
  /** Fields that this kind of write leaves alone, so nobody comes to own them by it. */
  readonly reset: FieldSet;
  /** The time for the entry of a manager that changes something. */
  readonly time: string;
}

interface Manager {
  readonly entry: ManagedFieldsEntry;
  readonly set: FieldSet;
  /** The set as it was read, as long as nothing of it has changed: most writes change one manager. */
  readonly tree?: FieldTree | undefined;
}

type Managers = ReadonlyMap<string, Manager>;

/** Metadata that belongs to the server, whoever sends it. */
const stripped = setOf(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((field) => ['f:metadata', `f:${field}`]),
);

/** Entries of writes by PUT, POST and patch beyond these are merged into one, the oldest first. */
const maxUpdateManagers = 10;

/** The written object with managed fields that say what this write, not an apply, changed. */
export function tracked(
  live: KubeObject | undefined,
  next: KubeObject,
  how: FieldManagement,
): KubeObject {
  const managers = managersBefore(live, next, how);
  const bare = withManagers(next, new Map());
  // Tracking was switched off for this object by whoever emptied its managed fields.
  if (managers.size === 0 && live !== undefined) return bare;
  return withManagers(bare, capped(updated(live ?? how.empty, bare, managers, how)));
}

function updated(live: object, next: KubeObject, before: Managers, how: FieldManagement): Managers {
  const changes = filtered(compare(how.type, live, next), how.reset);
  const changed = union(changes.added, changes.modified);
  const own = difference(changed, stripped);
  const after = lose(before, (set) => difference(difference(set, changed), changes.removed));
  if (isEmptySet(changed) || isEmptySet(own)) return after;
  const entry = entryOf('Update', how);
  const self = identity(entry);
  const set = union(own, after.get(self)?.set ?? emptySet);
  const known = before.get(self);
  const tree = known && isSameSet(known.set, set) ? known.tree : undefined;
  return new Map([...after, [self, { entry: { ...entry, time: how.time }, set, tree }]]);
}

/**
 * The live object with a configuration laid over it: what the manager gives it owns from now on,
 * and what only it owned and gives no more is removed. Throws 409 where a field that others own
 * would change, unless forced.
 */
export function applied(
  live: KubeObject | undefined,
  configuration: KubeObject,
  how: FieldManagement & { readonly force: boolean },
): KubeObject {
  refuseUntyped(configuration, how.type);
  const before = managersBeforeApply(live, how);
  const entry = entryOf('Apply', how);
  const self = identity(entry);
  const liveObject = live ?? {
    apiVersion: configuration.apiVersion,
    kind: configuration.kind,
    metadata: {},
  };
  const own = recursiveDifference(fieldSetOf(how.type, configuration), how.reset);
  const previous = before.get(self);
  const withOwn = new Map([...before, [self, { entry, set: own }]]);
  const merged = merge(how.type, liveObject, configuration);
  const pruned = prune(how.type, merged, withOwn, previous?.set ?? emptySet) as KubeObject; // an object stays one
  const after = settled(liveObject, pruned, withOwn, how);
  const isSame = live !== undefined && isEqual(liveObject, pruned);
  const time = isSame ? previous?.entry.time : how.time;
  return withManagers(pruned, stamped(after, self, time));
}

/** What the other managers keep; 409 where one of them would lose something without force. */
function settled(
  live: KubeObject,
  next: KubeObject,
  managers: Managers,
  how: FieldManagement & { readonly force: boolean },
): Managers {
  const self = identity(entryOf('Apply', how));
  const changes = filtered(compare(how.type, live, next), how.reset);
  const changed = union(changes.added, changes.modified);
  const conflicts = [...managers]
    .filter(([id]) => id !== self)
    .map(([, manager]) => ({ manager, fields: paths(intersection(manager.set, changed)) }))
    .filter(({ fields }) => fields.length > 0)
    .sort((left, right) => (named(left.manager) < named(right.manager) ? -1 : 1));
  if (conflicts.length > 0 && !how.force) throw applyConflict(conflicts);
  const own = managers.get(self);
  const others = new Map([...managers].filter(([id]) => id !== self));
  const after = lose(others, (set) => difference(difference(set, changed), changes.removed));
  return own === undefined ? after : new Map([...after, [self, own]]);
}

/** Takes away what the manager applied last time, does not give now, and nobody else owns. */
function prune(type: Type, merged: unknown, managers: Managers, last: FieldSet): unknown {
  if (isEmptySet(last)) return merged;
  const lastNamed = withNamedFields(type, last);
  const owned = [...managers.values()].reduce((all, { set }) => union(all, set), emptySet);
  const mergedSet = withNamedFields(type, fieldSetOf(type, merged));
  const kept = (value: unknown) => withNamedFields(type, fieldSetOf(type, value ?? {}));
  const first = remove(type, merged, lastNamed);
  const unowned = difference(mergedSet, union(kept(first), withNamedFields(type, owned)));
  const second = remove(type, merged, unowned);
  return remove(type, merged, intersection(difference(mergedSet, kept(second)), lastNamed));
}

/** Fields of structures count as paths of their own here (fieldpath/set.go, EnsureNamedFieldsAreMembers). */
function withNamedFields(type: Type, set: FieldSet): FieldSet {
  const children = [...set.children].map(([element, child]) => {
    const isNamed = type.type === 'map' && type.fields.has(element.slice('f:'.length));
    const inner = withNamedFields(innerType(type, element), child);
    return [element, { ...inner, member: child.member || isNamed }] as const;
  });
  return { member: set.member, children: new Map(children) };
}

function innerType(type: Type, element: string): Type {
  if (type.type === 'map') return fieldType(type, element.slice('f:'.length)) ?? { type: 'any' };
  return type.type === 'list' ? type.element : { type: 'any' };
}

function filtered(changes: ReturnType<typeof compare>, reset: FieldSet): typeof changes {
  return {
    added: recursiveDifference(changes.added, reset),
    modified: recursiveDifference(changes.modified, reset),
    removed: recursiveDifference(changes.removed, reset),
  };
}

/** The managers with smaller sets; who owns nothing any more is dropped. */
function lose(managers: Managers, left: (set: FieldSet) => FieldSet): Managers {
  const after = [...managers].map(([id, manager]) => {
    const set = left(manager.set);
    return [id, set === manager.set ? manager : { entry: manager.entry, set }] as const;
  });
  return new Map(after.filter(([, { set }]) => !isEmptySet(set)));
}

/** The managers with the acting one's fields stripped and its time set; dropped where it owns nothing. */
function stamped(managers: Managers, self: string, time: string | undefined): Managers {
  const own = managers.get(self);
  if (own === undefined) return managers;
  const set = difference(own.set, stripped);
  const others = [...managers].filter(([id]) => id !== self);
  if (isEmptySet(set)) return new Map(others);
  const entry = { ...own.entry, ...(time === undefined ? {} : { time }) };
  return new Map([...others, [self, { entry, set }]]);
}

/** Merges the oldest entries of updates into `ancient-changes` while there are too many. */
function capped(managers: Managers): Managers {
  const updates = sorted(managers).filter(({ entry }) => entry.operation === 'Update');
  if (updates.length <= maxUpdateManagers) return managers;
  const ancient = updates.slice(0, updates.length - maxUpdateManagers + 1);
  const entry: ManagedFieldsEntry = {
    ...without(ancient.at(-1)?.entry as Record<string, unknown>, 'subresource'),
    manager: 'ancient-changes',
  };
  const set = ancient.reduce((all, one) => union(all, one.set), emptySet);
  const kept = [...managers].filter(([, manager]) => !ancient.includes(manager));
  return new Map([...kept, [identity(entry), { entry, set }]]);
}

function entryOf(operation: 'Apply' | 'Update', how: FieldManagement): ManagedFieldsEntry {
  return {
    manager: how.manager,
    operation,
    apiVersion: how.apiVersion,
    ...(how.subresource === undefined ? {} : { subresource: how.subresource }),
  };
}

/** What makes an entry the same one: an applier is itself in every version. */
function identity({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  return JSON.stringify([manager, operation, operation === 'Apply' ? '' : apiVersion, subresource]);
}

/** The entries to start from: those in a plain write's own body where it has any, else the live ones. */
function managersBefore(
  live: KubeObject | undefined,
  next: KubeObject,
  how: FieldManagement,
): Managers {
  const sent = next.metadata.managedFields;
  if (how.subresource !== undefined || sent === undefined) return decode(live);
  if (isReset(sent)) return new Map();
  const managers = parsed(next);
  return managers.size === 0 ? decode(live) : managers;
}

/** An empty list, or a list of one empty entry, asks to forget who owns what. */
function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  const [only] = entries;
  return only === undefined || (entries.length === 1 && Object.keys(only).length === 0);
}

/** Where nobody is known yet, everything there is belongs to whoever wrote before the first apply. */
function managersBeforeApply(live: KubeObject | undefined, how: FieldManagement): Managers {
  const managers = decode(live);
  if (managers.size > 0 || live === undefined) return managers;
  return updated(how.empty, live, managers, { ...how, manager: 'before-first-apply' });
}

/** The managers of a stored object. */
function decode(object: KubeObject | undefined): Managers {
  const managers = [...parsed(object)].map(([id, { entry, set }]) => {
    return [id, { entry, set, tree: entry.fieldsV1 }] as const;
  });
  return new Map(managers);
}

/** The managers of an object that somebody has sent, whose trees may be in any order. */
function parsed(object: KubeObject | undefined): Managers {
  const entries = object?.metadata.managedFields ?? [];
  return new Map(
    entries.map((entry) => [identity(entry), { entry, set: fromFieldsV1(entry.fieldsV1 ?? {}) }]),
  );
}

function withManagers(object: KubeObject, managers: Managers): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  if (managers.size === 0) return { ...object, metadata };
  const managedFields = sorted(managers).map(({ entry, set, tree }) => ({
    ...entry,
    fieldsType: 'FieldsV1',
    fieldsV1: tree ?? toFieldsV1(set),
  }));
  return { ...object, metadata: { ...metadata, managedFields } };
}

/** Appliers first, then by time, manager, version and subresource. */
function sorted(managers: Managers): readonly Manager[] {
  const order = ({ entry }: Manager) =>
    [entry.operation, entry.time, entry.manager, entry.apiVersion, entry.subresource]
      .map((part) => part ?? '')
      .join('\0');
  return [...managers.values()].sort((left, right) => (order(left) < order(right) ? -1 : 1));
}

/** The managed fields of a write that changed nothing but times are those it found. */
export function withoutNewTimes(live: KubeObject, next: KubeObject): KubeObject {
  const timeless = (object: KubeObject) =>
    object.metadata.managedFields?.map((entry) => without({ ...entry }, 'time'));
  const { managedFields } = live.metadata;
  if (managedFields === undefined || !isEqual(timeless(live), timeless(next))) return next;
  const reverted = { ...next, metadata: { ...next.metadata, managedFields } };
  return isEqual(reverted, live) ? reverted : next;
}

interface Conflict {
  readonly manager: Manager;
  readonly fields: readonly string[];
}

function applyConflict(conflicts: readonly Conflict[]): StatusError {
  const causes = conflicts.flatMap(({ manager, fields }) =>
    fields.map((field) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${named(manager)}`,
      field,
    })),
  );
  const [only] = causes;
  const message =
    causes.length === 1
      ? `Apply failed with 1 conflict: ${only?.message}: ${only?.field}`
      : `Apply failed with ${causes.length} conflicts: ${conflicts.map(listed).join('\n')}`;
  return new StatusError(409, 'Conflict', message, { details: { causes } });
}

function listed({ manager, fields }: Conflict): string {
  return [`conflicts with ${named(manager)}:`, ...fields.map((field) => `- ${field}`)].join('\n');
}

function named({ entry }: Manager): string {
  const name = JSON.stringify(entry.manager);
  const subresource = entry.subresource
    ? ` with subresource ${JSON.stringify(entry.subresource)}`
    : '';
  return `${name}${subresource}${entry.operation === 'Update' ? ` using ${entry.apiVersion}` : ''}`;
}

/** The body must fit its type: checked before anything else, and answered without a reason. */
function refuseUntyped(configuration: KubeObject, type: Type): void {
  if (configuration.metadata.managedFields !== undefined) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const errors = typeErrors(type, configuration);
  if (errors.length === 0) return;
  const { apiVersion, kind, metadata } = configuration;
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  const what = `${metadata.namespace ?? ''}/${metadata.name ?? ''}; ${group}/${version}, Kind=${kind}`;
  const all = errors.length === 1 ? errors[0] : ['errors:', ...errors].join('\n  ');
  throw internal(`failed to create typed patch object (${what}): ${all}`);
}
