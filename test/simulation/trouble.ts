import type { AfterAction, BeforeAction, EventAction, Fault } from '../cluster/embedded/faults.ts';
import { isObject } from '../cluster/embedded/json.ts';
import type { OperatorProcess } from './operator-process.ts';
import { ownEvents, ownWrites, type Sighting, type Sightings } from './sightings.ts';
import type { World } from './world.ts';

/** What befalls the operator that has sent a write, or the write itself. */
export const writeTroubles = [
  'kill',
  'terminate',
  'pause',
  'lose request',
  'lose answer',
  'double',
  'fail after commit',
  'refuse',
  'conflict',
  'delay',
] as const;

/** What befalls an event of a watch. */
export const eventTroubles = [
  'drop',
  'repeat',
  'swap',
  'postpone',
  'truncate',
  'expire',
  'reset',
  'end',
  'silence',
] as const;

/**
 * One thing that goes wrong, as plain data, so that it can be printed, tried again and left out. `what`
 * and `nth` say which write or event since the workload began.
 */
export type Trouble = WriteTrouble | EventTrouble | Stale;

export interface WriteTrouble {
  readonly kind: (typeof writeTroubles)[number];
  readonly what: string;
  readonly nth: number;
}

export interface EventTrouble {
  readonly kind: (typeof eventTroubles)[number];
  readonly what: string;
  readonly nth: number;
}

/** At the end the operator starts anew, and for five seconds sees what was so many commits before. */
export interface Stale {
  readonly kind: 'stale';
  readonly commitsAgo: number;
}

/** Claims that the trouble befalls an event of a watch. */
export function isOfEvent(trouble: Trouble): trouble is EventTrouble {
  return eventTroubles.some((kind) => kind === trouble.kind);
}

/** Claims that a value, such as one that was printed, is trouble. */
export function isTrouble(value: unknown): value is Trouble {
  if (!isObject(value)) return false;
  const { kind, what, nth, commitsAgo } = value;
  if (kind === 'stale') return isNumber(commitsAgo);
  const isKnown = [...writeTroubles, ...eventTroubles].some((each) => each === kind);
  return isKnown && typeof what === 'string' && isNumber(nth);
}

function isNumber(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

/** Trouble that waits for its moment. */
export interface Armed {
  readonly trouble: Trouble;
  readonly hasFired: () => boolean;
  /** What it does once the workload has come to its end. */
  readonly atEnd?: () => Promise<void>;
}

const answers: Readonly<Record<string, BeforeAction>> = {
  'lose request': 'reset',
  double: 'twice',
  refuse: { answer: { code: 429, retryAfterSeconds: 3 } },
  conflict: { answer: { code: 409 } },
  delay: { delayMs: 30_000 },
};

const outcomes: Readonly<Record<string, AfterAction>> = {
  'lose answer': 'reset',
  'fail after commit': { answer: { code: 500 } },
};

const eventActions: Readonly<Record<(typeof eventTroubles)[number], EventAction>> = {
  drop: 'drop',
  repeat: 'repeat',
  swap: 'swap',
  postpone: { delayMs: 30_000 },
  truncate: 'truncate',
  expire: 'expire',
  reset: 'reset',
  end: 'end',
  silence: 'silence',
};

/** Longer than a lease lasts. */
const pauseMs = 20_000;
const staleMs = 5_000;

/** Makes it wait for its moment. */
export function arm(world: World, sightings: Sightings, trouble: Trouble): Armed {
  if (trouble.kind === 'stale') return armPast(world, trouble);
  if (isOfEvent(trouble)) return armEvent(world, sightings, trouble);
  const { kind } = trouble;
  const [before, after] = [answers[kind], outcomes[kind]];
  if (before !== undefined)
    return armWrite(world, sightings, trouble, { at: 'before', do: before });
  if (after !== undefined) {
    return armWrite(world, sightings, trouble, { at: 'afterCommit', do: after });
  }
  return armProcess(world, sightings, trouble);
}

function isIt(sighting: Sighting | undefined, { what, nth }: WriteTrouble | EventTrouble): boolean {
  return sighting?.what === what && sighting.nth === nth;
}

/**
 * The client repeats some requests once where a connection ends, and the operator some that met a
 * conflict, after it has looked: both fail then, so that it takes another run.
 */
function armWrite(
  { cluster: { faults } }: World,
  sightings: Sightings,
  trouble: WriteTrouble,
  rule: { at: 'before'; do: BeforeAction } | { at: 'afterCommit'; do: AfterAction },
): Armed {
  const isRepeated = rule.do === 'reset' || trouble.kind === 'conflict';
  let path = '';
  const match = {
    ...ownWrites,
    times: isRepeated ? 2 : 1,
    when: ({ request }: Parameters<NonNullable<typeof ownWrites.when>>[0]) => {
      if (isIt(sightings.writeOf(request), trouble)) path = request.path;
      const isMet = request.path === path && !request.query.has('dryRun');
      if (isMet) sightings.take(request);
      return isMet;
    },
  };
  // Narrowed by `rule`, which goes in as it is.
  const fault = faults.add({ match, ...rule } as Parameters<typeof faults.add>[0]);
  return { trouble, hasFired: () => fault.fired > 0 };
}

function armEvent({ cluster }: World, sightings: Sightings, trouble: EventTrouble): Armed {
  const fault: Fault = cluster.faults.add({
    match: {
      ...ownEvents,
      when: () => {
        const isNow = isIt(sightings.events.at(-1), trouble);
        // Otherwise the server would let the watch go on from where it was.
        if (isNow && trouble.kind === 'expire') cluster.compact();
        return isNow;
      },
    },
    at: 'onEvent',
    do: eventActions[trouble.kind],
  });
  return { trouble, hasFired: () => fault.fired > 0 };
}

/** What happens to the process happens when the server has stored its write, and before it hears of that. */
function armProcess(world: World, sightings: Sightings, trouble: WriteTrouble): Armed {
  let hasFired = false;
  world.cluster.faults.add({
    match: {
      ...ownWrites,
      when: ({ request }) => {
        if (hasFired || !isIt(sightings.writeOf(request), trouble)) return false;
        hasFired = true;
        const agent = request.headers['user-agent'] ?? '';
        const operator = world.operators.find(({ name }) => agent.endsWith(`/${name}`));
        if (operator !== undefined) befall(world, operator, trouble.kind);
        return false;
      },
    },
    at: 'afterCommit',
    do: 'silence',
  });
  return { trouble, hasFired: () => hasFired };
}

function befall(world: World, operator: OperatorProcess, kind: WriteTrouble['kind']): void {
  world.trace.add('fault', `${kind} ${operator.name}`);
  switch (kind) {
    case 'kill':
      operator.kill();
      world.restartSoon();
      return;
    case 'terminate':
      void operator.terminate().then(() => world.restartSoon());
      return;
    default:
      operator.pause();
      world.scheduler.after(pauseMs, () => operator.resume());
  }
}

function armPast(world: World, trouble: Stale): Armed {
  let past: readonly Fault[] = [];
  return {
    trouble,
    // It has to be told of the past, and not of what came after.
    hasFired: () => past.length > 0 && past.every(({ fired }) => fired > 0),
    atEnd: async () => {
      past = await seeThePast(world, trouble.commitsAgo);
    },
  };
}

/** Kills the operator and lets its successor see the past, which then catches up; by which faults. */
async function seeThePast(world: World, commitsAgo: number): Promise<readonly Fault[]> {
  const { faults } = world.cluster;
  for (const operator of world.operators) operator.kill();
  const match = { userAgent: ownWrites.userAgent ?? '', times: Number.POSITIVE_INFINITY };
  const staleAt = world.cluster.revision - commitsAgo;
  const past = [
    faults.add({ match: { ...match, verb: 'list' }, at: 'before', do: { staleAt } }),
    faults.add({ match: { ...match, verb: 'watch' }, at: 'onEvent', do: 'hold' }),
  ];
  world.trace.add('fault', `starts anew and sees revision ${staleAt}`);
  world.startOperators();
  await world.scheduler.pass(staleMs);
  for (const fault of past) fault.remove();
  await world.settle();
  return past;
}
