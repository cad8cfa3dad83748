import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../src/command-line.ts';
import { asError } from '../../src/errors.ts';
import { daemonSets, deployments, type Resource } from '../../src/kube/objects.ts';
import { inNetworkOf } from '../cluster/real/command.ts';
import { currentCluster } from '../cluster/real/namespace.ts';
import { Bench } from './bench-client.ts';
import { costFigures } from './cost.ts';
import { crowdFigures, restartFigures } from './crowd.ts';
import { embeddedRig } from './embedded-rig.ts';
import { type Figure, linesOf, tableOf } from './figure.ts';
import { fleetFigures } from './fleet.ts';
import { goOperator } from './go-operator.ts';
import { leaderFigures } from './leaders.ts';
import { type BenchOptions, type Part, parseOptions, usage } from './options.ts';
import { parsingFigures } from './parsing.ts';
import { pullerFigures } from './pullers.ts';
import { realRig } from './real-rig.ts';
import type { Rig } from './rig.ts';
import { largeName, scaleFigures } from './scale.ts';
import { another, type Launcher, ours, type Subject } from './subject.ts';

/** `npm run bench`: prints figures; docs/benchmarks.md says which, and what they mean. */

/** Enough for a DaemonSet to be more than one pod. */
const fewNodes = { embedded: 5, real: 10 } as const;

/** A cluster that stands, and who is measured on it. */
interface Stage {
  readonly bench: Bench;
  readonly launcher: Launcher;
  readonly kubeconfig: string;
}

class Run {
  readonly #options: BenchOptions;
  readonly #launcher: Launcher;
  readonly #directory: string;
  /** By part, as far as it came. */
  readonly figures = new Map<string, Figure[]>();
  /** What kept a cluster from being measured to the end. */
  readonly failures: Error[] = [];

  constructor(options: BenchOptions, launcher: Launcher, directory: string) {
    this.#options = options;
    this.#launcher = launcher;
    this.#directory = directory;
  }

  async all(): Promise<void> {
    if (this.#wants('parsing')) await this.#measure('reading spec.images', parsingFigures());
    if (this.#wants('cost')) await this.#measure('what images reserve on each node', costFigures());
    if (this.#wants('pullers', 'crowd', 'leaders')) {
      await this.#onRig(fewNodes[this.#options.cluster], (stage) => this.#small(stage));
    }
    if (this.#wants('scale')) await this.#onRig(0, (stage) => this.#large(stage));
  }

  async #small(stage: Stage): Promise<void> {
    const { crowd, idleSeconds } = this.#options;
    const { bench, launcher, kubeconfig } = stage;
    const on = bench.rig.setting;
    let subject: Subject = await launcher.launch(kubeconfig);
    await subject.ready();
    if (this.#wants('pullers')) {
      await this.#measure(`a few pullers; ${on}`, pullerFigures(bench, subject, idleSeconds));
    }
    if (this.#wants('crowd')) {
      await this.#measure(`many pullers; ${on}`, crowdFigures(bench, subject, crowd));
      const anew = restartFigures(bench, { launcher, kubeconfig, old: subject });
      subject = await this.#measure(`a new start among them; ${on}`, anew);
    }
    if (this.#wants('leaders')) {
      const led = leaderFigures(bench, { launcher, kubeconfig, leader: subject });
      subject = await this.#measure(`two operators; ${on}`, led);
    }
    await subject.end('SIGTERM');
  }

  async #large({ bench, launcher, kubeconfig }: Stage): Promise<void> {
    const roll = await bench.rig.largeRollOut(this.#options.nodes);
    const figures = scaleFigures(bench, { launcher, kubeconfig, roll });
    await this.#measure(`a large cluster; ${roll.setting}`, figures);
    const { fleet } = roll;
    if (fleet === undefined) return;
    await bench.remove(largeName);
    const passages = fleetFigures(bench, { launcher, kubeconfig, fleet });
    await this.#measure(`what befalls it; ${roll.setting}`, passages);
  }

  /** What goes wrong on one cluster is told, and leaves the others to be measured. */
  async #onRig(nodes: number, measure: (stage: Stage) => Promise<void>): Promise<void> {
    try {
      const rig = await this.#rig(nodes);
      try {
        await this.#onStage(rig, measure);
      } finally {
        await rig.stop();
      }
    } catch (error) {
      this.failures.push(asError(error));
    }
  }

  async #onStage(rig: Rig, measure: (stage: Stage) => Promise<void>): Promise<void> {
    const bench = new Bench(rig, this.#lastChildren());
    const kubeconfig = join(this.#directory, 'kubeconfig');
    writeFileSync(kubeconfig, rig.operatorKubeconfig, { mode: 0o600 });
    const started: Subject[] = [];
    const launcher = recording(this.#launcher, started);
    try {
      await bench.start();
      await measure({ bench, launcher, kubeconfig });
    } finally {
      for (const subject of started) await subject.end('SIGKILL');
      await bench.stop();
    }
  }

  /** Ours makes the Deployment of a puller when the nodes have their pods. */
  #lastChildren(): readonly Resource[] {
    const { other } = this.#options;
    if (other === undefined) return [daemonSets, deployments];
    return [other.child === 'deployments' ? deployments : daemonSets];
  }

  #rig(nodes: number): Promise<Rig> {
    const { cluster, other, controllerQps } = this.#options;
    const isOurs = other === undefined;
    if (cluster === 'embedded') return embeddedRig(nodes, isOurs);
    const userAgent = other?.userAgent ?? '';
    return realRig(nodes, isOurs, {
      userAgent,
      ...(controllerQps !== undefined && { controllerQps }),
    });
  }

  #wants(...parts: readonly Part[]): boolean {
    return parts.some((part) => this.#options.only.includes(part));
  }

  /** Takes down the figures of a part, each told at once: a later one may take long, or fail. */
  async #measure<Result>(
    part: string,
    figures: AsyncGenerator<Figure, Result> | Generator<Figure, Result>,
  ): Promise<Result> {
    const measured: Figure[] = [];
    const note = (figure: Figure) => {
      measured.push(figure);
      process.stderr.write(`${linesOf(figure).join('\n')}\n`);
    };
    this.figures.set(part, measured);
    process.stderr.write(`${part}\n`);
    try {
      for (;;) {
        const { done, value } = await figures.next();
        if (done) return value;
        note(value);
      }
    } catch (error) {
      note({ what: 'the rest was not measured', asked: '-', measured: asError(error).message });
      throw error;
    }
  }
}

/** The same, whose operators are put on a list. */
function recording(launcher: Launcher, started: Subject[]): Launcher {
  return {
    ...launcher,
    async launch(kubeconfig) {
      const subject = await launcher.launch(kubeconfig);
      started.push(subject);
      return subject;
    },
  };
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stdout.write(usage);
    return 0;
  }
  if (options.cluster === 'real' && currentCluster() === undefined)
    return await inNetworkOf('bench', import.meta.filename, args);
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    const launcher = options.other ? another(options.other) : await ours(directory);
    const run = new Run(options, launcher, directory);
    await run.all();
    const load = loadavg()[2]?.toFixed(1);
    const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}, load average ${load}`;
    const measured = options.other?.command ?? 'the operator of the image';
    process.stdout.write(
      `\n${tableOf(run.figures)}\n\nmeasured: ${measured}, Node ${process.versions.node}, ${machine}\nGo operator: ${goOperator.setting}\n`,
    );
    for (const { stack } of run.failures) process.stderr.write(`${stack}\n`);
    return run.failures.length > 0 ? 1 : 0;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

await runProgram(async () => {
  process.exitCode = await main(process.argv.slice(2));
});
