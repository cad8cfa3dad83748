import type { Clock } from '../../../src/clock.ts';
import type { ApiRequest, RequestTarget } from './api-request.ts';
import { at as fieldAt, isObject } from './json.ts';
import { StatusError } from './status-error.ts';
import type { User } from './users.ts';

/**
 * Trouble on demand: rules that single out requests and events of watches, and what is to become of
 * them. A rule counts how often it fired, so that a test can fail on one that never did.
 */

/** Which requests or events; what is left out matches any. */
export interface FaultMatch {
  /** As RBAC names it, an apply being a `patch`; `write` stands for all that change something. */
  readonly verb?: string | readonly string[];
  /** The plural, as `daemonsets`; empty for requests that are about no kind. */
  readonly resource?: string;
  /** Empty for the object itself. */
  readonly subresource?: string;
  readonly namespace?: string;
  /** Of the object; of an event, of the object that it shows. */
  readonly name?: string;
  /** As authenticated. */
  readonly user?: string;
  /** How the User-Agent begins. */
  readonly userAgent?: string;
  /** Types of events of a watch. */
  readonly events?: readonly string[];
  /** Anything else. */
  readonly when?: (call: Call) => boolean;
  /** Only the n-th match, from 1 on: where another fault fires there, it never does. */
  readonly nth?: number;
  /** So many matches pass first; none by default. */
  readonly after?: number;
  /** From then on only every so-manieth match; each one by default. */
  readonly every?: number;
  /** How often it fires at most; once by default. */
  readonly times?: number;
}

/** An answer that the API server did not give; a Status unless a body is given. */
export interface FaultAnswer {
  readonly code: number;
  readonly reason?: string;
  readonly message?: string;
  /** Said in the Status and in the header Retry-After. */
  readonly retryAfterSeconds?: number;
  /** Sent as it is, as a proxy speaks for itself. */
  readonly body?: string;
}

/** Not answered, ever (`silence`), or by a connection that ends (`reset`). */
export type Breakage = 'reset' | 'silence';

/** Waits so long in the cluster's time, or until the fault is released. */
export type Postponement = { readonly delayMs: number } | 'hold';

/** Instead of or around carrying a request out. */
export type BeforeAction =
  | { readonly answer: FaultAnswer }
  | Breakage
  /** It is carried out later, also where nobody waits for its answer any more. */
  | Postponement
  /** It is carried out twice, as where something between repeats it; the second answer counts. */
  | 'twice'
  /** A list shows the cluster as it was at this revision, and what a watch of it would go on from. */
  | { readonly staleAt: number };

/** What becomes of the answer to a request that was carried out. */
export type AfterAction = { readonly answer: FaultAnswer } | Breakage | Postponement;

/** What becomes of an event of a watch, and of what comes after it. */
export type EventAction =
  /** It never comes. */
  | 'drop'
  /** It comes twice. */
  | 'repeat'
  /** It comes after the next one. */
  | 'swap'
  /** It comes late, and everything after it even later. */
  | Postponement
  /** Half of its line comes, and then the end. */
  | 'truncate'
  /** A line that is no JSON comes before it. */
  | { readonly garbage: string }
  /** Instead of it the stream ends in order, … */
  | 'end'
  /** … or with an ERROR event of 410, … */
  | 'expire'
  /** … or its connection ends, … */
  | 'reset'
  /** … or nothing comes any more, and the connection stays open. */
  | 'silence';

/** One fault: which requests, when, and what becomes of them. */
export type FaultRule =
  | { readonly match: FaultMatch; readonly at: 'before'; readonly do: BeforeAction }
  | { readonly match: FaultMatch; readonly at: 'afterCommit'; readonly do: AfterAction }
  | { readonly match: FaultMatch; readonly at: 'onEvent'; readonly do: EventAction };

/** A fault that was added. */
export interface Fault {
  readonly rule: FaultRule;
  /** How often it fired so far. */
  readonly fired: number;
  /** Lets go what it holds, and holds nothing from now on. */
  release(): void;
  /** Takes it away; what it holds is released. */
  remove(): void;
}

/** A request, or an event of a watch, as rules see it. */
export interface Call {
  readonly request: ApiRequest;
  readonly target: RequestTarget;
  readonly user: User;
  readonly event?: { readonly type: string; readonly object: unknown };
}

type At = FaultRule['at'];
type ActionAt<Where extends At> = Extract<FaultRule, { at: Where }>['do'];

/**
 * The faults of a cluster. Each counts every call that it matches; of several whose turn it is, the one
 * that was added first fires alone.
 */
export class Faults {
  readonly #clock: Clock;
  readonly #faults: AddedFault[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(rule: FaultRule): Fault {
    const remove = () => {
      const index = this.#faults.indexOf(added);
      if (index >= 0) this.#faults.splice(index, 1);
    };
    const added = new AddedFault(rule, this.#clock, remove);
    this.#faults.push(added);
    return added;
  }

  /** The rules that never fired, in words. */
  unfired(): readonly string[] {
    return this.#faults.filter(({ fired }) => fired === 0).map(({ rule }) => inWords(rule));
  }

  /** Takes all faults away and releases what they hold. */
  clear(): void {
    for (const fault of [...this.#faults]) fault.remove();
  }

  /** Claims that a rule is there for calls of this kind: otherwise nobody need know what they are. */
  concern(at: At): boolean {
    return this.#faults.some(({ rule }) => rule.at === at);
  }

  /** Counts a call and says what is to become of it; undefined where nothing is. For the API server. */
  firing<Where extends At>(at: Where, call: Call): Firing<Where> | undefined {
    const [fault] = this.#faults.filter((one) => one.rule.at === at && one.counts(call));
    if (fault === undefined) return undefined;
    fault.fired += 1;
    return { action: fault.rule.do as ActionAt<Where>, wait: (then) => fault.postpone(then) };
  }
}

/** A fault that fires now. */
export interface Firing<Where extends At> {
  readonly action: ActionAt<Where>;
  /** Calls back when the postponement of the action is over. */
  wait(then: () => void): void;
}

class AddedFault implements Fault {
  readonly rule: FaultRule;
  fired = 0;
  readonly #clock: Clock;
  readonly #detach: () => void;
  readonly #held = new Set<() => void>();
  #seen = 0;
  #isReleased = false;

  constructor(rule: FaultRule, clock: Clock, detach: () => void) {
    this.rule = rule;
    this.#clock = clock;
    this.#detach = detach;
  }

  /** Counts a call that the rule matches, and claims that it is its turn. */
  counts(call: Call): boolean {
    const { nth, after = 0, every = 1, times = 1 } = this.rule.match;
    if (this.fired >= times || !matches(this.rule.match, call)) return false;
    this.#seen += 1;
    if (nth !== undefined) return this.#seen === nth;
    return this.#seen > after && (this.#seen - after - 1) % every === 0;
  }

  postpone(then: () => void): void {
    if (this.#isReleased) {
      then();
      return;
    }
    const action = this.rule.do;
    const letGo = () => {
      cancel();
      this.#held.delete(letGo);
      then();
    };
    const cancel =
      isObject(action) && 'delayMs' in action ? this.#clock.after(action.delayMs, letGo) : () => {};
    this.#held.add(letGo);
  }

  release(): void {
    this.#isReleased = true;
    for (const letGo of this.#held) letGo();
  }

  remove(): void {
    this.#detach();
    this.release();
  }
}

const writes: readonly string[] = ['create', 'update', 'patch', 'delete', 'deletecollection'];

function matches(match: FaultMatch, call: Call): boolean {
  const { target, user, request, event } = call;
  const place = target.isResource
    ? target
    : { plural: '', subresource: '', namespace: '', name: '' };
  const agent = request.headers['user-agent'] ?? '';
  return (
    isVerb(match.verb, target.verb) &&
    isSame(match.resource, place.plural) &&
    isSame(match.subresource, place.subresource) &&
    isSame(match.user, user.name) &&
    agent.startsWith(match.userAgent ?? '') &&
    isSame(match.namespace, place.namespace || metadata(event?.object, 'namespace')) &&
    (match.name === undefined || match.name === nameIn(call, place.name)) &&
    (match.events === undefined || match.events.includes(event?.type ?? '')) &&
    (match.when?.(call) ?? true)
  );
}

function isVerb(wanted: FaultMatch['verb'], verb: string): boolean {
  if (wanted === undefined) return true;
  const verbs = typeof wanted === 'string' ? [wanted] : wanted;
  return verbs.includes(verb) || (verbs.includes('write') && writes.includes(verb));
}

function isSame(wanted: string | undefined, found: string): boolean {
  return wanted === undefined || wanted === found;
}

/** The name of the object: shown by an event, in the path, or in the body of a creation. */
function nameIn({ request, event }: Call, name: string): string {
  if (event !== undefined) return metadata(event.object, 'name');
  if (name !== '' || request.method !== 'POST') return name;
  try {
    return metadata(JSON.parse(request.body), 'name');
  } catch {
    return ''; // refused when it is read
  }
}

function metadata(object: unknown, field: string): string {
  return String(fieldAt(object, 'metadata', field) ?? '');
}

function inWords({ match, at, do: action }: FaultRule): string {
  return `${JSON.stringify(match)} ${at} ${JSON.stringify(action)}`;
}

const reasons: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** What is sent for an invented answer. */
export function bodyOf({
  code,
  reason,
  message,
  retryAfterSeconds,
  body,
}: FaultAnswer): string | Record<string, unknown> {
  if (body !== undefined) return body;
  const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  const said = message ?? `a fault answered ${code}`;
  return new StatusError(code, reason ?? reasons[code] ?? '', said, details).status();
}
