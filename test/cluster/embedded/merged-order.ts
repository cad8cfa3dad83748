/**
 * The order of the items of a merged list: the applied ones in theirs, each live one that is not
 * applied where it stands relative to the next shared one. After
 * sigs.k8s.io/structured-merge-diff: typed/merge.go, visitListItems.
 */
export function mergedOrder(
  live: readonly string[],
  applied: readonly string[],
): readonly string[] {
  const walk = new Walk(live, applied);
  while (!walk.isDone) walk.step();
  return walk.order;
}

/** Goes along both lists at once. */
class Walk {
  readonly order: string[] = [];
  readonly #live: readonly string[];
  readonly #applied: readonly string[];
  readonly #isApplied: ReadonlySet<string>;
  /** Items of both lists that are still to come, as applied. */
  readonly #shared: string[];
  readonly #taken = new Set<string>();
  #left = 0;
  #right = 0;

  constructor(live: readonly string[], applied: readonly string[]) {
    const isLive = new Set(live);
    this.#live = live;
    this.#applied = applied;
    this.#isApplied = new Set(applied);
    this.#shared = applied.filter((element) => isLive.has(element));
  }

  get isDone(): boolean {
    return this.#left >= this.#live.length && !this.#hasMoreApplied;
  }

  get #hasMoreApplied(): boolean {
    return this.#right < this.#applied.length;
  }

  step(): void {
    const element = this.#live[this.#left];
    if (element === undefined) this.#takeApplied();
    else if (!this.#isApplied.has(element)) this.#takeLive(element);
    else if (element === this.#applied[this.#right]) this.#takeShared();
    else if (this.#isOutOfTurn(element)) this.#left += 1;
    else this.#catchUp(element);
  }

  /** The live element is shared, but others come first in the applied order. */
  #isOutOfTurn(element: string): boolean {
    const [next] = this.#shared;
    return this.#hasMoreApplied && next !== undefined && next !== element;
  }

  #takeLive(element: string): void {
    this.order.push(element);
    this.#left += 1;
  }

  #takeShared(): void {
    this.#takeApplied();
    this.#left += 1;
  }

  #catchUp(element: string): void {
    if (this.#taken.has(element)) this.#left += 1;
    if (this.#hasMoreApplied) this.#takeApplied();
  }

  #takeApplied(): void {
    const element = this.#applied[this.#right] ?? '';
    this.#right += 1;
    this.order.push(element);
    this.#taken.add(element);
    if (this.#shared[0] === element) this.#shared.shift();
  }
}
