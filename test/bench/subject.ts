import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { bundle } from '../../.ci/image/bundle.ts';
import { sleep, systemClock } from '../../src/clock.ts';
import { operatorNamespace } from '../../src/manifests/operator.ts';
import { beforeExit } from '../../src/process.ts';
import { imageEnvironment, imageFlags } from './image-flags.ts';
import type { OtherOperator } from './options.ts';

/** How an operator is started, as often as is wanted. */
export interface Launcher {
  /** Starts one that works on the cluster of a kubeconfig file. */
  launch(kubeconfig: string): Promise<Subject>;
}

const stallProbe = fileURLToPath(new URL('./stall-probe.mjs', import.meta.url));

/**
 * The operator as its image starts it: one bundled file, the image's flags, the memory limit of its
 * manifest, leader election and metrics on. Files of the bundle go into the directory. The probe is a
 * module that is loaded into the process and answers what `ask` asks; unless another one is given, it
 * tells of stalls.
 */
export async function ours(directory: string, probe = stallProbe): Promise<Launcher> {
  const program = join(directory, 'main.js');
  writeFileSync(program, (await bundle()).code);
  return {
    async launch(kubeconfig) {
      const [health, metrics] = await freePorts(2);
      const words = [process.execPath, ...imageFlags(), '--import', probe, program, 'operator'];
      const environment = {
        ...imageEnvironment(),
        KUBECONFIG: kubeconfig,
        HEALTH_PORT: String(health),
        METRICS_PORT: String(metrics),
        POD_NAMESPACE: operatorNamespace,
        LOG_LEVEL: 'error',
      };
      const readyUrl = `http://127.0.0.1:${health}/readyz`;
      return new Subject({ words, environment, readyUrl, answersProbe: true });
    },
  };
}

/** Any other operator; the command gets the kubeconfig by KUBECONFIG. */
export function another({ command, readyUrl }: OtherOperator): Launcher {
  return {
    async launch(kubeconfig) {
      // One process, whose memory and time are the operator's: the shell makes way for it.
      const words = ['sh', '-c', `exec ${command}`];
      const environment = { KUBECONFIG: kubeconfig };
      return new Subject({ words, environment, readyUrl, answersProbe: false });
    },
  };
}

/** Ports of the loopback interface at which nobody listens now. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) await once(server.close(), 'close');
  return ports;
}

interface SubjectParts {
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly readyUrl: string;
  /** Claims that a probe runs inside it. */
  readonly answersProbe: boolean;
}

/** How long an event loop stood still, in milliseconds. */
export interface Stalls {
  readonly p99: number;
  readonly max: number;
}

/** How long a process has for what it is asked to do, before that counts as never. */
const patienceMs = 60_000;

/** A running operator, seen from outside: Linux tells its memory and processor time. */
export class Subject {
  readonly #child: ChildProcess;
  readonly #readyUrl: string;
  readonly #answersProbe: boolean;
  readonly #begun = performance.now();
  readonly #exit: Promise<unknown>;

  constructor({ words, environment, readyUrl, answersProbe }: SubjectParts) {
    const [program = '', ...args] = words;
    this.#readyUrl = readyUrl;
    this.#answersProbe = answersProbe;
    this.#child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'inherit', ...(answersProbe ? (['ipc'] as const) : [])],
    });
    this.#exit = once(this.#child, 'exit');
    // Whatever ends this process, the operator does not outlive it.
    void this.#exit.finally(beforeExit(() => this.#child.kill('SIGKILL')));
  }

  /** Milliseconds from its start until it says that it is ready. */
  async ready(): Promise<number> {
    while (!(await this.#isReady())) {
      if (this.#child.exitCode !== null) throw new Error('the operator ended before it was ready');
      if (performance.now() - this.#begun > patienceMs) throw new Error('it is not ready in time');
      await sleep(systemClock, 5);
    }
    return performance.now() - this.#begun;
  }

  async #isReady(): Promise<boolean> {
    try {
      const { statusCode, body } = await request(this.#readyUrl);
      await body.dump();
      return statusCode === 200;
    } catch {
      return false; // nobody listens yet
    }
  }

  /** Bytes of memory that are resident: now, or the most since the start or `forgetPeak`. */
  memory(field: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return 1024 * Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]);
  }

  /** From here on the peak counts anew (proc_pid_clear_refs(5)). */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.#child.pid}/clear_refs`, '5');
  }

  /** Seconds of processor time so far, its own and the kernel's for it. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    // The name before may hold spaces; the times are the 14th and 15th field (proc_pid_stat(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }

  /** The sockets that are open, each by a name that no later one has. */
  sockets(): ReadonlySet<string> {
    return new Set(this.handles().filter((target) => target.startsWith('socket:')));
  }

  /** What each open file descriptor leads to. */
  handles(): readonly string[] {
    const folder = `/proc/${this.#child.pid}/fd`;
    return readdirSync(folder).map((file) => targetOf(join(folder, file)));
  }

  /** How long its event loop stood still since this was asked last; undefined where nobody can tell. */
  async stalls(): Promise<Stalls | undefined> {
    return this.#answersProbe ? ((await this.ask()) as Stalls) : undefined;
  }

  /** What the probe answers that was loaded into it. */
  async ask(): Promise<unknown> {
    this.#child.send({});
    const [answer] = await once(this.#child, 'message', {
      signal: AbortSignal.timeout(patienceMs),
    });
    return answer;
  }

  /** Sends a signal and waits for the end; returns the milliseconds until then. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    const begun = performance.now();
    this.#child.kill(signal);
    await this.#exit;
    return performance.now() - begun;
  }
}

/** Of every Linux that Node runs on, in what programs are told (USER_HZ). */
const ticksPerSecond = 100;

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return ''; // closed since
  }
}
