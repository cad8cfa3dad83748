import { type KubeObject, pods } from '../../src/kube/objects.ts';
import type { ApiRequest } from '../cluster/embedded/api-request.ts';
import type { Call, FaultMatch } from '../cluster/embedded/faults.ts';
import { operatorAgent } from './operator-process.ts';
import type { World } from './world.ts';

/** A write of an operator, or an event of one of its watches, as the API server sees it. */
export interface Sighting {
  /** `patch daemonsets/cache`, `MODIFIED Pod/cache-*`: pods have other names in every run. */
  readonly what: string;
  /** The how-manieth of these it is, from 1 on. */
  readonly nth: number;
  /** When, in the scheduler's time. */
  readonly at: number;
  /** The object as the event shows it. */
  readonly object?: KubeObject;
}

/** What a run shows that could go wrong. */
export interface Seen {
  readonly writes: readonly Sighting[];
  readonly events: readonly Sighting[];
  /** How many commits ago pullers and children came, went or got another spec. */
  readonly commitsAgo: readonly number[];
  /** What operators look at, as it was before. */
  readonly before: readonly KubeObject[];
}

/**
 * Writes that matter: without Events, which nobody depends on, Leases, which come by themselves, and
 * questions in the form of a dry run.
 */
export const ownWrites: FaultMatch = {
  verb: 'write',
  userAgent: operatorAgent,
  when: ({ request, target }) =>
    target.isResource &&
    !['events', 'leases'].includes(target.plural) &&
    !request.query.has('dryRun'),
};

/** Events of watches that say something. */
export const ownEvents: FaultMatch = {
  verb: 'watch',
  userAgent: operatorAgent,
  events: ['ADDED', 'MODIFIED', 'DELETED'],
};

/** Notes writes and events from its making on, so that one of them can be spoken of. */
export class Sightings {
  readonly writes: Sighting[] = [];
  readonly events: Sighting[] = [];
  readonly #counts = new Map<string, number>();
  readonly #written = new WeakMap<ApiRequest, Sighting>();
  /** Of all the past, what an operator could take for the present and act on. */
  readonly #revisions = new Set<number>();
  /** Of their last change, status included: nobody could be told of another one after it. */
  #latest = 0;
  /** Writes that met trouble already: no other one can befall them. */
  readonly #taken = new Set<Sighting>();
  readonly #before: readonly KubeObject[];
  readonly #world: World;
  readonly #deedsBefore: number;

  constructor(world: World) {
    this.#world = world;
    this.#deedsBefore = world.deeds;
    this.#before = world.watched.flatMap((resource) => world.list(resource));
    this.#noteRevisions();
    const { faults } = world.cluster;
    // Rules that never fire, ahead of all that do.
    faults.add({
      match: { ...ownWrites, when: (call) => isOwnWrite(call) && this.#seeWrite(call) },
      at: 'before',
      do: 'silence',
    });
    faults.add({
      match: { ...ownEvents, when: (call) => this.#seeEvent(call) },
      at: 'onEvent',
      do: 'drop',
    });
  }

  /** Until now. */
  seen(): Seen {
    const { revision } = this.#world.cluster;
    const past = [...this.#revisions].filter((each) => each < this.#latest);
    return {
      writes: this.writes.filter((write) => !this.#taken.has(write)),
      events: [...this.events],
      commitsAgo: past.map((each) => revision - each),
      before: this.#before,
    };
  }

  /** How many things have been done meanwhile, by users and by nodes. */
  get deeds(): number {
    return this.#world.deeds - this.#deedsBefore;
  }

  /** The write that a request is; undefined of one that was on its way before. */
  writeOf(request: ApiRequest): Sighting | undefined {
    return this.#written.get(request);
  }

  /** From now on the write is not one that other trouble could befall. */
  take(request: ApiRequest): void {
    const write = this.#written.get(request);
    if (write !== undefined) this.#taken.add(write);
  }

  #noteRevisions(): void {
    const { cluster, watched } = this.#world;
    this.#revisions.add(cluster.revision);
    const generations = new Map<string, number | undefined>();
    for (const resource of watched.filter(({ kind }) => kind !== pods.kind)) {
      cluster.controlPlane.onChange(resource, ({ type, object: { metadata } }) => {
        this.#latest = cluster.revision;
        const { uid = '', generation } = metadata;
        const isNew = type !== 'MODIFIED' || generations.get(uid) !== generation;
        generations.set(uid, generation);
        if (isNew) this.#revisions.add(cluster.revision);
      });
    }
  }

  #seeWrite({ request, target }: Call): boolean {
    if (!target.isResource) return false;
    const { verb, plural, name, subresource } = target;
    const what = `${verb} ${plural}/${name}${subresource && `/${subresource}`}`;
    const write = this.#sighting(what);
    this.writes.push(write);
    this.#written.set(request, write);
    return false;
  }

  #seeEvent({ event }: Call): boolean {
    const object = event?.object as KubeObject; // of these types of events
    const what = `${event?.type} ${object.kind}/${nameOf(object)}`;
    this.events.push({ ...this.#sighting(what), object });
    return false;
  }

  #sighting(what: string): Sighting {
    const nth = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, nth);
    return { what, nth, at: this.#world.scheduler.elapsed };
  }
}

function nameOf({ kind, metadata: { name = '' } }: KubeObject): string {
  return kind === 'Pod' ? name.replace(/[a-z0-9]{5}$/, '*') : name;
}

function isOwnWrite(call: Call): boolean {
  return ownWrites.when?.(call) ?? false;
}
