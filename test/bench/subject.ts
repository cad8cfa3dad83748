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
  /** Claims that it is this checkout's, of whose status more is known than of any other's. */
  readonly isOurs: boolean;
  /** Why no second one can run beside the first; undefined where one can. */
  readonly alone: string | undefined;
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
    isOurs: true,
    alone: undefined,
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
      return new Subject({ words, environment, readyUrl, isShell: false });
    },
  };
}

/** Any other operator; the command gets the kubeconfig by KUBECONFIG, and ports of its own for each process. */
export function another({ command, readyUrl }: OtherOperator): Launcher {
  const hasOwnPort = [command, readyUrl].every((text) => text.includes('{port}'));
  return {
    isOurs: false,
    alone: hasOwnPort ? undefined : '--operator and --ready-url have no {port}',
    async launch(kubeconfig) {
      const ports = await freePorts(2);
      return new Subject({
        words: ['sh', '-c', withPorts(command, ports)],
        environment: { KUBECONFIG: kubeconfig },
        readyUrl: withPorts(readyUrl, ports),
        isShell: true,
      });
    },
  };
}

/** The text with `{port}` and `{metrics}` filled in. */
function withPorts(text: string, [port, metrics]: readonly number[]): string {
  return text.replaceAll('{port}', String(port)).replaceAll('{metrics}', String(metrics));
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
  /**
   * It is a line for the shell, which may become several processes: they are a process group, and count
   * as one operator. Otherwise it is ours, one process with a probe inside.
   */
  readonly isShell: boolean;
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
  readonly #isShell: boolean;
  readonly #begun = performance.now();
  // Whatever ends this process, the operator does not outlive it.
  readonly #callOff = beforeExit(() => this.#signal('SIGKILL'));
  #isOver = false;

  constructor({ words, environment, readyUrl, isShell }: SubjectParts) {
    const [program = '', ...args] = words;
    this.#readyUrl = readyUrl;
    this.#isShell = isShell;
    this.#child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'inherit', ...(isShell ? [] : (['ipc'] as const))],
      detached: isShell,
    });
    this.#child.once('exit', () => this.#processes());
  }

  /** Milliseconds from its start until it says that it is ready. */
  async ready(): Promise<number> {
    while (!(await this.#isReady())) {
      if (this.#processes().length === 0) throw new Error('the operator ended before it was ready');
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
    const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm');
    return this.#sum((pid) => 1024 * Number(line.exec(told(pid, 'status'))?.[1] ?? 0));
  }

  /** From here on the peak counts anew (proc_pid_clear_refs(5)). */
  forgetPeak(): void {
    for (const pid of this.#processes()) {
      unlessEnded(() => writeFileSync(`/proc/${pid}/clear_refs`, '5'));
    }
  }

  /** Seconds of processor time so far, its own and the kernel's for it. */
  cpuSeconds(): number {
    return this.#sum((pid) => statOf(pid)?.cpuSeconds ?? 0);
  }

  /** The sockets that are open, each by a name that no later one has. */
  sockets(): ReadonlySet<string> {
    return new Set(this.handles().filter((target) => target.startsWith('socket:')));
  }

  /** What each open file descriptor leads to. */
  handles(): readonly string[] {
    return this.#processes().flatMap((pid) => {
      const folder = `/proc/${pid}/fd`;
      const files = unlessEnded(() => readdirSync(folder)) ?? [];
      return files.map((file) => unlessEnded(() => readlinkSync(join(folder, file))) ?? '');
    });
  }

  /** How long its event loop stood still since this was asked last; undefined where nobody can tell. */
  async stalls(): Promise<Stalls | undefined> {
    return this.#isShell ? undefined : ((await this.ask()) as Stalls);
  }

  /** From here on nothing but its own work wakes it up; of stalls nobody can tell any more. */
  leaveAlone(): void {
    if (!this.#isShell) this.#child.send({ leaveAlone: true });
  }

  /** What the probe answers that was loaded into it. */
  async ask(): Promise<unknown> {
    this.#child.send({});
    const [answer] = await once(this.#child, 'message', {
      signal: AbortSignal.timeout(patienceMs),
    });
    return answer;
  }

  /**
   * Sends a signal and waits for the end; returns the milliseconds until then. One that has ended is left
   * alone; one that does not end in time is killed, and that is an error.
   */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    const begun = performance.now();
    this.#signal(signal);
    await this.#gone();
    return performance.now() - begun;
  }

  async #gone(): Promise<void> {
    const begun = performance.now();
    while (this.#processes().length > 0) {
      if (performance.now() - begun > patienceMs) {
        this.#signal('SIGKILL');
        throw new Error('the operator does not end in time');
      }
      await sleep(systemClock, 5);
    }
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    for (const pid of this.#processes()) unlessEnded(() => process.kill(pid, signal));
  }

  /** What runs of it now. Once that was nothing it stays so: its numbers may be those of others. */
  #processes(): readonly number[] {
    const { pid = Number.NaN, exitCode, signalCode } = this.#child;
    if (this.#isOver) return [];
    const candidates = this.#isShell ? runningPids() : [pid];
    const running = candidates.filter((candidate) => {
      const stat = statOf(candidate);
      return stat !== undefined && stat.state !== 'Z' && (!this.#isShell || stat.group === pid);
    });
    const hasExited = exitCode !== null || signalCode !== null;
    this.#isOver = hasExited && (running.length === 0 || !this.#isShell);
    if (this.#isOver) this.#callOff();
    return this.#isOver ? [] : running;
  }

  /** Of nothing there is no sum: zero would be taken for a figure. */
  #sum(of: (pid: number) => number): number {
    const processes = this.#processes();
    if (processes.length === 0) throw new Error('the operator has ended');
    return processes.reduce((sum, pid) => sum + of(pid), 0);
  }
}

function runningPids(): readonly number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

/** What Linux says of a process (proc_pid_stat(5)); undefined where there is none. */
function statOf(pid: number) {
  const stat = told(pid, 'stat');
  if (stat === '') return undefined;
  // The name, the second field, may hold spaces; after it come the third and so on.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  return { state: fields[0], group: Number(fields[2]), cpuSeconds };
}

/** A file of a process below /proc; empty where the process has ended. */
function told(pid: number, file: 'stat' | 'status'): string {
  return unlessEnded(() => readFileSync(`/proc/${pid}/${file}`, 'utf8')) ?? '';
}

/** What is asked of a process, or of one of its files, may come after its end. */
function unlessEnded<Answer>(ask: () => Answer): Answer | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

/** Of every Linux that Node runs on, in what programs are told (USER_HZ). */
const ticksPerSecond = 100;
