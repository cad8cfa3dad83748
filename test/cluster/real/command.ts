import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

/** How a command is run, where it differs from how this process runs. */
export interface CommandOptions {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Written to the command's standard input. */
  readonly input?: string;
}

/** The words of a command line, the program first. */
export type Words = readonly [string, ...(readonly string[])];

/**
 * Runs a command to its end and returns what it wrote to standard output. Rejects with the last
 * lines of its standard error where it cannot be started or exits with anything but 0.
 */
export function output(words: Words, options: CommandOptions = {}): Promise<string> {
  const [program, ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.environment },
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // A command that ends without reading its input breaks the pipe; its exit status says enough.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', (cause) =>
      reject(new Error(`starting ${program}: ${cause.message}`, { cause })),
    );
    child.on('close', (status, signal) => {
      if (status === 0) {
        resolve(Buffer.concat(stdout).toString());
        return;
      }
      const words = [program, ...args].join(' ').slice(0, 200);
      const end = lastLines(Buffer.concat(stderr).toString(), 20);
      reject(new Error(`${words}: ended with ${signal ?? `status ${status}`}\n${end}`));
    });
  });
}

/** Runs a command on this terminal; resolves with its exit status, 128 + n where signal n ended it. */
export function onTerminal(
  words: Words,
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const [program, ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: 'inherit',
      env: { ...process.env, ...environment },
    });
    // The terminal signals the whole group; a plain kill reaches only us and is passed on. Either
    // way the child decides when it is over, so that what follows it is not cut short.
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    const signals = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;
    for (const signal of signals) process.on(signal, pass);
    const done = () => {
      for (const signal of signals) process.off(signal, pass);
    };
    child.on('error', (cause) => {
      done();
      reject(new Error(`starting ${program}: ${cause.message}`, { cause }));
    });
    child.on('close', (status, signal) => {
      done();
      resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** The end of a text, for messages that quote a log. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** Runs a program of ours, a file for Node, in a fresh network of this name that a real cluster has for itself. */
export function inNetworkOf(
  cluster: string,
  file: string,
  args: readonly string[],
): Promise<number> {
  const driver = fileURLToPath(new URL('./main.ts', import.meta.url));
  const node = [process.execPath, ...process.execArgv] as const;
  return onTerminal([...node, driver, 'run', '--name', cluster, ...node, file, ...args], {});
}
