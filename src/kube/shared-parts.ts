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
  /** By what they say; those in use move from the older to the younger. */
  #younger = new Map<string, Part>();
  #older = new Map<string, Part>();
  /** Stands for a part in what those say that contain it. */
  readonly #numbers = new WeakMap<object, number>();
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
    if (typeof value !== 'object' || value === null || this.#numbers.has(value)) return value;
    this.shareWithin(value);
    const said = this.#said(value);
    return said === undefined ? value : this.#kept(said, value);
  }

  /**
   * Equal for parts that hold the same, under the same names in the same order; undefined for one that
   * is not shared.
   */
  #said(part: object): string | undefined {
    const members: unknown[] = [];
    for (const [name, value] of Object.entries(part)) {
      if (typeof value !== 'object' || value === null) {
        members.push([name, 'is', value]);
        continue;
      }
      const number = this.#numbers.get(value);
      if (number === undefined) return undefined;
      members.push([name, number]);
    }
    const said = JSON.stringify([Array.isArray(part), members]);
    return said.length > longest ? undefined : said;
  }

  #kept<P extends Part>(said: string, part: P): P {
    const known = this.#younger.get(said) ?? this.#older.get(said);
    const kept = known ?? this.#numbered(part);
    if (!this.#younger.has(said)) this.#keep(said, kept);
    return kept as P;
  }

  #numbered(part: Part): Part {
    if (typeof part === 'string') return part;
    this.#next += 1;
    this.#numbers.set(part, this.#next);
    return Object.freeze(part);
  }

  #keep(said: string, part: Part): void {
    if (this.#younger.size === this.#capacity) {
      this.#older = this.#younger;
      this.#younger = new Map();
    }
    this.#younger.set(said, part);
  }
}
