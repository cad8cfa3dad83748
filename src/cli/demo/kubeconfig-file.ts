import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeExit } from '../../process.ts';

/** A kubeconfig that programs can be pointed at, and nobody else on the machine can read. */
export interface KubeconfigFile {
  readonly path: string;
  /** Removes it. */
  remove(): void;
}

/** Writes a kubeconfig among the temporary files. However this process ends, the file goes with it. */
export function kubeconfigFile(text: string): KubeconfigFile {
  const directory = mkdtempSync(join(tmpdir(), 'image-puller-demo-'));
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
