import type { KubeObject } from '../../src/kube/objects.ts';
import type { Plan, Undisturbed } from './run.ts';
import { seeded } from './scheduler.ts';
import type { Seen, Sighting } from './sightings.ts';
import { eventTroubles, type Trouble, writeTroubles } from './trouble.ts';
import { type Workload, workloads } from './workloads.ts';

/** Makes plans out of what a workload does where nothing goes wrong. */
export interface Generator {
  readonly name: string;
  /** What is expected, as the end of a sentence that begins with a workload. */
  readonly promise: string;
  readonly troubles: (known: Undisturbed, workload: Workload) => readonly (readonly Trouble[])[];
}

/** After so short a time the next event of an object makes up for the one before. */
const supersededMs = 1_000;

/** Each makes all of its plans, as there are few enough. */
export const generators: readonly Generator[] = [
  {
    name: 'G1',
    promise: 'survives an operator that is killed after any of its writes',
    troubles: ({ writes }) => writes.map(({ what, nth }) => [{ kind: 'kill', what, nth }]),
  },
  {
    name: 'G2',
    promise: 'survives any write that is lost, done twice or answered wrongly',
    troubles: ({ writes }) => [
      // What was done already is done again: no write minds what became of another one.
      writes.map(({ what, nth }) => ({ kind: 'double', what, nth }) as const),
      ...writes.flatMap(({ what, nth }) =>
        (['lose request', 'lose answer', 'fail after commit', 'conflict'] as const).map((kind) => [
          { kind, what, nth },
        ]),
      ),
    ],
  },
  {
    name: 'G3',
    promise: 'survives an operator that begins with any part of the past',
    troubles: ({ commitsAgo }) => commitsAgo.map((ago) => [{ kind: 'stale', commitsAgo: ago }]),
  },
  {
    name: 'G4',
    promise: 'survives any two lost events in a row of which one undoes the other',
    troubles: ({ events, before }) =>
      cancellingPairs(events, before).map((pair) => pair.map(dropped)),
  },
  {
    name: 'G5',
    promise: 'survives any event that is lost',
    troubles: ({ events }) =>
      events
        .filter((event, index) => !isSuperseded(event, events.slice(index + 1)))
        .map((event) => [dropped(event)]),
  },
  {
    name: 'GW',
    promise: 'survives every way in which a watch breaks',
    troubles: ({ events }, { isForWatches = false }) =>
      (isForWatches ? eventTroubles : [])
        .filter((kind) => kind !== 'drop')
        .flatMap((kind) => firstOfEachKind(events).map(({ what, nth }) => [{ kind, what, nth }])),
  },
  {
    name: 'GP',
    promise: 'survives a leader that stands still, or is asked to end, after any of its writes',
    troubles: ({ writes }, { replicas = 0 }) =>
      replicas === 0
        ? []
        : (['pause', 'terminate'] as const).flatMap((kind) =>
            writes.map(({ what, nth }) => [{ kind, what, nth }]),
          ),
  },
];

/** The plans of a generator for a workload. */
export function plansOf(
  { troubles }: Generator,
  { workload, seed }: Pick<Plan, 'workload' | 'seed'>,
  known: Undisturbed,
): readonly Plan[] {
  return troubles(known, workload).map((each) => ({ workload, seed, troubles: each }));
}

/** The workload that a seed of G7 takes. */
export function workloadOf(seed: number): Workload {
  const index = Math.floor(seeded(seed)() * workloads.length);
  return workloads[index] as Workload; // within the bounds
}

/**
 * G7: troubles of any kind at random, one after another, each out of what was seen in a run: only what
 * was seen can be met again. The same seed gives the same ones; undefined where nothing was seen.
 */
export function troublesFor(seed: number): (seen: Seen) => Trouble | undefined {
  const random = seeded(seed + 0x5eed);
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)];
  return (seen) => pick(pick(possibleWith(seen)) ?? []);
}

/** Of the past, of writes and of events, where there are any. */
function possibleWith({ writes, events, commitsAgo }: Seen): readonly (readonly Trouble[])[] {
  const kinds: readonly (readonly Trouble[])[] = [
    commitsAgo.map((ago) => ({ kind: 'stale', commitsAgo: ago })),
    writes.flatMap(({ what, nth }) => writeTroubles.map((kind) => ({ kind, what, nth }))),
    events.flatMap(({ what, nth }) => eventTroubles.map((kind) => ({ kind, what, nth }))),
  ];
  return kinds.filter((some) => some.length > 0);
}

/**
 * What can still go wrong after the trouble: what comes before it may keep it from coming, and of two at
 * the same moment only one can.
 */
export function seenAfter(trouble: Trouble, seen: Seen): Seen {
  // Where the past is to be seen, no watch may expire: it does because the server forgets the past.
  if (trouble.kind === 'stale') return { ...seen, events: [] };
  const { what, nth } = trouble;
  const at = [...seen.writes, ...seen.events].find(
    (one) => one.what === what && one.nth === nth,
  )?.at;
  const isLater = (one: Sighting) => at !== undefined && one.at > at;
  return {
    ...seen,
    writes: seen.writes.filter(isLater),
    events: seen.events.filter(isLater),
    commitsAgo: trouble.kind === 'expire' ? [] : seen.commitsAgo,
  };
}

function dropped({ what, nth }: Sighting): Trouble {
  return { kind: 'drop', what, nth };
}

function objectOf({ what }: Sighting): string {
  return what.slice(what.indexOf(' ') + 1);
}

/** The first event about a puller, and the first about a DaemonSet. */
function firstOfEachKind(events: readonly Sighting[]): readonly Sighting[] {
  return ['KubernetesImagePuller', 'DaemonSet'].flatMap(
    (kind) => events.find(({ what }) => what.includes(` ${kind}/`)) ?? [],
  );
}

function isSuperseded(event: Sighting, later: readonly Sighting[]): boolean {
  const next = later.find((one) => objectOf(one) === objectOf(event));
  return next?.what.startsWith('MODIFIED') === true && next.at - event.at < supersededMs;
}

/**
 * Each two events in a row of an object after which it is as it was before: no event between them tells
 * what was lost.
 */
function cancellingPairs(
  events: readonly Sighting[],
  before: readonly KubeObject[],
): readonly (readonly Sighting[])[] {
  const began = new Map(before.map((object) => [keyOf(object), object]));
  const rows = Map.groupBy(events, ({ object }) => keyOf(object));
  return [...rows].flatMap(([key, row]) => {
    const shown = [shownOf(began.get(key)), ...row.map(shownBy)];
    return row.slice(1).flatMap((second, at) => {
      const [was, between, is] = shown.slice(at, at + 3);
      const first = row[at];
      return first !== undefined && was === is && was !== between ? [[first, second]] : [];
    });
  });
}

function keyOf(object: KubeObject | undefined): string {
  return `${object?.kind}/${object?.metadata.name}`;
}

function shownBy({ what, object }: Sighting): string {
  return what.startsWith('DELETED') ? '' : shownOf(object);
}

/** What an object shows of its being and its spec; empty where there is none. */
function shownOf(object: KubeObject | undefined): string {
  return object === undefined ? '' : JSON.stringify([object['spec'], object['data']]);
}
