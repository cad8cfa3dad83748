import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, type ProcessRecord, processRecord } from './processes.ts';

/**
 * Who uses a cluster, and where its files are. Its network namespace and its control groups have one
 * name for the whole machine, and so have the claims on it, whichever cache the files are in. A claim
 * ends with its process; what that left lies where the claim says.
 *
 * Each is a link named by process and start time, which leads to the folder of the files. So it is
 * there whole or not at all, none stands in the way of another, and one that ended never comes back.
 */
export class Claims {
  readonly #cluster: string;
  readonly #folder: string;

  constructor(cluster: string, folder = `/run/kip-${cluster}`) {
    this.#cluster = cluster;
    this.#folder = folder;
  }

  /** Claims the cluster for this process; throws where another one that lives has it. */
  take(filesIn: string): void {
    mkdirSync(this.#folder, { recursive: true });
    if (!this.#all().some(isSelf)) symlinkSync(filesIn, this.#linkOf(self()));
    // Looked for only now: of two at once neither overlooks the other, though both may give way.
    const rival = this.#all().find((claim) => !isSelf(claim) && isAlive(claim));
    if (rival === undefined) return;
    this.withdraw();
    throw new Error(`the cluster "${this.#cluster}" is in use by process ${rival.pid}`);
  }

  /** Every folder that holds files of the cluster, or did when its process ended. */
  get folders(): readonly string[] {
    return [...new Set(this.#all().map(({ filesIn }) => filesIn))];
  }

  /** Gives the claim of this process up, as if it had never been. */
  withdraw(): void {
    rmSync(this.#linkOf(self()), { force: true });
  }

  /** Ends all claims; what the folders hold is to be cleared before. */
  release(): void {
    for (const claim of this.#all()) {
      if (isSelf(claim) || !isAlive(claim)) rmSync(this.#linkOf(claim), { force: true });
    }
  }

  #all(): readonly Claim[] {
    return entriesOf(this.#folder).flatMap((entry) => {
      const [, pid, startTime] = /^(\d+)-(\d+)$/.exec(entry) ?? [];
      const filesIn = targetOf(join(this.#folder, entry));
      if (pid === undefined || startTime === undefined || filesIn === undefined) return [];
      return [{ pid: Number(pid), startTime, filesIn }];
    });
  }

  #linkOf({ pid, startTime }: ProcessRecord): string {
    return join(this.#folder, `${pid}-${startTime}`);
  }
}

interface Claim extends ProcessRecord {
  readonly filesIn: string;
}

function self(): ProcessRecord {
  const record = processRecord(process.pid);
  if (record === undefined) throw new Error('this process is not in /proc');
  return record;
}

function isSelf({ pid, startTime }: ProcessRecord): boolean {
  return pid === process.pid && startTime === self().startTime;
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // nobody has ever claimed it
  }
}

/** Undefined where it is no link, or has gone meanwhile. */
function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
