import type { KubeObject } from '../../../src/kube/objects.ts';
import { deepFreeze } from './json.ts';
import { expired, type GroupResource, qualified } from './status-error.ts';

/** One commit: an object as it is from this revision on, and as it was before. */
export interface Commit {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The resource, as `daemonsets.apps`. */
  readonly resource: string;
  /** For DELETED the last state, carrying the revision of the deletion. */
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

export interface StoreOptions {
  /** Commits kept for watches and for pages of a list; older ones are compacted. */
  readonly historyLimit: number;
}

interface Shelf {
  readonly objects: Map<string, KubeObject>;
  /** In the order of keys; dropped by every commit. */
  sorted: readonly KubeObject[] | undefined;
}

/**
 * What etcd is to a real API server: objects by key under one revision counter, with the recent
 * history of commits. It knows no rules; whoever writes has checked them. Stored objects are frozen.
 */
export class Store {
  readonly #historyLimit: number;
  readonly #shelves = new Map<string, Shelf>();
  readonly #listeners = new Set<(commit: Commit) => void>();
  readonly #undelivered: Commit[] = [];
  #history: Commit[] = [];
  #delivering = false;
  // An object's first resourceVersion is never "1": an apply that names it means "create only".
  #revision = 1;
  #compacted = 1;

  constructor(options: StoreOptions) {
    this.#historyLimit = options.historyLimit;
  }

  /** The revision of the last commit. */
  get revision(): number {
    return this.#revision;
  }

  get(resource: GroupResource, namespace: string, name: string): KubeObject | undefined {
    return this.#shelf(qualified(resource)).objects.get(storageKey(namespace, name));
  }

  /** Sorted by namespace and name, as etcd sorts its keys. */
  list(resource: GroupResource, namespace = ''): readonly KubeObject[] {
    const shelf = this.#shelf(qualified(resource));
    shelf.sorted ??= sortedByKey(shelf.objects);
    return namespace === ''
      ? shelf.sorted
      : shelf.sorted.filter((object) => object.metadata.namespace === namespace);
  }

  /** The list as it was at an earlier revision; 410 where that history is compacted. */
  listAt(resource: GroupResource, revision: number): readonly KubeObject[] {
    if (revision >= this.#revision) return this.list(resource);
    this.#refuseCompacted(revision);
    const name = qualified(resource);
    const objects = new Map(this.#shelf(name).objects);
    for (const commit of this.#history.toReversed()) {
      if (commit.revision <= revision) break;
      if (commit.resource !== name) continue;
      const key = keyOf(commit.object);
      if (commit.previous === undefined) objects.delete(key);
      else objects.set(key, commit.previous);
    }
    return sortedByKey(objects);
  }

  /** Stores an object, new or changed, under the next revision and returns it with that. */
  put(resource: GroupResource, object: KubeObject): KubeObject {
    const name = qualified(resource);
    const shelf = this.#shelf(name);
    const key = keyOf(object);
    const previous = shelf.objects.get(key);
    const stored = this.#atNextRevision(object);
    shelf.objects.set(key, stored);
    shelf.sorted = undefined;
    this.#commit(name, previous === undefined ? 'ADDED' : 'MODIFIED', stored, previous);
    return stored;
  }

  /** Removes an object; the commit carries its last state. Returns undefined where it was gone. */
  delete(resource: GroupResource, namespace: string, name: string): KubeObject | undefined {
    const shelf = this.#shelf(qualified(resource));
    const key = storageKey(namespace, name);
    const previous = shelf.objects.get(key);
    if (previous === undefined) return undefined;
    const last = this.#atNextRevision(previous);
    shelf.objects.delete(key);
    shelf.sorted = undefined;
    this.#commit(qualified(resource), 'DELETED', last, previous);
    return last;
  }

  /** The commits to a resource after a revision; 410 where that history is compacted. */
  since(resource: GroupResource, revision: number): readonly Commit[] {
    this.#refuseCompacted(revision);
    const name = qualified(resource);
    return this.#history.filter((commit) => commit.revision > revision && commit.resource === name);
  }

  /** Forgets the history up to now, as etcd does every five minutes. */
  compact(): void {
    this.#history = [];
    this.#compacted = this.#revision;
  }

  /** The oldest revision that a watch can still start from. */
  get compactedRevision(): number {
    return this.#compacted;
  }

  /** Called after each commit, in order and never re-entrantly; must not throw. Returns the unsubscription. */
  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #shelf(name: string): Shelf {
    const shelf = this.#shelves.get(name) ?? { objects: new Map(), sorted: undefined };
    this.#shelves.set(name, shelf);
    return shelf;
  }

  #atNextRevision(object: KubeObject): KubeObject {
    this.#revision += 1;
    const resourceVersion = String(this.#revision);
    return deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion } });
  }

  #commit(
    resource: string,
    type: Commit['type'],
    object: KubeObject,
    previous: KubeObject | undefined,
  ): void {
    const commit = { revision: this.#revision, type, resource, object, previous };
    this.#history.push(commit);
    // Trimmed in large steps, so that a commit does not copy the whole history.
    if (this.#history.length > 2 * this.#historyLimit) {
      this.#history = this.#history.slice(-this.#historyLimit);
      this.#compacted = (this.#history[0]?.revision ?? this.#revision + 1) - 1;
    }
    this.#undelivered.push(commit);
    this.#deliver();
  }

  /** A listener that writes causes further commits: they wait until everybody has seen this one. */
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#undelivered.shift(); next; next = this.#undelivered.shift()) {
        for (const listener of [...this.#listeners]) listener(next);
      }
    } finally {
      this.#delivering = false;
    }
  }

  #refuseCompacted(revision: number): void {
    if (revision < this.#compacted) {
      throw expired(`too old resource version: ${revision} (${this.#compacted})`);
    }
  }
}

/** The part of an object's key below its resource. */
export function storageKey(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

function keyOf({ metadata }: KubeObject): string {
  return storageKey(metadata.namespace ?? '', metadata.name ?? '');
}

function sortedByKey(objects: ReadonlyMap<string, KubeObject>): readonly KubeObject[] {
  return [...objects]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, object]) => object);
}
