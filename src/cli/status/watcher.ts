import type { Clock } from '../../clock.ts';
import type { Client } from '../../kube/client.ts';
import { Reflector } from '../../kube/reflector.ts';
import { silentLog } from '../../log.ts';
import type { PodRecord } from '../../status/pods.ts';
import { queries, type Reading, type Seen } from './seen.ts';

/** What is watched, and where. */
export interface WatcherOptions {
  readonly client: Client;
  /** The empty one stands for all. */
  readonly namespace: string;
  readonly clock: Clock;
  /** Answers like Math.random. */
  readonly random: () => number;
}

/** Keeps up with everything that a report is made of, until it is stopped; a lost server is waited for. */
export class Watcher {
  readonly #reflectors: Readonly<Record<keyof Seen, Reflector>>;
  #changes = 0;

  constructor({ client, namespace, clock, random }: WatcherOptions) {
    const follow = (kind: keyof Seen) => {
      const reflector = new Reflector({
        ...queries[kind],
        ...(namespace && { namespace }),
        client,
        clock,
        random,
        // What fails is told in the report.
        log: silentLog,
      });
      reflector.onChange(() => {
        this.#changes += 1;
      });
      return reflector;
    };
    this.#reflectors = {
      pullers: follow('pullers'),
      daemonSets: follow('daemonSets'),
      deployments: follow('deployments'),
      pods: follow('pods'),
      events: follow('events'),
    };
  }

  start(): void {
    for (const reflector of Object.values(this.#reflectors)) void reflector.start();
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#reflectors).map((reflector) => reflector.stop()));
  }

  /** Grows with each change. */
  get changes(): number {
    return this.#changes;
  }

  /** Claims that each kind has been read, or refused, at least once. */
  get hasAsked(): boolean {
    return Object.values(this.#reflectors).every(
      ({ hasSynced, lastError }) => hasSynced || lastError !== undefined,
    );
  }

  /** What is known at the moment. */
  look(): Seen {
    const reading = (kind: keyof Seen): Reading => ({
      objects: this.#reflectors[kind].list(),
      error: this.#reflectors[kind].lastError,
    });
    return {
      pullers: reading('pullers'),
      daemonSets: reading('daemonSets'),
      deployments: reading('deployments'),
      pods: reading('pods') as Reading<PodRecord>, // projected by its query
      events: reading('events'),
    };
  }
}
