/**
 * Keeps one object for everything that says the same, as long as somebody holds it. Held weakly, not
 * counted: objects come and go with the caches that hold them, and no cache tells anybody when it
 * drops one.
 */
export class InternPool<Value extends object> {
  readonly #values = new Map<string, WeakRef<Value>>();
  readonly #numbers = new WeakMap<Value, number>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    // Another of the same key may have come meanwhile.
    if (this.#values.get(key)?.deref() === undefined) this.#values.delete(key);
  });
  #next = 0;

  /** The object of this key, or the one that `create` makes of it. */
  intern(key: string, create: () => Value): Value {
    const known = this.#values.get(key)?.deref();
    if (known !== undefined) return known;
    const value = create();
    this.#next += 1;
    this.#numbers.set(value, this.#next);
    this.#values.set(key, new WeakRef(value));
    this.#gone.register(value, key);
    return value;
  }

  /** Tells the objects of this pool apart; 0 for one that is not of it. */
  numberOf(value: Value): number {
    return this.#numbers.get(value) ?? 0;
  }

  /** Keys that are kept. */
  get size(): number {
    return this.#values.size;
  }
}

/** The text without the longer one that it was cut from, which V8 would keep for its sake. */
export function detached(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
