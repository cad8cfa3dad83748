import type { Key, Resource } from '../kube/objects.ts';
import type { Conflict } from './conflicts.ts';

/** A watch of one name, as the kube layer makes it. */
export interface NameWatch {
  stop(): Promise<void>;
}

/** Begins a watch of one name; `onEvent` is called for each change. */
export type StartNameWatch = (
  resource: Resource,
  namespace: string,
  name: string,
  onEvent: () => void,
) => NameWatch;

/** So many watches there are at most, each being a connection; the resync looks at the other conflicts. */
const limit = 100;

interface Entry {
  readonly key: Key;
  readonly namespace: string;
  readonly watch: NameWatch;
}

/**
 * Looks at disputed names: our caches hold only what we made, so while a name belongs to somebody else
 * than a puller, that one object is watched, and its puller gets another run when it changes or goes.
 * Where there are too many, each namespace has its share.
 */
export class NameWatches {
  readonly name = 'name watches';
  readonly #start: StartNameWatch;
  readonly #enqueue: (key: Key) => void;
  readonly #watches = new Map<string, Entry>();

  constructor(start: StartNameWatch, enqueue: (key: Key) => void) {
    this.#start = start;
    this.#enqueue = enqueue;
  }

  /** Has nothing to begin with. */
  async start(): Promise<void> {}

  /** From now on exactly these conflicts of the puller are watched, but for what our caches tell. */
  keep(key: Key, conflicts: readonly Conflict[]): void {
    const unknown = conflicts.filter(({ isCached }) => !isCached);
    const wanted = new Map(unknown.map((conflict) => [idOf(key, conflict), conflict]));
    for (const [id, entry] of this.#watches) {
      if (entry.key === key && !wanted.has(id)) this.#stop(id);
    }
    for (const [id, conflict] of wanted) {
      const { resource, namespace, name } = conflict;
      if (this.#watches.has(id) || !this.#hasRoom(namespace)) continue;
      const watch = this.#start(resource, namespace, name, () => this.#enqueue(key));
      this.#watches.set(id, { key, namespace, watch });
    }
  }

  /** Ends all watches. */
  async stop(): Promise<void> {
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    await Promise.all(watches.map(({ watch }) => watch.stop()));
  }

  /** Where all are taken, the namespace that has the most gives one up for those that have fewer. */
  #hasRoom(namespace: string): boolean {
    if (this.#watches.size < limit) return true;
    const shares = Map.groupBy(this.#watches, ([, entry]) => entry.namespace);
    const own = shares.get(namespace)?.length ?? 0;
    const largest = [...shares.values()].reduce((a, b) => (b.length > a.length ? b : a));
    const [id] = largest.at(-1) ?? [];
    if (id === undefined || largest.length <= own + 1) return false;
    this.#stop(id);
    return true;
  }

  #stop(id: string): void {
    const entry = this.#watches.get(id);
    this.#watches.delete(id);
    void entry?.watch.stop();
  }
}

function idOf(key: Key, { resource, name }: Conflict): string {
  return `${key} ${resource.plural}/${name}`;
}
