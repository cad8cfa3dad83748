/** What the runtime tells of a container; times are wall-clock milliseconds. */
export type ContainerEvent =
  | { readonly kind: 'made'; readonly container: string; readonly image: string }
  | { readonly kind: 'started' | 'ended'; readonly container: string; readonly atMs: number };

/**
 * Reads a line of `ctr events`: time, namespace, topic, and the event as JSON (containerd/containerd:
 * cmd/ctr/commands/events). Undefined where it is of something else, such as a command in a container.
 */
export function containerEvent(line: string): ContainerEvent | undefined {
  const [, day, time, topic, json] =
    /^(\S+) (\S+) \+0000 UTC k8s\.io (\S+) (\{.*\})$/.exec(line) ?? [];
  if (json === undefined) return undefined;
  const event = JSON.parse(json) as RuntimeEvent;
  const { container_id: container = '' } = event;
  const atMs = Date.parse(`${day}T${time?.slice(0, 12)}Z`);
  switch (topic) {
    case '/containers/create':
      return { kind: 'made', container: event.id ?? '', image: event.image ?? '' };
    case '/tasks/start':
      return { kind: 'started', container, atMs };
    case '/tasks/exit':
      return event.id === container ? { kind: 'ended', container, atMs } : undefined;
    default:
      return undefined;
  }
}

/** As much of containerd's events as is read here. */
interface RuntimeEvent {
  readonly id?: string;
  readonly container_id?: string;
  readonly image?: string;
}

/** A time during which nothing ran from an image that was to be held. */
export interface Gap {
  readonly reference: string;
  /** Wall-clock milliseconds. */
  readonly from: number;
  readonly lastedMs: number;
}

/** When an image was to be held, in wall-clock milliseconds. */
export interface Stretch {
  readonly reference: string;
  readonly from: number;
  readonly until: number;
}

/** From when to when containers ran, by what the runtime tells of them. */
export class Lives {
  readonly #lives = new Map<string, Life>();

  /** Of a container that ran before it could be told of. */
  found(container: string, image: string): void {
    const life = this.#life(container);
    life.image ??= image;
    life.from ??= Number.NEGATIVE_INFINITY;
  }

  /** Events may come in any order. */
  tell(event: ContainerEvent): void {
    const life = this.#life(event.container);
    if (event.kind === 'made') life.image = event.image;
    else if (event.kind === 'started') life.from ??= event.atMs;
    else life.until ??= event.atMs;
  }

  /** Ids of the containers that run from any of these images now, in order. */
  running(references: ReadonlySet<string>): readonly string[] {
    return [...this.#lives]
      .filter(([, { from, until }]) => from !== undefined && until === undefined)
      .filter(([, { image = '' }]) => references.has(image))
      .map(([container]) => container)
      .sort();
  }

  /** How many containers have run from any of these images. */
  count(references: ReadonlySet<string>): number {
    return [...this.#lives.values()].filter(({ image = '' }) => references.has(image)).length;
  }

  /** When nothing ran from an image, in order. */
  gaps({ reference, from, until }: Stretch): readonly Gap[] {
    const gaps: Gap[] = [];
    let heldUntil = from;
    const look = (next: number) => {
      const end = Math.min(next, until);
      if (heldUntil < end) gaps.push({ reference, from: heldUntil, lastedMs: end - heldUntil });
    };
    for (const life of this.#livesOf(reference)) {
      look(life.from);
      heldUntil = Math.max(heldUntil, life.until);
    }
    look(until);
    return gaps;
  }

  #livesOf(reference: string): readonly Required<Omit<Life, 'image'>>[] {
    return [...this.#lives.values()]
      .filter(({ image }) => image === reference)
      .map(({ from = Number.POSITIVE_INFINITY, until = Number.POSITIVE_INFINITY }) => ({
        from,
        until,
      }))
      .filter(({ from }) => from !== Number.POSITIVE_INFINITY)
      .sort((a, b) => a.from - b.from || a.until - b.until);
  }

  #life(container: string): Life {
    const life = this.#lives.get(container) ?? {};
    this.#lives.set(container, life);
    return life;
  }
}

interface Life {
  image?: string;
  /** Undefined before its start. */
  from?: number;
  /** Undefined before its end. */
  until?: number;
}
