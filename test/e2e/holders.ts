import { type ContainerEvent, type Gap, Lives, type Stretch } from '../cluster/real/lives.ts';
import type { Runtime } from '../cluster/real/runtime.ts';
import { until } from '../cluster/real/wait.ts';

/** What a watch asks of a node's runtime. */
export type Watched = Pick<Runtime, 'tasks' | 'containers' | 'follow'>;

/** The runtime tells of what it lists some milliseconds later; the machine may be slow. */
const agreementTimeoutMs = 60_000;

/**
 * Watches, past Kubernetes, that images have holders: containers of the node's runtime that run from them.
 * Who watches says from when and until when an image is to have one. It goes by the runtime's account of
 * every start and end, as looks now and then are blind to what comes and goes between two of them.
 */
export class HolderWatch {
  readonly #runtime: Watched;
  readonly #lives = new Lives();
  readonly #awaited = new Map<string, number>();
  readonly #stretches: Stretch[] = [];
  #gaps: readonly Gap[] = [];

  constructor(runtime: Watched) {
    this.#runtime = runtime;
  }

  /** From now on an image is to be held. */
  await(reference: string): void {
    if (!this.#awaited.has(reference)) this.#awaited.set(reference, Date.now());
  }

  /** From now on it need not. */
  release(reference: string): void {
    const from = this.#awaited.get(reference);
    if (from === undefined) return;
    this.#awaited.delete(reference);
    this.#stretches.push({ reference, from, until: Date.now() });
  }

  /** Since when each image is to be held, in wall-clock milliseconds. */
  get awaited(): ReadonlyMap<string, number> {
    return this.#awaited;
  }

  /** Known once the work is done. */
  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** How much was seen, for people. */
  get extent(): string {
    return `${this.#lives.count(this.#references)} containers seen`;
  }

  /** Watches until the work is done. Rejects where the runtime has not told of all that it did. */
  async during(work: () => Promise<void>): Promise<void> {
    const stop = await this.#runtime.follow((event: ContainerEvent) => this.#lives.tell(event));
    try {
      for (const [container, image] of await this.#running()) this.#lives.found(container, image);
      await work();
      for (const reference of [...this.#awaited.keys()]) this.release(reference);
      await until('the events of all containers', () => this.#isAllTold(), agreementTimeoutMs);
    } finally {
      await stop();
    }
    this.#gaps = this.#stretches.flatMap((stretch) => this.#lives.gaps(stretch));
  }

  /** Images that containers on the node run from at this moment. */
  async held(): Promise<ReadonlySet<string>> {
    return new Set((await this.#running()).map(([, image]) => image));
  }

  get #references(): ReadonlySet<string> {
    return new Set(this.#stretches.map(({ reference }) => reference));
  }

  /** A start or an end that was missed would let the runtime's list differ from ours for good. */
  async #isAllTold(): Promise<boolean> {
    const references = this.#references;
    const listed = (await this.#running()).filter(([, image]) => references.has(image));
    const containers = listed.map(([container]) => container).sort();
    return containers.join() === this.#lives.running(references).join();
  }

  /** Containers that run, and their images. */
  async #running(): Promise<readonly (readonly [string, string])[]> {
    const tasks = await this.#runtime.tasks();
    const images = await this.#runtime.containers();
    return tasks.map((id) => [id, images.get(id) ?? '']);
  }
}

/** A gap as a line for people. */
export function toldGap({ reference, from, lastedMs }: Gap): string {
  const at = new Date(from).toISOString();
  return `${at}: nothing ran from ${reference} for ${(lastedMs / 1000).toFixed(3)} s`;
}
