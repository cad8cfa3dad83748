import type { FieldTree, KubeObject, ManagedFieldsEntry } from './objects.ts';

/** Claims that two different spellings at this path mean the same, for example `0.2` and `200m`. */
export type SameScalar = (path: string, wanted: unknown, found: unknown) => boolean;

/** What is told apart by whom it is from, and what counts as the same. */
export interface InPlaceOptions {
  /** The field manager that applies the body. */
  readonly manager: string;
  readonly sameScalar?: SameScalar;
}

/** One place where the live object is not what an apply of the body would make it. */
export interface Difference {
  /** For people: `spec.template.spec.containers[name="a"].image`. */
  readonly path: string;
  /** The keys of `fieldsV1` that lead there, as far as the place has any. */
  readonly steps: readonly string[];
  /**
   * `value`: ours, with another value. `unowned`: wanted, not ours. `surplus`: ours, not wanted any
   * more. `order`: our items of a list stand in another order.
   */
  readonly kind: 'value' | 'unowned' | 'surplus' | 'order';
  /** What the live object holds there. */
  readonly found: unknown;
}

/**
 * Where a server-side apply of the body would change the live object or what its manager owns; empty
 * means that the request can be left out. Decided from the live object alone.
 *
 * An apply makes its manager the owner of exactly the fields of the body (typed/tofieldset.go of
 * kubernetes-sigs/structured-merge-diff), and whoever else changes an owned value takes it out of
 * our set (merge/update.go). So the owned tree beside the body says, without a schema, which maps
 * and lists are merged by member and which are replaced as a whole, and notices every foreign edit;
 * values are compared too, as admission plug-ins change them without leaving a trace in the tree.
 *
 * What is replaced as a whole must be equal to the last field: a field that only the live object has
 * may be a default of the server as well as one that the body gave up, so it counts as a difference.
 * Two things leave no trace and count as in place: whether we own a list that is empty on both
 * sides, and whether the wanted fields of a map that was empty when we got it were set by us.
 */
export function differences(
  body: KubeObject,
  live: KubeObject,
  { manager, sameScalar }: InPlaceOptions,
): readonly Difference[] {
  const entries = live.metadata.managedFields ?? [];
  const entry = entries.find((one) => isAppliedBy(one, manager));
  const others = entries.filter((one) => one !== entry).map(({ fieldsV1 }) => fieldsV1);
  const comparison = new Comparison(others, sameScalar ?? (() => false));
  comparison.map(root, appliedFields(body), live, entry?.fieldsV1 ?? {});
  if (entry !== undefined && entry.apiVersion !== body.apiVersion) {
    comparison.add(field(root, 'apiVersion'), 'value', entry.apiVersion);
  }
  return comparison.differences;
}

/** The manager besides ours that owns the place, the one that wrote last if there are several. */
export function otherManagerOf(
  live: KubeObject,
  { steps }: Pick<Difference, 'steps'>,
  { manager }: InPlaceOptions,
): string | undefined {
  const others = (live.metadata.managedFields ?? []).filter(
    (entry) => !isAppliedBy(entry, manager) && reaches(entry.fieldsV1, steps),
  );
  return others.sort((a, b) => Date.parse(b.time ?? '') - Date.parse(a.time ?? ''))[0]?.manager;
}

/** Claims that the entry is of what this manager applies, its applies to subresources aside. */
function isAppliedBy(entry: ManagedFieldsEntry, manager: string): boolean {
  return entry.manager === manager && entry.operation === 'Apply' && !entry.subresource;
}

/** A leaf above the place owns it as well: it stands for all that is below. */
function reaches(tree: FieldTree | undefined, steps: readonly string[]): boolean {
  return steps.some((_, index) => {
    const node = nodeAt(tree, steps.slice(0, index + 1));
    return node !== undefined && (isLeaf(node) || index === steps.length - 1);
  });
}

function nodeAt(tree: FieldTree | undefined, steps: readonly string[]): FieldTree | undefined {
  return steps.reduce<FieldTree | undefined>((node, step) => node?.[step], tree);
}

type JsonMap = Readonly<Record<string, unknown>>;

/** What the server never records as owned (kubernetes/apimachinery: managedfields/internal/stripmeta.go). */
const neverOwned = new Set(['apiVersion', 'kind', 'metadata']);
const neverOwnedInMetadata = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'managedFields',
  'selfLink',
  'clusterName',
]);

function appliedFields(body: KubeObject): JsonMap {
  const metadata = without(body.metadata as JsonMap, neverOwnedInMetadata);
  const fields = without(body, neverOwned);
  return Object.keys(metadata).length === 0 ? fields : { ...fields, metadata };
}

function without(map: JsonMap, names: ReadonlySet<string>): JsonMap {
  return Object.fromEntries(
    Object.entries(map).filter(([name, value]) => !names.has(name) && value !== undefined),
  );
}

/** A place in the body, for people and as it is spelled in `fieldsV1`. */
interface Place {
  readonly path: string;
  readonly steps: readonly string[];
}

const root: Place = { path: '', steps: [] };

function field({ path, steps }: Place, name: string): Place {
  const plain = /^[\w-]+$/.test(name);
  const tail = plain ? `${path === '' ? '' : '.'}${name}` : `[${name}]`;
  return { path: path + tail, steps: [...steps, `f:${name}`] };
}

/** An item of a list that the tree tells apart: by its keys (`k:{…}`) or by its value (`v:…`). */
interface Member {
  readonly step: string;
  readonly value: unknown;
  readonly keys: readonly (readonly [string, unknown])[] | undefined;
}

function memberOf(step: string): Member {
  // A field where the body has a list: the schema has changed, and the step matches no item.
  const value: unknown = step.startsWith('f:') ? step : JSON.parse(step.slice(2));
  return { step, value, keys: isMap(value) ? Object.entries(value) : undefined };
}

function member({ path, steps }: Place, { step, value, keys }: Member): Place {
  const label =
    keys?.map(([name, key]) => `${name}=${JSON.stringify(key)}`).join(',') ?? JSON.stringify(value);
  return { path: `${path}[${label}]`, steps: [...steps, step] };
}

/** Walks body, live object and owned tree side by side and collects where they differ. */
class Comparison {
  readonly differences: Difference[] = [];
  /** What other managers own. */
  readonly #others: readonly (FieldTree | undefined)[];
  readonly #sameScalar: SameScalar;

  constructor(others: readonly (FieldTree | undefined)[], sameScalar: SameScalar) {
    this.#others = others;
    this.#sameScalar = sameScalar;
  }

  add(place: Place, kind: Difference['kind'], found: unknown): void {
    this.differences.push({ ...place, kind, found });
  }

  /** A map that is merged by field. */
  map(place: Place, wanted: JsonMap, found: unknown, owned: FieldTree): void {
    for (const [name, value] of Object.entries(wanted)) {
      if (value === undefined) continue;
      this.#value(field(place, name), value, get(found, name), get(owned, `f:${name}`));
    }
    for (const step of Object.keys(owned)) {
      const name = step.slice(2);
      if (step === '.' || (step.startsWith('f:') && get(wanted, name) !== undefined)) continue;
      const surplus = step.startsWith('f:') ? field(place, name) : member(place, memberOf(step));
      this.add(surplus, 'surplus', get(found, name));
    }
  }

  #value(place: Place, wanted: unknown, found: unknown, owned: unknown): void {
    if (!isMap(owned)) {
      this.#unowned(place, wanted, found);
    } else if (isLeaf(owned)) {
      this.#leaf(place, wanted, found);
    } else if (isMap(wanted)) {
      this.map(place, wanted, found, owned as FieldTree);
    } else if (Array.isArray(wanted)) {
      this.#list(place, wanted, found, owned as FieldTree);
    } else {
      this.add(place, 'unowned', found);
    }
  }

  /** Told field by field, whether or not others left us the map they are in. */
  #unowned(place: Place, wanted: unknown, found: unknown): void {
    if (isMap(wanted) && !isEmpty(wanted)) {
      this.map(place, wanted, found, {});
      return;
    }
    // An empty list whose items would be merged leaves nothing in the tree.
    const leavesNoTrace = Array.isArray(wanted) && wanted.length === 0 && isEmpty(found);
    if (!leavesNoTrace) this.add(place, 'unowned', found);
  }

  /** A scalar, or a map or list that is replaced as a whole. */
  #leaf(place: Place, wanted: unknown, found: unknown): void {
    // Applied and ours, so what is missing was dropped by the server when it stored an empty value.
    if (isAbsent(found) && isEmpty(wanted)) return;
    if (isMap(wanted) && isEmpty(wanted) && this.#isFilledByOthers(place, found)) return;
    if (!this.#same(place.path, wanted, found)) this.add(place, 'value', found);
  }

  /** A map that others own fields of is merged by field, and what they put there is theirs. */
  #isFilledByOthers({ steps }: Place, found: unknown): boolean {
    if (!isMap(found)) return false;
    return Object.keys(found).every((name) =>
      this.#others.some((tree) => nodeAt(tree, [...steps, `f:${name}`]) !== undefined),
    );
  }

  #same(path: string, wanted: unknown, found: unknown): boolean {
    if (Array.isArray(wanted)) {
      return (
        Array.isArray(found) &&
        found.length === wanted.length &&
        wanted.every((value, index) => this.#same(`${path}[${index}]`, value, found[index]))
      );
    }
    if (isMap(wanted)) {
      return (
        isMap(found) &&
        [...new Set([...Object.keys(wanted), ...Object.keys(found)])].every((name) =>
          this.#same(`${path}.${name}`, get(wanted, name), get(found, name)),
        )
      );
    }
    if (isAbsent(wanted) || isAbsent(found)) return isAbsent(wanted) && isAbsent(found);
    return wanted === found || this.#sameScalar(path, wanted, found);
  }

  /** A list whose items are merged by their keys, or a set of scalars. */
  #list(place: Place, wanted: readonly unknown[], list: unknown, owned: FieldTree): void {
    const live = Array.isArray(list) ? list : [];
    const members = Object.keys(owned)
      .filter((step) => step !== '.')
      .map(memberOf);
    const claims = claimsOf(wanted, members);
    const positions = new Map<Member, number>();
    for (const [index, wantedItem] of wanted.entries()) {
      const claimed = claims.get(index);
      if (claimed === undefined) {
        this.add({ ...place, path: `${place.path}[${index}]` }, 'unowned', undefined);
        continue;
      }
      const position = live.findIndex((candidate) => isMember(candidate, claimed));
      if (position >= 0) positions.set(claimed, position);
      this.#item(member(place, claimed), wantedItem, live[position], owned[claimed.step] ?? {});
    }
    const wantedMembers = new Set(claims.values());
    for (const surplus of members.filter((candidate) => !wantedMembers.has(candidate))) {
      const found = live.find((candidate) => isMember(candidate, surplus));
      this.add(member(place, surplus), 'surplus', found);
    }
    this.#order(place, positions);
  }

  /** An apply puts its items into the order of the body (typed/merge.go). */
  #order(place: Place, positions: ReadonlyMap<Member, number>): void {
    const inLive = [...positions].sort(([, a], [, b]) => a - b).map(([{ step }]) => step);
    const inBody = [...positions.keys()].map(({ step }) => step);
    if (inLive.some((step, index) => step !== inBody[index])) this.add(place, 'order', inLive);
  }

  #item(place: Place, wanted: unknown, found: unknown, owned: FieldTree): void {
    if (found === undefined) {
      this.add(place, 'value', found);
    } else if (isMap(wanted) && !isLeaf(owned)) {
      this.map(place, wanted, found, owned);
    } else {
      this.#leaf(place, wanted, found);
    }
  }
}

/**
 * Which member of the owned tree each wanted item is, by the item's index. An item may leave out a
 * key that has a default (the protocol of a port), so exact matches go first and the rest share
 * what is left.
 */
function claimsOf(
  wanted: readonly unknown[],
  members: readonly Member[],
): ReadonlyMap<number, Member> {
  const claims = new Map<number, Member>();
  const free = new Set(members);
  for (const matches of [isMember, mayBeMember]) {
    for (const [index, item] of wanted.entries()) {
      const claimed = claims.has(index) ? undefined : [...free].find((one) => matches(item, one));
      if (claimed === undefined) continue;
      claims.set(index, claimed);
      free.delete(claimed);
    }
  }
  return claims;
}

/** Claims that the item has the value or all the keys of the member. */
function isMember(item: unknown, { value, keys }: Member): boolean {
  return keys === undefined ? item === value : keys.every(([name, key]) => get(item, name) === key);
}

/** Claims that the item contradicts no key of the member and has at least one of them. */
function mayBeMember(item: unknown, { keys = [] }: Member): boolean {
  const given = keys.filter(([name]) => get(item, name) !== undefined);
  return given.length > 0 && given.every(([name, key]) => get(item, name) === key);
}

function isLeaf(tree: JsonMap): boolean {
  return Object.keys(tree).length === 0;
}

function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** Claims that a Go encoder may leave this value out (`omitempty`). */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isMap(value)) return Object.values(value).every((field) => field === undefined);
  return isAbsent(value) || value === '' || value === 0 || value === false;
}

function get(map: unknown, name: string): unknown {
  return isMap(map) && Object.hasOwn(map, name) ? map[name] : undefined;
}
