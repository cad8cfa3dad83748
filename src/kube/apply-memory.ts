import type { Clock } from '../clock.ts';
import { bodyHash as hashOf } from './body-hash.ts';
import type { Difference } from './in-place.ts';
import type { KubeObject } from './objects.ts';
import { isRecent, type Repaired, untilNextRepair } from './repair-pace.ts';

/** What an apply of the body would put right, and whether it is time for that. */
export interface Verdict {
  /** The differences that the server has not given as its answer to this very body before. */
  readonly open: readonly Difference[];
  /** One that was put right before and is back: somebody else wants it otherwise. */
  readonly contested: Difference | undefined;
  /** How long to leave a contested object alone; 0 for none. */
  readonly waitMs: number;
}

interface Memory {
  readonly uid: string | undefined;
  readonly bodyHash: string;
  /** By path: what the server stored although the body says otherwise. */
  readonly answered: ReadonlyMap<string, string>;
  readonly repairs: Repairs | undefined;
}

/** Applies of a body that had been stored before and was found changed. */
interface Repairs extends Repaired {
  readonly paths: ReadonlySet<string>;
}

/**
 * What became of our applies, one entry for each object: enough not to ask again for what an
 * admission plug-in rewrites, and not to fight somebody who undoes our work. It never decides what
 * is right, so forgetting costs a request that changes nothing at most.
 */
export class ApplyMemory {
  readonly #clock: Clock;
  readonly #capacity: number;
  /** The object that was applied longest ago comes first. */
  readonly #memories = new Map<string, Memory>();
  /** The hash of the body that would change nothing of an object, as long as a cache holds the object. */
  readonly #inPlace = new WeakMap<KubeObject, string>();

  /** `capacity` is the number of objects that are remembered. */
  constructor(clock: Clock, capacity = 10_000) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  /** Claims that an apply of the body was found to change nothing: an object is replaced, never changed. */
  isInPlace(live: KubeObject, body: KubeObject): boolean {
    const known = this.#inPlace.get(live);
    return known !== undefined && known === hashOf(body);
  }

  /** Remembers that an apply of the body would change nothing, which takes long to find out. */
  foundInPlace(live: KubeObject, body: KubeObject): void {
    this.#inPlace.set(live, hashOf(body));
  }

  /** Judges what was found to differ between the body and the live object. */
  judge(
    id: string,
    { live, body }: { readonly live: KubeObject; readonly body: KubeObject },
    found: readonly Difference[],
  ): Verdict {
    const memory = found.length === 0 ? undefined : this.#of(id, live);
    // A body that was not applied yet is no repair, whatever happened to the one before.
    if (memory?.bodyHash !== hashOf(body)) return { open: found, contested: undefined, waitMs: 0 };
    const open = found.filter((one) => memory.answered.get(one.path) !== spelled(one));
    const contested = open.find(({ path }) => this.#recent(memory.repairs)?.paths.has(path));
    const waitMs = contested === undefined ? 0 : this.#untilRepair(memory.repairs);
    return { open, contested, waitMs };
  }

  /** Remembers what the server made of the body, and what the apply put right. */
  applied(
    id: string,
    { stored, body }: { readonly stored: KubeObject; readonly body: KubeObject },
    answer: readonly Difference[],
    repaired: readonly Difference[],
  ): void {
    const before = this.#of(id, stored);
    const bodyHash = hashOf(body);
    const isRepair = before?.bodyHash === bodyHash && repaired.length > 0;
    this.#memories.delete(id);
    this.#memories.set(id, {
      uid: stored.metadata.uid,
      bodyHash,
      answered: new Map(answer.map((one) => [one.path, spelled(one)])),
      repairs: isRepair ? this.#count(before.repairs, repaired) : before?.repairs,
    });
    const [oldest] = this.#memories.keys();
    if (this.#memories.size > this.#capacity && oldest !== undefined) this.forget(oldest);
  }

  /** The object is gone. */
  forget(id: string): void {
    this.#memories.delete(id);
  }

  /** What is remembered of this very object, not of one that had its name before. */
  #of(id: string, { metadata }: KubeObject): Memory | undefined {
    const memory = this.#memories.get(id);
    return memory?.uid === metadata.uid ? memory : undefined;
  }

  #recent(repairs: Repairs | undefined): Repairs | undefined {
    return repairs && isRecent(repairs, this.#clock.monotonic()) ? repairs : undefined;
  }

  #untilRepair(repairs: Repairs | undefined): number {
    return repairs ? untilNextRepair(repairs, this.#clock.monotonic()) : 0;
  }

  #count(earlier: Repairs | undefined, repaired: readonly Difference[]): Repairs {
    const recent = this.#recent(earlier);
    const paths = repaired.map(({ path }) => path);
    const isAgain = paths.some((path) => recent?.paths.has(path));
    return {
      count: (recent?.count ?? 0) + (isAgain || recent === undefined ? 1 : 0),
      paths: new Set([...(recent?.paths ?? []), ...paths]),
      lastAt: this.#clock.monotonic(),
    };
  }
}

function spelled({ kind, found }: Difference): string {
  return `${kind} ${JSON.stringify(found)}`;
}
