import { execFileSync } from 'node:child_process';

/** The Kubernetes that the generated tables are taken from. */
export const release = 'v0.36.3';

/** The folder of a Go module of that release; needs Go, for its module proxy only. */
export function moduleDirectory(module: string): string {
  const answer = execFileSync('go', ['mod', 'download', '-json', `${module}@${release}`]);
  return (JSON.parse(answer.toString()) as { Dir: string }).Dir;
}
