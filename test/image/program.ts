import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

/** How a process is started. */
export interface Command {
  readonly command: readonly string[];
  /** The whole environment; empty unless given. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a process to its end. */
export async function run({ command, env = {}, input = '' }: Command): Promise<Ending> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { env: { ...env }, stdio: 'pipe' });
  child.stdin.end(input);
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, output, errors };
}

/** A line of the program's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A process that runs until it is asked to end, and writes its log as JSON lines. */
export class Program {
  readonly #child: ChildProcess;
  readonly #lines: LogLine[] = [];
  readonly #closed: Promise<unknown>;
  readonly #ended = new AbortController();
  #errors = '';

  constructor({ command, env = {} }: Command) {
    const [file = '', ...args] = command;
    const child = spawn(file, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#closed = once(child, 'close').finally(() => this.#ended.abort());
    child.stderr.on('data', (data: Buffer) => {
      this.#errors += data.toString();
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#lines.push(JSON.parse(line) as LogLine);
      child.emit('line');
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits for a log line with this message; rejects where the process ends or takes long without it. */
  async says(message: string): Promise<LogLine> {
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(10_000)]);
    const find = () => this.#lines.find((line) => line['message'] === message);
    try {
      while (find() === undefined) await once(this.#child, 'line', { signal });
    } catch (error) {
      const said = `${this.#errors}${this.#lines.map((line) => JSON.stringify(line)).join('\n')}`;
      throw new Error(`it did not say "${message}", but: ${said}`, { cause: error });
    }
    return find() ?? {};
  }

  /** Asks it to end, as the kubelet does, and resolves with its exit code. */
  async end(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    await this.#closed;
    return this.#child.exitCode;
  }

  /** Leaves no process behind where a test fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }
}
