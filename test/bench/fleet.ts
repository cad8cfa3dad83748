import type { ImagePullerStatus } from '../../src/api/types.ts';
import { systemClock } from '../../src/clock.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import { listAll } from '../../src/kube/list-all.ts';
import { pods } from '../../src/kube/objects.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { silentLog } from '../../src/log.ts';
import { projectPod } from '../../src/status/pods.ts';
import { failingReference } from '../cluster/real/fake-pods.ts';
import { type Bench, puller } from './bench-client.ts';
import { Coverage, type Lack } from './coverage.ts';
import { type Figure, type Figures, spoken } from './figure.ts';
import { isWrite } from './rig.ts';
import type { Launcher, Subject } from './subject.ts';

/** Many nodes of a real control plane, and what can befall them. */
export interface Fleet {
  readonly nodes: readonly string[];
  /** Lets nodes fall silent, as at a power cut. */
  silence(nodes: readonly string[]): Promise<void>;
  /** Removes nodes that are silent, as a cloud does after a while. */
  remove(nodes: readonly string[]): Promise<void>;
}

/** What something that happened to a fleet has cost. */
export interface Passage {
  readonly seconds: number;
  readonly writes: number;
  readonly cpuSeconds: number;
  /** Of the images that were there before and stayed, the one that most nodes lacked at any moment. */
  readonly worst: Lack;
}

/** How long a thing may take on a machine that has other things to do. */
const often = { timeoutMs: 1_200_000, everyMs: 200 };

/** What another operator does not bring to its end within this time is left. */
const patienceMs = 300_000;

const namespace = 'bench-fleet';
const listed = 20;

/** The images of the first list. */
export const firstImages = Array.from(
  { length: listed },
  (_, number) => `registry.test/image-${number}:1`,
);

/** The same with one image exchanged for another one. */
export const otherImages = [...firstImages.slice(0, -1), 'registry.test/other:1'];

/** The same with two more exchanged, of which this share of the nodes cannot pull one. */
export function withBadImage(percent: number): readonly string[] {
  const good = 'registry.test/another:1';
  return [...otherImages.slice(2), good, failingReference('bad', percent)];
}

/** One puller on all nodes of a fleet, whose holders are followed pod by pod. */
export class FleetRun {
  readonly #bench: Bench;
  readonly #subject: Subject;
  readonly #fleet: Fleet;
  readonly #coverage: Coverage;
  readonly #pods: Reflector;
  readonly #isOurs: boolean;
  #list: readonly string[] = [];

  /** Ours says itself when it is done; of another operator the nodes tell. */
  constructor(
    bench: Bench,
    subject: Subject,
    { fleet, isOurs }: { fleet: Fleet; isOurs: boolean },
  ) {
    this.#isOurs = isOurs;
    this.#bench = bench;
    this.#subject = subject;
    this.#fleet = fleet;
    this.#coverage = new Coverage(fleet.nodes);
    this.#pods = new Reflector({
      client: bench.client,
      resource: pods,
      namespace,
      project: projectPod,
      clock: systemClock,
      random: Math.random,
      log: silentLog,
    });
    this.#pods.onChange((change) => this.#coverage.take(change));
  }

  async start(): Promise<void> {
    await this.#bench.makeNamespace(namespace);
    await this.#pods.start();
  }

  async stop(): Promise<void> {
    await this.#pods.stop();
  }

  /** Gives the puller a list; over when it is said to be Ready with it. */
  edit(images: readonly string[]): Promise<Passage> {
    return this.#passage({
      staying: images.filter((image) => this.#list.includes(image)),
      act: () => this.#apply(images),
      isOver: this.#isOurs ? isReady : () => this.#coverage.holds(images),
    });
  }

  /** Gives it a list whose last image fails on some nodes; over when all nodes hold all others. */
  editToFail(images: readonly string[]): Promise<Passage> {
    const good = images.slice(0, -1);
    return this.#passage({
      staying: images.filter((image) => this.#list.includes(image)),
      act: () => this.#apply(images),
      isOver: this.#isOurs
        ? ({ imagesFailing, imagesReady }) => imagesFailing === 1 && imagesReady === good.length
        : () => this.#coverage.holds(good),
    });
  }

  /** Lets nodes fall silent; over when they are said to be unreachable, and all others hold everything. */
  silence(nodes: readonly string[]): Promise<Passage> {
    const left = this.#fleet.nodes.length - nodes.length;
    return this.#passage({
      staying: this.#list,
      act: async () => {
        this.#coverage.forget(nodes);
        await this.#fleet.silence(nodes);
      },
      isOver: (status) =>
        status.nodesUnreachable === nodes.length && status.nodesReady === left && isReady(status),
    });
  }

  /** Removes silent nodes; over when nothing is told of them any more. */
  remove(nodes: readonly string[]): Promise<Passage> {
    const left = this.#fleet.nodes.length - nodes.length;
    return this.#passage({
      staying: this.#list,
      act: () => this.#fleet.remove(nodes),
      isOver: ({ nodesDesired, nodesReady, nodesUnreachable = 0 }) =>
        nodesDesired === left && nodesReady === left && nodesUnreachable === 0,
    });
  }

  async #apply(images: readonly string[]): Promise<void> {
    this.#list = images;
    const list = images.map((image, number) => `image-${number}=${image}`).join(';');
    await this.#bench.apply(puller(namespace, { images: list }));
  }

  async #passage({ staying, act, isOver }: Happening): Promise<Passage> {
    await this.#catchUp();
    this.#coverage.expect(staying);
    const { rig } = this.#bench;
    const since = rig.position();
    const cpu = this.#subject.cpuSeconds();
    const begun = performance.now();
    await act();
    const patience = this.#isOurs ? often : { ...often, timeoutMs: patienceMs };
    await this.#bench.until('the fleet', async () => isOver(await this.#status()), patience);
    const seconds = (performance.now() - begun) / 1000;
    const cpuSeconds = this.#subject.cpuSeconds() - cpu;
    const writes = (await rig.requestsSince(since)).filter(isWrite).length;
    await this.#catchUp();
    return { seconds, writes, cpuSeconds, worst: this.#coverage.worst };
  }

  /** Resolves when our own watch has seen what the operator has, and nothing moves. */
  async #catchUp(): Promise<void> {
    await this.#bench.until(
      'a watch of pods to catch up',
      async () => {
        const { client } = this.#bench;
        const live = await listAll(client, pods, { namespace, pageSize: 25, project: projectPod });
        const seen = this.#pods.list(namespace);
        const versions = new Set(seen.map(({ metadata }) => metadata.resourceVersion));
        return (
          live.length === seen.length &&
          live.every(({ metadata }) => versions.has(metadata.resourceVersion))
        );
      },
      { ...often, everyMs: 1_000 },
    );
  }

  /** Empty until it speaks of the present spec. */
  async #status(): Promise<ImagePullerStatus> {
    const live = await this.#bench.client.get(imagePullers, namespace, namespace);
    const status = (live?.['status'] ?? {}) as ImagePullerStatus;
    return status.observedGeneration === live?.metadata.generation ? status : {};
  }
}

interface Happening {
  /** What every node is to hold all the while. */
  readonly staying: readonly string[];
  act(): Promise<void>;
  isOver(status: ImagePullerStatus): boolean;
}

function isReady({ conditions = [] }: ImagePullerStatus): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** How many nodes go away. */
const vanishing = 50;

/**
 * A list rolls out, is edited, gets an image that nobody can pull; nodes vanish, which only ours tells of.
 */
export async function* fleetFigures(
  bench: Bench,
  { launcher, kubeconfig, fleet }: { launcher: Launcher; kubeconfig: string; fleet: Fleet },
): Figures {
  const subject = await launcher.launch(kubeconfig);
  await subject.ready();
  const { isOurs } = launcher;
  const run = new FleetRun(bench, subject, { fleet, isOurs });
  await run.start();
  try {
    const lost = fleet.nodes.slice(-Math.min(vanishing, Math.floor(fleet.nodes.length / 2)));
    const edits: readonly NamedPassage[] = [
      [`${listed} images come up on ${fleet.nodes.length} nodes`, () => run.edit(firstImages)],
      ['one of them is exchanged', () => run.edit(otherImages)],
      ['two more, of which no node can pull one', () => run.editToFail(withBadImage(100))],
      ['and back', () => run.edit(otherImages)],
    ];
    const losses: readonly NamedPassage[] = [
      [`${lost.length} nodes fall silent until that is said`, () => run.silence(lost)],
      ['an image is exchanged beside them', () => run.edit(firstImages)],
      ['they are removed', () => run.remove(lost)],
    ];
    for (const [what, passage] of isOurs ? [...edits, ...losses] : edits) {
      yield figureOf(what, await passage());
      await bench.quiet();
    }
    const peak = spoken.megabytes(subject.memory('VmHWM'));
    yield { what: 'memory, peak', asked: '<= 120 MB', measured: peak };
  } finally {
    await run.stop();
    await subject.end('SIGTERM');
  }
}

type NamedPassage = readonly [string, () => Promise<Passage>];

function figureOf(what: string, { seconds, writes, cpuSeconds, worst }: Passage): Figure {
  // An image that was on the list and stays there, at the worst moment.
  const lacking =
    worst.nodes === 0 ? '0 nodes lack' : `${worst.nodes} nodes lack ${worst.reference}`;
  return {
    what,
    asked: '0 nodes lack',
    measured: `${lacking}; ${spoken.seconds(seconds)}, ${writes} writes, ${spoken.seconds(cpuSeconds)} processor`,
  };
}
