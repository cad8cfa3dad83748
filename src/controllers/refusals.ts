import type { Clock } from '../clock.ts';
import { asError } from '../errors.ts';
import { type Client, isApiError } from '../kube/client.ts';
import { coreEvents, type Key, type KubeObject } from '../kube/objects.ts';
import type { Log } from '../log.ts';
import { timeOf } from '../status/event-time.ts';
import type { RefusedPod } from '../status/refusals.ts';
import { lacksPods } from '../status/rollout.ts';
import type { Verdict } from './patience.ts';

/** Pods are made within moments: only where nothing has moved for this long are they missed. */
const missedAfterMs = 5_000;
/** The server searches all Events of the namespace for the few that are asked for. */
const askEveryMs = 20_000;

/** What is known of the pods that a DaemonSet could not get. */
interface Refused {
  /** The counts of the DaemonSet, to see whether anything moves; empty while it lacks no pods. */
  readonly counts: string;
  /** Since when nothing has moved, and when the server was asked last: monotonic milliseconds. */
  readonly since: number;
  readonly askedAt: number;
  /** The newest refusal, and the time of it in the server's words. */
  readonly message: string | undefined;
  readonly at: string;
  /** When the server answered last, in wall-clock milliseconds. */
  readonly toldAt: number | undefined;
  /** Refusals up to then have been overcome. */
  readonly overcomeAt: string;
}

const untouched: Refused = {
  counts: '',
  since: 0,
  askedAt: Number.NEGATIVE_INFINITY,
  message: undefined,
  at: '',
  toldAt: undefined,
  overcomeAt: '',
};

/** What was learned of the pods that a DaemonSet lacks. */
export interface KnownRefusal {
  /** The newest; undefined where none is known. */
  readonly refusal: RefusedPod | undefined;
  /** When the server answered last, in wall-clock milliseconds; undefined where it has not answered yet. */
  readonly toldAt: number | undefined;
}

/**
 * Why pods of a DaemonSet do not exist. One that a quota or an admission plug-in refuses leaves no
 * trace in the DaemonSet's status, only an Event of the DaemonSet controller.
 */
export class Refusals {
  readonly #client: Pick<Client, 'list'>;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By puller, then by uid of its DaemonSets. */
  readonly #known = new Map<Key, ReadonlyMap<string, Refused>>();
  #lastFailure = '';

  constructor(client: Pick<Client, 'list'>, clock: Clock, log: Log) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  forget(puller: Key): void {
    this.#known.delete(puller);
  }

  /** What was refused up to now is past: its pods are made in another way from now on. */
  overcome(puller: Key): void {
    const known = [...(this.#known.get(puller) ?? [])];
    this.#known.set(puller, new Map(known.map(([uid, refused]) => [uid, past(refused)])));
  }

  /** What was learned last of the DaemonSets of a puller that lack pods, by their uid; asks nobody. */
  known(puller: Key): ReadonlyMap<string, KnownRefusal> {
    const lacking = [...(this.#known.get(puller) ?? [])].filter(([, { counts }]) => counts !== '');
    return new Map(
      lacking.map(([uid, { message, at, toldAt }]) => {
        const refusal = message === undefined ? undefined : { message, at: Date.parse(`${at}Z`) };
        return [uid, { refusal, toldAt }] as const;
      }),
    );
  }

  /**
   * The newest refusal of each DaemonSet of a puller that lacks pods; the server is asked now and then.
   * `wasTold` claims that its status complains: after a restart that is not to stop for a moment.
   * Never rejects: where Events cannot be read, nothing is known.
   */
  async of(
    puller: Key,
    daemonSets: readonly KubeObject[],
    wasTold = false,
  ): Promise<Verdict<readonly string[]>> {
    const before = this.#known.get(puller);
    const isResumed = before === undefined && wasTold;
    const looks = daemonSets.map(async (daemonSet) => {
      const { uid = '' } = daemonSet.metadata;
      const known = before?.get(uid) ?? untouched;
      return [uid, await this.#look(daemonSet, isResumed ? resumed(daemonSet) : known)] as const;
    });
    const known = new Map(await Promise.all(looks));
    this.#known.set(puller, known);
    const lacking = [...known.values()].filter(({ counts }) => counts !== '');
    const now = this.#clock.monotonic();
    return {
      value: lacking.flatMap(({ message }) => message ?? []),
      ...(lacking.length > 0 && { againMs: Math.min(...lacking.map(dueAt)) - now }),
    };
  }

  async #look(daemonSet: KubeObject, before: Refused): Promise<Refused> {
    if (!lacksPods(daemonSet)) return past(before);
    const now = this.#clock.monotonic();
    const counts = countsOf(daemonSet);
    const waited = { ...before, counts, since: before.counts === counts ? before.since : now };
    if (dueAt(waited) > now) return waited;
    return { ...waited, ...(await this.#newest(daemonSet, waited)), askedAt: now };
  }

  async #newest(
    daemonSet: KubeObject,
    known: Refused,
  ): Promise<Pick<Refused, 'message' | 'at' | 'toldAt'>> {
    const { namespace = '', uid = '' } = daemonSet.metadata;
    try {
      const { items } = await this.#client.list(coreEvents, {
        namespace,
        fieldSelector: `involvedObject.uid=${uid},reason=FailedCreate`,
      });
      const refusals = items
        .map((event) => ({ message: String(event['message'] ?? ''), at: timeOf(event) }))
        .filter(({ at }) => at > known.overcomeAt)
        .sort((a, b) => (a.at < b.at ? -1 : 1));
      this.#lastFailure = '';
      const newest = refusals.at(-1) ?? { message: undefined, at: '' };
      return { ...newest, toldAt: this.#clock.now() };
    } catch (error) {
      this.#sayUnreadable(asError(error));
      return known;
    }
  }

  /** What goes on failing in the same way is said once. */
  #sayUnreadable(error: Error): void {
    const failure = isApiError(error) ? String(error.code) : error.name;
    const level = this.#lastFailure === failure ? 'debug' : 'warn';
    this.#lastFailure = failure;
    this.#log[level]('the reason for missing pods cannot be read', { error });
  }
}

function countsOf(daemonSet: KubeObject): string {
  return JSON.stringify([daemonSet.metadata.generation, daemonSet['status']]);
}

/** As if nothing had moved for long. */
function resumed(daemonSet: KubeObject): Refused {
  return { ...untouched, counts: countsOf(daemonSet), since: Number.NEGATIVE_INFINITY };
}

function past({ at, overcomeAt }: Refused): Refused {
  return { ...untouched, overcomeAt: at || overcomeAt };
}

/** When the server is to be asked, in monotonic milliseconds. */
function dueAt({ since, askedAt }: Refused): number {
  return Math.max(since + missedAfterMs, askedAt + askEveryMs);
}
