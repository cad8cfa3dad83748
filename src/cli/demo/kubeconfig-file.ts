import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeExit } from '../../process.ts';

/** A kubeconfig that programs can be pointed at, and nobody else on the machine can read. */
export interface KubeconfigFile {
  readonly path: string;
  /** Removes it. */
  remove(): void;
}

/** Begins the names of the folders; after it comes the process that made one. */
const prefix = 'image-puller-demo-';

/**
 * Writes a kubeconfig among the temporary files. When this process ends the file goes with it; where the
 * process is killed, with the next one that writes such a file.
 */
export function kubeconfigFile(text: string): KubeconfigFile {
  removeLeftovers();
  const directory = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  const path = join(directory, 'kubeconfig');
  writeFileSync(path, text, { mode: 0o600 });
  const remove = () => rmSync(directory, { recursive: true, force: true });
  const callOff = beforeExit(remove);
  return {
    path,
    remove() {
      remove();
      callOff();
    },
  };
}

/** Removes what killed processes of this user have left. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? [];
    const path = join(tmpdir(), name);
    if (pid !== undefined && !isAlive(Number(pid)) && isOwn(path)) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Others' processes may not be signalled.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** On Windows every user has temporary files of his own, and all belong to user 0. */
function isOwn(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.uid === (process.getuid?.() ?? 0);
}
