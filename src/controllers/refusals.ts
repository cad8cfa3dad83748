import type { Clock } from '../clock.ts';
import { asError } from '../errors.ts';
import { type Client, isApiError } from '../kube/client.ts';
import { coreEvents, type Key, type KubeObject } from '../kube/objects.ts';
import type { Log } from '../log.ts';
import type { PodRecord } from '../status/pods.ts';
import { newestRefusal, type Refusal, type RefusedPod } from '../status/refusals.ts';
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
  /** The newest one that may last. */
  readonly refusal: RefusedPod | undefined;
  /** When the server answered last, in wall-clock milliseconds. */
  readonly toldAt: number | undefined;
  /** Refusals up to then have been overcome: wall-clock milliseconds. */
  readonly overcomeAt: number;
}

const untouched: Refused = {
  counts: '',
  since: 0,
  askedAt: Number.NEGATIVE_INFINITY,
  refusal: undefined,
  toldAt: undefined,
  overcomeAt: 0,
};

/** What was learned of the pods that a DaemonSet lacks. */
export interface KnownRefusal {
  /** The newest; undefined where none is known. */
  readonly refusal: RefusedPod | undefined;
  /** When the server answered last, in wall-clock milliseconds; undefined where it has not answered yet. */
  readonly toldAt: number | undefined;
}

/** What refusals are looked for by. */
export interface RefusalsInput {
  /** Those of a puller. */
  readonly daemonSets: readonly KubeObject[];
  /** Those of its namespace, or more; undefined where they cannot be read. */
  readonly pods: readonly PodRecord[] | undefined;
  /** Claims that its status complains: after a restart that is not to stop for a moment. */
  readonly wasTold: boolean;
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
      lacking.map(([uid, { refusal, toldAt }]) => [uid, { refusal, toldAt }] as const),
    );
  }

  /**
   * The newest refusal of each DaemonSet of a puller that lacks pods; the server is asked now and then.
   * Never rejects: where Events cannot be read, nothing is known.
   */
  async of(
    puller: Key,
    { daemonSets, pods, wasTold }: RefusalsInput,
  ): Promise<Verdict<readonly Refusal[]>> {
    const before = this.#known.get(puller);
    const isResumed = before === undefined && wasTold;
    const looks = daemonSets.map(async (daemonSet) => {
      const { uid = '' } = daemonSet.metadata;
      const known = isResumed ? resumed(daemonSet) : (before?.get(uid) ?? untouched);
      return [uid, await this.#look(daemonSet, known, pods)] as const;
    });
    const known = new Map(await Promise.all(looks));
    this.#known.set(puller, known);
    const lacking = [...known].filter(([, { counts }]) => counts !== '');
    const now = this.#clock.monotonic();
    return {
      value: lacking.flatMap(([uid, { refusal }]) => (refusal ? [{ ...refusal, uid }] : [])),
      ...(lacking.length > 0 && {
        againMs: Math.min(...lacking.map(([, each]) => dueAt(each))) - now,
      }),
    };
  }

  async #look(daemonSet: KubeObject, before: Refused, pods: RefusalsInput['pods']) {
    if (!lacksPods(daemonSet)) return past(before);
    const now = this.#clock.monotonic();
    const counts = countsOf(daemonSet);
    const waited = { ...before, counts, since: before.counts === counts ? before.since : now };
    if (dueAt(waited) > now) return waited;
    const events = await this.#events(daemonSet);
    if (events === undefined) return { ...waited, askedAt: now };
    const newest = newestRefusal({ daemonSet, events, pods });
    const refusal = newest && newest.at > waited.overcomeAt ? newest : undefined;
    return { ...waited, refusal, toldAt: this.#clock.now(), askedAt: now };
  }

  /** Those of refused pods; undefined where they cannot be read. */
  async #events({ metadata }: KubeObject): Promise<readonly KubeObject[] | undefined> {
    const { namespace = '', uid = '' } = metadata;
    try {
      const { items } = await this.#client.list(coreEvents, {
        namespace,
        fieldSelector: `involvedObject.uid=${uid},reason=FailedCreate`,
      });
      this.#lastFailure = '';
      return items;
    } catch (error) {
      this.#sayUnreadable(asError(error));
      return undefined;
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

function past({ refusal, overcomeAt }: Refused): Refused {
  return { ...untouched, overcomeAt: refusal?.at ?? overcomeAt };
}

/** When the server is to be asked, in monotonic milliseconds. */
function dueAt({ since, askedAt }: Refused): number {
  return Math.max(since + missedAfterMs, askedAt + askEveryMs);
}
