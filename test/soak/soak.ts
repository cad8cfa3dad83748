import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RawSpec } from '../../src/api/types.ts';
import { type Launcher, ours, type Subject } from '../bench/subject.ts';
import { FaultProxy, type Trouble } from '../cluster/real/fault-proxy.ts';
import { seeded } from '../simulation/scheduler.ts';
import { edited, firstSpec } from './edits.ts';
import { differences } from './essence.ts';
import { type Quantity, quantitiesOf, type Sample } from './quantities.ts';
import { SoakScene } from './scene.ts';

export interface SoakOptions {
  /** How long it is edited, the warm-up included. */
  readonly minutes: number;
  readonly seed: number;
  /** Gets a line from time to time. */
  readonly report: (line: string) => void;
}

export interface SoakReport {
  readonly edits: number;
  readonly requests: number;
  readonly troubles: number;
  /** Memory only where that was looked at for long enough. */
  readonly quantities: readonly Quantity[];
  /** What the cluster holds at the end, beside what a fresh one holds that was given the last specs. */
  readonly differences: readonly string[];
}

const pullers = 50;
const editEveryMs = 2_000;
const faultShare = 0.01;
/** All connections end, those of watches among them, which hardly ever begin and so meet few faults. */
const cutEveryEdits = 30;
const minute = 60_000;

/**
 * Edits pullers for minutes behind a proxy that makes trouble, and looks at what the operator of the image
 * takes meanwhile; then lets everything come to rest and compares it with a fresh cluster.
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const directory = mkdtempSync(join(tmpdir(), 'soak-'));
  const probe = fileURLToPath(new URL('./resource-probe.mjs', import.meta.url));
  try {
    const run = new Run(options, directory, await ours(directory, probe));
    return await run.all();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

class Run {
  readonly #options: SoakOptions;
  readonly #directory: string;
  readonly #launcher: Launcher;
  /** Each of its own, so that a seed always gives the same edits. */
  readonly #random: { readonly edits: () => number; readonly faults: () => number };
  readonly #specs: RawSpec[] = Array.from({ length: pullers }, (_, puller) => firstSpec(puller));
  readonly #samples: Sample[] = [];
  #requests = 0;
  #edits = 0;

  constructor(options: SoakOptions, directory: string, launcher: Launcher) {
    this.#options = options;
    this.#directory = directory;
    this.#launcher = launcher;
    this.#random = { edits: seeded(options.seed), faults: seeded(options.seed + 1) };
  }

  async all(): Promise<SoakReport> {
    const soaked = await this.#on(async (scene) => {
      const proxy = new FaultProxy(scene.cluster.url, scene.cluster.certificateAuthority);
      try {
        const hours = Math.ceil(this.#options.minutes / 60) + 1;
        const subject = await this.#launch(await scene.kubeconfig(hours, await proxy.listen()));
        await this.#trouble(scene, proxy, subject);
        const end = await scene.atRest();
        await subject.end('SIGTERM');
        return { end, troubles: proxy.troubles };
      } finally {
        await proxy.close();
      }
    });
    this.#options.report('the same on a fresh cluster');
    const fresh = await this.#on(async (scene) => {
      const subject = await this.#launch(await scene.kubeconfig(1));
      const end = await scene.atRest();
      await subject.end('SIGTERM');
      return end;
    });
    return {
      edits: this.#edits,
      requests: this.#requests,
      troubles: soaked.troubles,
      quantities: quantitiesOf(this.#samples, this.#options.minutes),
      differences: differences(soaked.end, fresh),
    };
  }

  /** A new cluster, with pullers of the present specs. */
  async #on<Result>(work: (scene: SoakScene) => Promise<Result>): Promise<Result> {
    const scene = await SoakScene.start(pullers);
    try {
      for (const [puller, spec] of this.#specs.entries()) await scene.apply(puller, spec);
      return await work(scene);
    } finally {
      await scene.stop();
    }
  }

  async #launch(kubeconfig: string): Promise<Subject> {
    const file = join(this.#directory, 'kubeconfig');
    writeFileSync(file, kubeconfig, { mode: 0o600 });
    const subject = await this.#launcher.launch(file);
    await subject.ready();
    return subject;
  }

  async #trouble(scene: SoakScene, proxy: FaultProxy, subject: Subject): Promise<void> {
    await scene.atRest();
    proxy.trouble = () => this.#fault();
    const begun = performance.now();
    while (performance.now() < begun + this.#options.minutes * minute) {
      await delay(Math.max(0, begun + this.#edits * editEveryMs - performance.now()));
      this.#samples.push(await sampleOf(subject, (performance.now() - begun) / minute));
      await this.#edit(scene);
      if (this.#edits % cutEveryEdits === 0) this.#cut(proxy);
    }
    proxy.trouble = () => undefined;
  }

  async #edit(scene: SoakScene): Promise<void> {
    this.#edits += 1;
    const puller = Math.floor(this.#random.edits() * pullers);
    const spec = edited(this.#specs[puller] ?? {}, this.#random.edits);
    this.#specs[puller] = spec;
    await scene.apply(puller, spec);
  }

  #cut(proxy: FaultProxy): void {
    proxy.breakConnections();
    const { atMinute = 0, ...figures } = this.#samples.at(-1) ?? {};
    this.#options.report(`minute ${atMinute.toFixed(0)}: ${JSON.stringify(figures)}`);
  }

  #fault(): Trouble | undefined {
    this.#requests += 1;
    const chance = this.#random.faults() / faultShare;
    return troubles[Math.floor(chance * troubles.length)];
  }
}

const troubles: readonly Trouble[] = [
  { code: 409 },
  { code: 410 },
  { code: 429, retryAfterSeconds: 1 },
  { code: 500 },
  { code: 503 },
  'reset',
  'lost',
];

async function sampleOf(subject: Subject, atMinute: number): Promise<Sample> {
  const { timers, heap } = (await subject.ask()) as {
    readonly timers: number;
    readonly heap: number;
  };
  return {
    atMinute,
    handles: subject.handles().length,
    sockets: subject.sockets().size,
    timers,
    'heap (MB)': heap / 1e6,
    'memory (MB)': subject.memory('VmRSS') / 1e6,
  };
}
