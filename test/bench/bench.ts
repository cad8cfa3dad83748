import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { daemonSets, deployments } from '../../src/kube/objects.ts';
import { inNetworkOf } from '../cluster/real/command.ts';
import { currentCluster } from '../cluster/real/namespace.ts';
import { Bench } from './bench-client.ts';
import { costFigures } from './cost.ts';
import { crowdFigures, restartFigures } from './crowd.ts';
import { embeddedRig } from './embedded-rig.ts';
import { type Figure, tableOf } from './figure.ts';
import { fleetFigures } from './fleet.ts';
import { goOperator } from './go-operator.ts';
import { leaderFigures } from './leaders.ts';
import { type BenchOptions, type Part, parseOptions } from './options.ts';
import { parsingFigures } from './parsing.ts';
import { pullerFigures } from './pullers.ts';
import { realRig } from './real-rig.ts';
import type { Rig } from './rig.ts';
import { largeName, scaleFigures } from './scale.ts';
import { another, type Launcher, ours, type Subject } from './subject.ts';

/** `npm run bench`: prints figures; options.ts says which, and of what. */

/** Enough for a DaemonSet to be more than one pod. */
const fewNodes = { embedded: 5, real: 10 } as const;

class Run {
  readonly #options: BenchOptions;
  readonly #launcher: Launcher;
  readonly #directory: string;
  readonly figures = new Map<string, readonly Figure[]>();

  constructor(options: BenchOptions, launcher: Launcher, directory: string) {
    this.#options = options;
    this.#launcher = launcher;
    this.#directory = directory;
  }

  async all(): Promise<void> {
    if (this.#wants('parsing')) this.#note('reading spec.images', parsingFigures());
    if (this.#wants('cost')) this.#note('what images reserve on each node', costFigures());
    if (this.#wants('pullers', 'crowd', 'leaders')) {
      await this.#onRig(fewNodes[this.#options.cluster], (bench, kubeconfig) =>
        this.#small(bench, kubeconfig),
      );
    }
    if (this.#wants('scale')) {
      await this.#onRig(0, (bench, kubeconfig) => this.#large(bench, kubeconfig));
    }
  }

  async #small(bench: Bench, kubeconfig: string): Promise<void> {
    const { crowd, idleSeconds } = this.#options;
    const launcher = this.#launcher;
    const on = bench.rig.setting;
    let subject: Subject = await launcher.launch(kubeconfig);
    await subject.ready();
    if (this.#wants('pullers')) {
      const figures = await pullerFigures(bench, subject, idleSeconds);
      this.#note(`a few pullers; ${on}`, figures);
    }
    if (this.#wants('crowd')) {
      const figures = await crowdFigures(bench, subject, crowd);
      const anew = await restartFigures(bench, { launcher, kubeconfig, old: subject });
      subject = anew.subject;
      this.#note(`many pullers; ${on}`, [...figures, ...anew.figures]);
    }
    if (this.#wants('leaders')) {
      const led = await leaderFigures(bench, { launcher, kubeconfig, leader: subject });
      subject = led.subject;
      this.#note(`two operators; ${on}`, led.figures);
    }
    await subject.end('SIGTERM');
  }

  async #large(bench: Bench, kubeconfig: string): Promise<void> {
    const roll = await bench.rig.largeRollOut(this.#options.nodes);
    const figures = await scaleFigures(bench, { launcher: this.#launcher, kubeconfig, roll });
    this.#note(`a large cluster; ${roll.setting}`, figures);
    const { fleet } = roll;
    if (fleet === undefined) return;
    await bench.remove(largeName);
    const passages = await fleetFigures(bench, { launcher: this.#launcher, kubeconfig, fleet });
    this.#note(`what befalls it; ${roll.setting}`, passages);
  }

  async #onRig(
    nodes: number,
    measure: (bench: Bench, kubeconfig: string) => Promise<void>,
  ): Promise<void> {
    const rig = await this.#rig(nodes);
    const bench = new Bench(
      rig,
      this.#options.other?.child === 'deployments' ? deployments : daemonSets,
    );
    try {
      await bench.start();
      const kubeconfig = join(this.#directory, 'kubeconfig');
      writeFileSync(kubeconfig, rig.operatorKubeconfig, { mode: 0o600 });
      await measure(bench, kubeconfig);
    } finally {
      await bench.stop();
      await rig.stop();
    }
  }

  #rig(nodes: number): Promise<Rig> {
    const { cluster, other } = this.#options;
    const isOurs = other === undefined;
    return cluster === 'real'
      ? realRig(nodes, isOurs, { userAgent: other?.userAgent ?? '' })
      : embeddedRig(nodes, isOurs);
  }

  #wants(...parts: readonly Part[]): boolean {
    return parts.some((part) => this.#options.only.includes(part));
  }

  /** Told at once, as a later part may take long, or fail. */
  #note(part: string, figures: readonly Figure[]): void {
    this.figures.set(part, figures);
    process.stderr.write(`${tableOf(new Map([[part, figures]]))}\n`);
  }
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.cluster === 'real' && currentCluster() === undefined)
    return await inNetworkOf('bench', import.meta.filename, args);
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    const launcher = options.other ? another(options.other) : await ours(directory);
    const run = new Run(options, launcher, directory);
    await run.all();
    const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}`;
    const measured = options.other?.command ?? 'the operator of the image';
    process.stdout.write(
      `${tableOf(run.figures)}\nmeasured: ${measured}, Node ${process.versions.node}, ${machine}\nGo operator: ${goOperator.setting}\n`,
    );
    return 0;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
