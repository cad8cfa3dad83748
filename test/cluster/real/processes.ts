import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Words } from './command.ts';

/**
 * A process beyond doubt. The kernel gives a pid again to another process, but not with the same
 * start time, which it counts in ticks since boot (proc_pid_stat(5), field 22).
 */
export interface ProcessRecord {
  readonly pid: number;
  readonly startTime: string;
}

/**
 * The record of a living process; undefined where the pid is free or a zombie. A zombie with threads
 * lives: until the last of them has ended it keeps its files and ports.
 */
export function processRecord(pid: number): ProcessRecord | undefined {
  const stat = readProc(pid, 'stat');
  // The second field is the program's name in parentheses and may itself hold both.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, threads, startTime] = [fields[0], fields[17], fields[19]];
  const isDead = state === 'X' || (state === 'Z' && threads === '1');
  return startTime === undefined || isDead ? undefined : { pid, startTime };
}

/** Claims that this very process lives. */
export function isAlive(record: ProcessRecord): boolean {
  return processRecord(record.pid)?.startTime === record.startTime;
}

/** Every living process whose command line satisfies the predicate; arguments are joined by spaces. */
export function processesRunning(matches: (commandLine: string) => boolean): ProcessRecord[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => matches(readProc(pid, 'cmdline').replaceAll('\0', ' ')))
    .map(processRecord)
    .filter((record) => record !== undefined);
}

/** Ends processes by pid: TERM, and KILL for those still there after `graceMs`. */
export async function end(records: readonly ProcessRecord[], graceMs: number): Promise<void> {
  for (const record of records) signal(record, 'SIGTERM');
  if (await allGone(records, graceMs)) return;
  for (const record of records) signal(record, 'SIGKILL');
  if (await allGone(records, 10_000)) return;
  const left = records.filter(isAlive).map(({ pid }) => pid);
  throw new Error(`processes ${left.join(', ')} are still there 10 s after SIGKILL`);
}

/** The daemons of one cluster: started detached, found again by a later process through their records. */
export class Processes {
  readonly #records: string;
  readonly #logs: string;

  constructor(folders: { readonly run: string; readonly log: string }) {
    this.#records = folders.run;
    this.#logs = folders.log;
  }

  /** Starts what is not yet running; its output is appended to its log. */
  async start(
    name: string,
    [program, ...args]: Words,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    if (this.find(name)) return;
    const log = openSync(this.logFile(name), 'a');
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
    });
    closeSync(log);
    await once(child, 'spawn');
    child.unref();
    const record = child.pid === undefined ? undefined : processRecord(child.pid);
    // One that has ended already leaves no record: it is not running, and its log says why.
    if (record) writeFileSync(this.#recordFile(name), JSON.stringify(record));
  }

  /** The record of a daemon that runs. */
  find(name: string): ProcessRecord | undefined {
    let record: ProcessRecord;
    try {
      record = JSON.parse(readFileSync(this.#recordFile(name), 'utf8')) as ProcessRecord;
    } catch {
      return undefined; // never started, or killed while it was noted down
    }
    return isAlive(record) ? record : undefined;
  }

  /** Ends a daemon, if it runs: by TERM, and by KILL after `graceMs`. */
  async stop(name: string, graceMs: number): Promise<void> {
    const record = this.find(name);
    if (record) await end([record], graceMs);
    rmSync(this.#recordFile(name), { force: true });
  }

  logFile(name: string): string {
    return join(this.#logs, `${name}.log`);
  }

  #recordFile(name: string): string {
    return join(this.#records, `${name}.json`);
  }
}

function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, name);
  } catch (error) {
    // Gone between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function allGone(records: readonly ProcessRecord[], withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (records.some(isAlive)) {
    if (performance.now() >= deadline) return false;
    await delay(20);
  }
  return true;
}

/** A file of a process; empty where the process is gone. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
