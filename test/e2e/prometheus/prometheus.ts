import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines } from '../../cluster/real/command.ts';
import { until } from '../../cluster/real/wait.ts';

/** One result of a query: the labels, and the value as text. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

/** A Prometheus with a configuration, on the loopback interface. */
export class Prometheus {
  static readonly #address = '127.0.0.1:9090';
  readonly #process: ChildProcess;
  #log = '';

  private constructor(process: ChildProcess) {
    this.#process = process;
    process.stderr?.on('data', (data: Buffer) => {
      this.#log += data.toString();
    });
  }

  /** Resolves when it answers. `folder` gets its configuration and what it stores. */
  static async start(program: string, folder: string, configuration: object): Promise<Prometheus> {
    const file = join(folder, 'prometheus.yaml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(configuration));
    const flags = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${Prometheus.#address}`,
    ];
    const child = spawn(program, flags, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    const prometheus = new Prometheus(child);
    await until('Prometheus to be ready', () => prometheus.#isReady(), 20_000);
    return prometheus;
  }

  /** What an instant query gives now; throws where Prometheus refuses it. */
  async query(expression: string): Promise<readonly Sample[]> {
    const answer = await this.#get(`/api/v1/query?query=${encodeURIComponent(expression)}`);
    return (answer as { readonly result: readonly Sample[] }).result;
  }

  /** Everything that it was given to scrape, and how that went the last time. */
  async targets(): Promise<readonly Target[]> {
    const answer = await this.#get('/api/v1/targets?state=active');
    return (answer as { readonly activeTargets: readonly Target[] }).activeTargets;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'close');
    this.#process.kill('SIGTERM');
    await ended;
  }

  async #isReady(): Promise<boolean> {
    if (this.#process.exitCode !== null) {
      throw new Error(`Prometheus has ended:\n${lastLines(this.#log, 10)}`);
    }
    return await fetch(`http://${Prometheus.#address}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`http://${Prometheus.#address}${path}`);
    const { data, error } = (await response.json()) as { data?: unknown; error?: string };
    if (!response.ok) throw new Error(`${path}: ${error}`);
    return data;
  }
}

/** Something to scrape. */
export interface Target {
  readonly scrapeUrl: string;
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
  readonly labels: Readonly<Record<string, string>>;
}
