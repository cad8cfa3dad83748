import type { Edit } from './sequence.ts';
import type { Trouble } from './trouble.ts';

/** What became of one group of plans, such as those of one generator for one workload. */
export interface Finding {
  /** `G1 rename`. */
  readonly group: string;
  /** What holds, as a sentence. */
  readonly promise: string;
  readonly plans: number;
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly seed: number;
  /** Options of `npm run simulate` that lead to the same violations and the same trace. */
  readonly replay: readonly string[];
  readonly violations: readonly string[];
  readonly trace: string;
}

/** What leads to the run of a workload with these troubles under this seed. */
export function replayOfPlan(
  workload: string,
  seed: number,
  troubles: readonly Trouble[],
): readonly string[] {
  const plan = ['--troubles', JSON.stringify(troubles)];
  return ['--workload', workload, '--from', String(seed), ...plan];
}

/** What draws the two troubles of a seed of G7 again. */
export function replayOfPair(workload: string, seed: number): readonly string[] {
  return ['--only', 'G7', '--workload', workload, '--from', String(seed), '--seeds', '1'];
}

/** What leads to the run of a sequence of edits under this seed. */
export function replayOfSequence(seed: number, edits: readonly Edit[]): readonly string[] {
  return ['--from', String(seed), '--edits', JSON.stringify(edits)];
}

/** A failure as it is printed: what was violated, how to have it again, and what happened. */
export function failureInWords(
  group: string,
  { seed, replay, violations, trace }: Failure,
): string {
  return [
    `--- ${group}, seed ${seed}`,
    ...violations.map((violation) => `    ${violation}`),
    `    npm run simulate -- ${replay.map(quoted).join(' ')}`,
    trace,
  ].join('\n');
}

/** As a POSIX shell takes a word for itself. */
function quoted(word: string): string {
  return /^[\w./,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
