import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RawSpec } from '../../src/api/types.ts';
import { startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { seeded } from '../simulation/scheduler.ts';
import { HolderWatch, toldGap } from './holders.ts';
import { Journey } from './journey.ts';

const namespace = 'edited';
/** Of images that can be pulled. */
const names = ['a', 'b', 'c', 'd', 'e'] as const;

const edits = Number(process.env['EDITS'] ?? 100);
const seed = Number(process.env['EDITS_SEED'] ?? randomInt(2 ** 31));
/** In milliseconds; short ones are drawn more often, as they meet a roll that is on its way. */
const longestPauseMs = 5_000;
/** Of a test; the machine may be slow. */
const timeoutMs = 300_000;
/** After so many edits the roll is waited for: otherwise a slow machine would complete none. */
const editsInARow = 5;
/** The last ones, among which no roll is waited for: they meet whatever the ones before have left undone. */
const hurriedEdits = Math.min(30, edits / 2);

describe('edits of a spec, seen on a real node', () => {
  let journey: Journey;

  beforeAll(async () => {
    journey = await Journey.begin();
    await journey.push(...names);
    await journey.createNamespace(namespace);
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(() => (journey as Journey | undefined)?.end(), startTimeoutMs);

  const watching = () => new HolderWatch(journey.cluster.runtime);

  /** The pod of the cache, when it is alone on its node, and how often its containers were started anew. */
  async function life(): Promise<string> {
    let lives: readonly string[] = [];
    await journey.cluster.until(async () => {
      const pods = await journey.pods(namespace);
      lives = pods.map(({ metadata, status }) => {
        const restarts = status.containerStatuses?.map(({ restartCount }) => restartCount);
        return `${metadata.uid} ${restarts}`;
      });
      return lives.length === 1;
    });
    return lives[0] ?? '';
  }

  /** How often the DaemonSet has been changed: a roll may not have begun yet. */
  async function templates(): Promise<number | undefined> {
    return (await daemonSetOf(journey))?.metadata.generation;
  }

  describe('one at a time', () => {
    const both = () => journey.images('a', 'b');
    let spec: RawSpec = {};

    /** Changes these fields and no others. */
    async function edit(change: RawSpec): Promise<void> {
      spec = { ...spec, ...change };
      await journey.edit(namespace, spec);
      await journey.untilReady(namespace, timeoutMs);
    }

    beforeAll(() => edit({ images: both() }), timeoutMs);

    it.each<[string, () => RawSpec]>([
      ['the order of the list', () => ({ images: journey.images('b', 'a') })],
      ['white space', () => ({ images: ` ${both().replace(';', ' ;\n ')};\n` })],
      [
        'a second name for an image',
        () => ({ images: `${both()};also-b=${journey.reference('b')}` }),
      ],
      ['the interval', () => ({ cachingIntervalHours: '2' })],
      ['what is the default anyway', () => ({ cachingMemoryLimit: '20Mi' })],
    ])(
      'leave the pod as it is where they change %s',
      async (_, change) => {
        const before = [await templates(), await life()];
        await edit(change());
        expect([await templates(), await life()]).toEqual(before);
      },
      timeoutMs,
    );

    it.each<[string, () => RawSpec]>([
      ['an image more', () => ({ images: journey.images('a', 'b', 'c') })],
      ['an image less', () => ({ images: journey.images('b', 'c') })],
      ['a new name', () => ({ images: `renamed=${journey.reference('b')}` })],
      ['resources', () => ({ cachingCPURequest: '1m', cachingMemoryLimit: '30Mi' })],
      ['no limit, row 42', () => ({ cachingMemoryRequest: '0', cachingMemoryLimit: '0' })],
      ['a nodeSelector', () => ({ nodeSelector: '{"kubernetes.io/arch": "amd64"}' })],
      ['tolerations', () => ({ tolerations: '[{"key": "team", "operator": "Exists"}]' })],
      ['an affinity', () => ({ affinity: JSON.stringify(toAmd64) })],
    ])(
      'replace the pod and never let go of an image that stays, for %s',
      async (_, change) => {
        const before = await life();
        const watch = watching();
        watch.await(journey.reference('b'));
        await watch.during(() => edit(change()));
        expect(watch.gaps.map(toldGap)).toEqual([]);
        expect(await life()).not.toBe(before);
      },
      timeoutMs,
    );

    it(
      'leave an image that is off the list to image collection, and no other one',
      async () => {
        const used = async () => [...(await journey.cluster.runtime.containers()).values()];
        const [former, present] = [journey.reference('c'), journey.reference('b')];
        await journey.cluster.until(async () => !(await used()).includes(former));
        expect(await used()).toContain(present);
      },
      timeoutMs,
    );

    it(
      'take the pod off a node that matches no more, and bring it back',
      async () => {
        await edit({ nodeSelector: '{"disk": "fast"}' });
        await journey.cluster.until(async () => (await journey.pods(namespace)).length === 0);
        await journey.cluster.until(
          async () => (await journey.condition(namespace, 'Ready'))?.reason === 'NoMatchingNodes',
        );
        await edit({ nodeSelector: '{}' });
        expect([...(await watching().held())]).toContain(journey.reference('b'));
      },
      timeoutMs,
    );
  });

  it(`never let go of an image that the node has come to hold, in ${edits} edits in a row`, async () => {
    process.stdout.write(`${edits} edits drawn from the seed ${seed} (EDITS_SEED=${seed})\n`);
    const random = seeded(seed);
    const story = new Story(journey, watching());
    await story.watch.during(async () => {
      for (let number = 1; number <= edits; number += 1) {
        await story.edit(drawnEdit(random, journey));
        await story.pause(random() ** 3 * longestPauseMs);
        const isHurried = number > edits - hurriedEdits;
        if (!isHurried && number % editsInARow === 0) await story.untilRolled();
      }
      await story.untilRolled();
    });
    const { timesHeld, editsOfHeld, watch } = story;
    process.stdout.write(
      `images came to be held ${timesHeld} times, which ${editsOfHeld} edits left in the list; ${watch.gaps.length} gaps; ${watch.extent}\n`,
    );
    expect(watch.gaps.map(toldGap)).toEqual([]);
    expect(editsOfHeld).toBeGreaterThanOrEqual((edits - hurriedEdits) / editsInARow / 2);
  }, 1_800_000);
});

const toAmd64 = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }] },
      ],
    },
  },
};

/** A spec, and the references that its list holds. */
interface Edit {
  readonly spec: RawSpec;
  readonly listed: readonly string[];
}

/** Some of the images in any order, now and then under other names or twice, with other resources. */
function drawnEdit(random: () => number, journey: Journey): Edit {
  const isDrawn = (probability: number) => random() < probability;
  const drawn = names.filter(() => isDrawn(0.6)).map((name) => ({ name, place: random() }));
  const listed = drawn.length === 0 ? names : drawn.sort(byPlace).map(({ name }) => name);
  const entry = (name: string) =>
    `${name}${isDrawn(0.2) ? '-renamed' : ''}=${journey.reference(name)}`;
  const twice = isDrawn(0.2) ? listed.slice(0, 1).map((name) => `again-${entry(name)}`) : [];
  return {
    spec: {
      images: [...listed.map(entry), ...twice].join(';'),
      cachingMemoryLimit: isDrawn(0.2) ? '24Mi' : '20Mi',
    },
    listed: listed.map((name) => journey.reference(name)),
  };
}

function byPlace(a: { readonly place: number }, b: { readonly place: number }): number {
  return a.place - b.place;
}

/** A puller that is edited again and again, and what the node is to hold for it meanwhile. */
class Story {
  readonly watch: HolderWatch;
  /** How often an image came to be held, or was so again. */
  timesHeld = 0;
  /** How many edits left an image in the list that was held. */
  editsOfHeld = 0;
  readonly #journey: Journey;
  /** The generation of the spec that brought each image of the list. */
  readonly #listedSince = new Map<string, number>();

  constructor(journey: Journey, watch: HolderWatch) {
    this.#journey = journey;
    this.watch = watch;
  }

  async edit({ spec, listed }: Edit): Promise<void> {
    for (const reference of this.#listedSince.keys()) {
      if (listed.includes(reference)) continue;
      this.#listedSince.delete(reference);
      this.watch.release(reference);
    }
    if (this.watch.awaited.size > 0) this.editsOfHeld += 1;
    const generation = await this.#journey.edit(namespace, spec);
    for (const reference of listed) {
      if (!this.#listedSince.has(reference)) this.#listedSince.set(reference, generation);
    }
  }

  async pause(ms: number): Promise<void> {
    const until = performance.now() + ms;
    do {
      await Promise.all([this.#look(), delay(Math.min(100, ms))]);
    } while (performance.now() < until);
  }

  /** Waits until the node has come to hold the whole list. */
  async untilRolled(): Promise<void> {
    await this.#journey.cluster.until(async () => {
      await this.#look();
      return [...this.#listedSince.keys()].every((each) => this.watch.awaited.has(each));
    }, 300_000);
  }

  /**
   * An image is held once the roll that brought it is complete. That is for the DaemonSet to say; whether
   * it has the list that we mean, the operator has said before.
   */
  async #look(): Promise<void> {
    const { observedGeneration = 0 } = await this.#journey.status(namespace);
    for (const reference of await this.#rolled()) {
      const since = this.#listedSince.get(reference) ?? Number.POSITIVE_INFINITY;
      if (since > observedGeneration || this.watch.awaited.has(reference)) continue;
      this.watch.await(reference);
      this.timesHeld += 1;
    }
  }

  /** What every node has a pod for; nothing while pods are replaced. */
  async #rolled(): Promise<readonly string[]> {
    const daemonSet = await daemonSetOf(this.#journey);
    return daemonSet !== undefined && isRolledOut(daemonSet)
      ? daemonSet.spec.template.spec.containers.map(({ image }) => image)
      : [];
  }
}

async function daemonSetOf({ cluster }: Journey): Promise<DaemonSet | undefined> {
  const path = `/apis/apps/v1/namespaces/${namespace}/daemonsets/kubernetes-image-puller`;
  return (await cluster.api.get(path)) as DaemonSet | undefined;
}

function isRolledOut({ metadata, status }: DaemonSet): boolean {
  const { desiredNumberScheduled, updatedNumberScheduled, numberReady } = status;
  return (
    status.observedGeneration === metadata.generation &&
    desiredNumberScheduled > 0 &&
    updatedNumberScheduled === desiredNumberScheduled &&
    numberReady === desiredNumberScheduled
  );
}

/** As much of a DaemonSet as is read here. */
interface DaemonSet {
  readonly metadata: { readonly generation: number };
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly image: string }[] };
    };
  };
  readonly status: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled: number;
    readonly updatedNumberScheduled?: number;
    readonly numberReady: number;
  };
}
