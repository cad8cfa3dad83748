import type { KubeObject } from './objects.ts';

/** So many parts are kept to be shared, and as many that nothing was equal to for a while. */
const defaultCapacity = 2048;
/** In characters: what says more is hardly ever the same in two objects, and would be kept twice. */
const longest = 2048;

type Part = string | object;

/**
 * Projects objects for a reflector so that parts which say the same, in one object or in several, are held
 * once: most of what is written about one puller and its children is written about all others too. Takes
 * over what it is given, as a parser's answer that nobody else holds; nothing is lost. Shared parts are
 * frozen.
 */
export function sharingEqualParts(capacity = defaultCapacity): (object: KubeObject) => KubeObject {
  const parts = new SharedParts(capacity);
  return (object) => {
    parts.shareWithin(object);
    return object;
  };
}

class SharedParts {
  readonly #capacity: number;
  /** Those in use move from the older to the younger. */
  #younger = new Generation();
  #older = new Generation();
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Replaces what an object holds by what others hold already. */
  shareWithin(object: object): void {
    for (const [name, value] of Object.entries(object)) {
      Reflect.set(object, name, this.#shared(value));
    }
  }

  #shared(value: unknown): unknown {
    if (typeof value === 'string') {
      return value.length > longest ? value : this.#kept(`"${value}`, value);
    }
    // What is frozen was shared before.
    if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
    this.shareWithin(value);
    const said = this.#said(value);
    return said === undefined ? value : this.#kept(said, value);
  }

  /** Equal for parts that hold the same, under the same names in the same order; undefined for one that is not shared. */
  #said(part: object): string | undefined {
    const members: unknown[] = [];
    for (const [name, value] of Object.entries(part)) {
      if (typeof value !== 'object' || value === null) {
        members.push([name, 'is', value]);
        continue;
      }
      const number = this.#numberOf(value);
      if (number === undefined) return undefined;
      members.push([name, number]);
    }
    const said = JSON.stringify([Array.isArray(part), members]);
    return said.length > longest ? undefined : said;
  }

  #kept<P extends Part>(said: string, part: P): P {
    const known = this.#younger.parts.get(said) ?? this.#older.parts.get(said);
    const kept = known ?? (typeof part === 'string' ? part : Object.freeze(part));
    if (!this.#younger.parts.has(said)) this.#keep(said, kept);
    return kept as P;
  }

  #numberOf(part: Part): number | undefined {
    return this.#younger.numbers.get(part) ?? this.#older.numbers.get(part);
  }

  #newNumber(): number {
    this.#next += 1;
    return this.#next;
  }

  #keep(said: string, part: Part): void {
    const number = this.#numberOf(part) ?? this.#newNumber();
    if (this.#younger.parts.size === this.#capacity) {
      this.#older = this.#younger;
      this.#younger = new Generation();
    }
    this.#younger.parts.set(said, part);
    if (typeof part === 'object') this.#younger.numbers.set(part, number);
  }
}

class Generation {
  /** By what they say. */
  readonly parts = new Map<string, Part>();
  /**
   * Each stands for a part in what those say that contain it. Not in a WeakMap of all parts there are:
   * most of them are in one object only, and the map took 1 MB for 300 pullers.
   */
  readonly numbers = new Map<Part, number>();
}
