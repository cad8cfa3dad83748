import type { Clock } from '../clock.ts';
import { asError } from '../errors.ts';
import type { Client } from '../kube/client.ts';
import { coreEvents, type Key, type KubeObject } from '../kube/objects.ts';
import type { Log } from '../log.ts';
import { timeOf } from '../status/event-time.ts';
import type { StartTrouble } from '../status/idle-pods.ts';
import type { PodRecord } from '../status/pods.ts';
import type { Verdict } from './patience.ts';

/** The server searches all Events of the namespace for the few of one pod. */
const askEveryMs = 60_000;

/** What is known of the pods of a puller that do not begin. */
interface Known {
  /** Monotonic milliseconds. */
  readonly askedAt: number;
  /** The uids of pods that were asked about and had no trouble. */
  readonly innocent: ReadonlySet<string>;
  readonly uid: string;
  readonly trouble: StartTrouble | undefined;
}

const nothingKnown: Known = {
  askedAt: Number.NEGATIVE_INFINITY,
  innocent: new Set(),
  uid: '',
  trouble: undefined,
};

/**
 * Why pods do not begin. What keeps a kubelet from setting one up (its sandbox, a volume, a limit in
 * which nothing starts) leaves no word in its status, only Events about it.
 */
export class StartTroubles {
  readonly #client: Pick<Client, 'list'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #known = new Map<Key, Known>();

  constructor(client: Pick<Client, 'list'>, clock: Clock, log: Log) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  forget(puller: Key): void {
    this.#known.delete(puller);
  }

  /**
   * What keeps one of these pods of a puller from beginning; the server is asked about one of them a minute.
   * Never rejects: where Events cannot be read, nothing is known.
   */
  async of(puller: Key, idle: readonly PodRecord[]): Promise<Verdict<StartTrouble | undefined>> {
    if (idle.length === 0) {
      this.#known.delete(puller);
      return { value: undefined };
    }
    const before = stillTrue(this.#known.get(puller) ?? nothingKnown, idle);
    const now = this.#clock.monotonic();
    const known = before.askedAt + askEveryMs > now ? before : await this.#ask(before, idle, now);
    this.#known.set(puller, known);
    return { value: known.trouble, againMs: known.askedAt + askEveryMs - now };
  }

  async #ask(before: Known, idle: readonly PodRecord[], askedAt: number): Promise<Known> {
    const isSuspect = ({ metadata }: PodRecord) => !before.innocent.has(metadata.uid);
    const troubled = idle.find(({ metadata }) => metadata.uid === before.uid);
    const pod = troubled ?? idle.find(isSuspect) ?? (idle[0] as PodRecord); // there is one
    const innocent = idle.some(isSuspect) ? before.innocent : nothingKnown.innocent;
    const { uid } = pod.metadata;
    try {
      const trouble = await this.#troubleOf(pod);
      return trouble
        ? { askedAt, innocent, uid, trouble }
        : { ...nothingKnown, askedAt, innocent: new Set([...innocent, uid]) };
    } catch (error) {
      this.#log.debug('why a pod does not begin cannot be read', { error: asError(error) });
      return { ...before, askedAt };
    }
  }

  /** What a kubelet complained of, it has overcome once it tells of its next step. */
  async #troubleOf({ metadata, node }: PodRecord): Promise<StartTrouble | undefined> {
    const { items } = await this.#client.list(coreEvents, {
      namespace: metadata.namespace,
      fieldSelector: `involvedObject.uid=${metadata.uid}`,
    });
    const newest = items.toSorted(byTime).at(-1);
    if (newest?.['type'] !== 'Warning') return undefined;
    const text = (field: string) => String(newest[field] ?? '');
    return { node, reason: text('reason'), message: text('message') };
  }
}

/** Of one second, warnings come first: the last word is then that it goes on. */
function byTime(a: KubeObject, b: KubeObject): number {
  const key = (event: KubeObject) => `${timeOf(event)} ${event['type'] === 'Warning' ? 0 : 1}`;
  return key(a) < key(b) ? -1 : 1;
}

function stillTrue(known: Known, idle: readonly PodRecord[]): Known {
  const uids = new Set(idle.map(({ metadata }) => metadata.uid));
  const innocent = new Set([...known.innocent].filter((uid) => uids.has(uid)));
  const { askedAt } = known;
  return uids.has(known.uid) ? { ...known, innocent } : { ...nothingKnown, askedAt, innocent };
}
