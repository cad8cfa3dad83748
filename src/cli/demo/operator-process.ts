import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../config.ts';
import { beforeExit } from '../../process.ts';
import { kubeconfigFile } from './kubeconfig-file.ts';

/** The operator, running beside this process as it would on a developer's machine. */
export interface OperatorProcess {
  /** Undefined where it could not be started. */
  readonly pid: number | undefined;
  /** What it wrote so far, on both of its outputs. */
  readonly lines: readonly string[];
  /** `ended with exit code 1`, `was ended by SIGKILL`, or why it never began; undefined while it runs. */
  readonly ended: string | undefined;
  /** Asks it to end, and makes it end when it has not done so in time; removes its kubeconfig. */
  stop(): Promise<void>;
}

const main = fileURLToPath(new URL('../../main.ts', import.meta.url));

/** How long the operator has to stop by itself. */
const patienceMs = 5000;

/**
 * Starts `operator` with this kubeconfig and these settings and no others: the caller's own
 * environment has no say.
 */
export function startOperator(kubeconfig: string, settings: Environment): OperatorProcess {
  const file = kubeconfigFile(kubeconfig);
  // Without SystemRoot, Windows opens no sockets.
  const { SystemRoot } = process.env;
  const env = { ...(SystemRoot && { SystemRoot }), ...settings, KUBECONFIG: file.path };
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, 'operator'],
    // By the channel it notices that this process was killed.
    { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  );
  const lines: string[] = [];
  let ended: string | undefined;
  for (const output of [child.stdout, child.stderr]) if (output !== null) collect(output, lines);
  const end = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      ended = `could not be started: ${error.message}`;
      resolve();
    });
    child.once('close', (code, signal) => {
      ended ??= signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
      resolve();
    });
  });
  // Whatever else ends this process, the operator does not outlive it.
  const callOff = beforeExit(() => child.kill('SIGKILL'));
  return {
    pid: child.pid,
    lines,
    get ended() {
      return ended;
    },
    async stop() {
      await stop(child, end);
      callOff();
      file.remove();
    },
  };
}

function collect(output: Readable, lines: string[]): void {
  createInterface({ input: output }).on('line', (line) => lines.push(line));
}

async function stop(child: ChildProcess, end: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const lastResort = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await end;
  clearTimeout(lastResort);
}
