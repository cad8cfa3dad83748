import { type KubeObject, keyOf } from './objects.ts';
import { isNoNewer, isOlder } from './resource-version.ts';

/** What happened to an object of the store. A replaced uid is told as `deleted`, then `added`. */
export type Change =
  | { readonly type: 'added'; readonly object: KubeObject }
  | { readonly type: 'updated'; readonly object: KubeObject; readonly previous: KubeObject }
  | { readonly type: 'deleted'; readonly object: KubeObject };

/** A state and in which era it became known. */
interface Entry {
  readonly object: KubeObject;
  readonly era: number;
}

interface Removal {
  readonly resourceVersion: string;
  readonly era: number;
}

/**
 * The objects of one kind, fed by full lists, by watch events and by what own writes returned,
 * in whatever order these arrive: what is known never goes back in time until a full list says so.
 * Every method returns what changed by it; objects are held as they are given and never copied.
 */
export class Store {
  readonly #namespaces = new Map<string, Map<string, Entry>>();
  /** By uid: removed objects, so that a late event cannot bring them back. */
  readonly #removals = new Map<string, Removal>();
  /** The last full list knew everything up to here. */
  #listed = '';
  /** Counts the full lists begun: what is older than the running one has to bow to it. */
  #era = 0;

  get(namespace: string, name: string): KubeObject | undefined {
    return this.#entry(namespace, name)?.object;
  }

  /** All objects, or those of one namespace. */
  list(namespace?: string): readonly KubeObject[] {
    if (namespace !== undefined) {
      return [...(this.#namespaces.get(namespace)?.values() ?? [])].map((entry) => entry.object);
    }
    return [...this.#namespaces.keys()].flatMap((each) => this.list(each));
  }

  /** How many objects there are. */
  get size(): number {
    return [...this.#namespaces.values()].reduce((sum, entries) => sum + entries.size, 0);
  }

  /** To be called before the first request of a full list is sent. */
  beginList(): void {
    this.#era += 1;
  }

  /**
   * Takes in a full list. It wins over everything known before it began, even if that looks newer:
   * an etcd restored from a backup counts from an earlier point. What became known since it began
   * stays where it is newer than the list.
   */
  replace(objects: readonly KubeObject[], resourceVersion: string): readonly Change[] {
    const changes = objects.flatMap((object) =>
      this.#wasOvertaken(object) ? [] : this.#set(object),
    );
    const listed = new Set(objects.map(keyOf));
    const gone = this.#all().filter(
      ({ object, era }) =>
        !listed.has(keyOf(object)) && !this.#isNewSince(era, versionOf(object), resourceVersion),
    );
    for (const { object } of gone) this.#delete(object);
    for (const [uid, { era }] of this.#removals) {
      if (era < this.#era) this.#removals.delete(uid);
    }
    this.#listed = resourceVersion;
    return [...gone.map(({ object }) => ({ type: 'deleted' as const, object })), ...changes];
  }

  /** Takes in one state of an object; a replay, or a state older than what is known, changes nothing. */
  put(object: KubeObject): readonly Change[] {
    return this.#isKnown(object) ? [] : this.#set(object);
  }

  /** Takes in a deletion, given by the last state of the object. */
  remove(object: KubeObject): readonly Change[] {
    const { namespace = '', name = '', uid = '' } = object.metadata;
    const current = this.get(namespace, name);
    const resourceVersion = versionOf(object);
    this.#removals.set(uid, { resourceVersion, era: this.#era });
    // Compared across uids as well: a late deletion of an earlier object must not take its successor.
    if (current === undefined || isOlder(resourceVersion, versionOf(current))) return [];
    this.#delete(current);
    return [{ type: 'deleted', object: current.metadata.uid === uid ? object : current }];
  }

  #entry(namespace: string, name: string): Entry | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  #all(): readonly Entry[] {
    return [...this.#namespaces.values()].flatMap((entries) => [...entries.values()]);
  }

  #isKnown(object: KubeObject): boolean {
    const { namespace = '', name = '', uid = '' } = object.metadata;
    const current = this.get(namespace, name);
    const known = [
      this.#listed,
      current && versionOf(current),
      this.#removals.get(uid)?.resourceVersion,
    ];
    return known.some((version) => version !== undefined && isNoNewer(versionOf(object), version));
  }

  /** A newer state, or the removal, of a listed object became known while the list was on its way. */
  #wasOvertaken(object: KubeObject): boolean {
    const { namespace = '', name = '', uid = '' } = object.metadata;
    const version = versionOf(object);
    const current = this.#entry(namespace, name);
    const removal = this.#removals.get(uid);
    return (
      (current !== undefined &&
        this.#isNewSince(current.era, versionOf(current.object), version)) ||
      (removal !== undefined && this.#isNewSince(removal.era, removal.resourceVersion, version))
    );
  }

  #isNewSince(era: number, version: string, listed: string): boolean {
    return era === this.#era && isOlder(listed, version);
  }

  #set(object: KubeObject): readonly Change[] {
    const { namespace = '', name = '' } = object.metadata;
    const entries = this.#namespaces.get(namespace) ?? new Map<string, Entry>();
    const previous = entries.get(name)?.object;
    entries.set(name, { object, era: this.#era });
    this.#namespaces.set(namespace, entries);
    return changesBetween(previous, object);
  }

  #delete(object: KubeObject): void {
    const { namespace = '', name = '' } = object.metadata;
    const entries = this.#namespaces.get(namespace);
    entries?.delete(name);
    if (entries?.size === 0) this.#namespaces.delete(namespace);
  }
}

function changesBetween(previous: KubeObject | undefined, object: KubeObject): readonly Change[] {
  if (previous === undefined) return [{ type: 'added', object }];
  if (previous.metadata.uid !== object.metadata.uid) {
    return [
      { type: 'deleted', object: previous },
      { type: 'added', object },
    ];
  }
  return versionOf(previous) === versionOf(object) ? [] : [{ type: 'updated', object, previous }];
}

function versionOf(object: KubeObject): string {
  return object.metadata.resourceVersion ?? '';
}
