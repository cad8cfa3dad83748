import { setTimeout as delay } from 'node:timers/promises';
import type { Runtime } from '../cluster/real/runtime.ts';

/** How often the watch looks, in milliseconds; a look takes some 20 more. */
const lookEveryMs = 100;

/** A time during which nothing ran from an image that was to be held. */
export interface Gap {
  readonly reference: string;
  /** Wall-clock milliseconds. */
  readonly from: number;
  readonly lastedMs: number;
}

/**
 * Watches, past Kubernetes, that images have holders: containers of the node's runtime that run from them.
 * Who watches says from when and until when an image is to have one.
 */
export class HolderWatch {
  /** That have ended, in the order of their ends. */
  readonly gaps: Gap[] = [];
  readonly #runtime: Runtime;
  readonly #awaited = new Set<string>();
  /** Since when an image that is awaited has no holder. */
  readonly #lacking = new Map<string, number>();
  #images: ReadonlyMap<string, string> = new Map();
  #isOver = false;
  #looks = 0;
  #slowestMs = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** From now on an image is to be held. */
  await(reference: string): void {
    this.#awaited.add(reference);
  }

  /** From now on it need not. */
  release(reference: string): void {
    this.#awaited.delete(reference);
  }

  get awaited(): ReadonlySet<string> {
    return this.#awaited;
  }

  /** How closely was looked, for people. */
  get closeness(): string {
    return `${this.#looks} looks, at most ${Math.round(this.#slowestMs)} ms from one to the next`;
  }

  /** Looks until the work is done. */
  async during(work: () => Promise<void>): Promise<void> {
    const working = work().finally(() => {
      this.#isOver = true;
    });
    await Promise.all([working, this.#watch()]);
  }

  /** Images that containers on the node run from at this moment. */
  async held(): Promise<ReadonlySet<string>> {
    const tasks = await this.#runtime.tasks();
    // What a container was made from never changes.
    if (tasks.some((id) => !this.#images.has(id))) this.#images = await this.#runtime.containers();
    return new Set(tasks.map((id) => this.#images.get(id) ?? ''));
  }

  async #watch(): Promise<void> {
    this.#isOver = false;
    let lookedAt = performance.now();
    while (!this.#isOver) {
      await Promise.all([this.#look(), delay(lookEveryMs)]);
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - lookedAt);
      lookedAt = performance.now();
    }
    for (const reference of [...this.#lacking.keys()]) this.#end(reference);
  }

  async #look(): Promise<void> {
    const from = Date.now();
    const awaited = [...this.#awaited];
    const lacking = await this.#lackingOf(awaited);
    for (const reference of lacking) {
      if (!this.#lacking.has(reference)) this.#lacking.set(reference, from);
    }
    for (const reference of [...this.#lacking.keys()]) {
      if (!lacking.includes(reference)) this.#end(reference);
    }
    this.#looks += 1;
  }

  /** The runtime lists one container after another: only what two lists lack was missing between them. */
  async #lackingOf(awaited: readonly string[]): Promise<readonly string[]> {
    const inNone = async (references: readonly string[]) => {
      if (references.length === 0) return [];
      const held = await this.held();
      return references.filter((reference) => !held.has(reference));
    };
    const lacking = await inNone(await inNone(awaited));
    // An image may have been let go meanwhile.
    return lacking.filter((reference) => this.#awaited.has(reference));
  }

  #end(reference: string): void {
    const from = this.#lacking.get(reference) ?? 0;
    this.#lacking.delete(reference);
    this.gaps.push({ reference, from, lastedMs: Date.now() - from });
  }
}

/** A gap as a line for people. */
export function toldGap({ reference, from, lastedMs }: Gap): string {
  const at = new Date(from).toISOString();
  return `${at}: nothing ran from ${reference} for ${(lastedMs / 1000).toFixed(1)} s`;
}
