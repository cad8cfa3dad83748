import { parseArgs } from 'node:util';
import { inNetworkOf } from '../cluster/real/command.ts';
import { currentCluster } from '../cluster/real/namespace.ts';
import type { Quantity } from './quantities.ts';
import { type SoakReport, soak } from './soak.ts';

/** `npm run soak`: docs/soak.md says what it looks at. Ends with exit code 1 where that is not well. */

const usage = 'usage: npm run soak -- [--minutes N] [--seed N]\n';

async function main(args: readonly string[]): Promise<number> {
  const { minutes, seed } = optionsIn(args);
  if (currentCluster() === undefined) return await inNetworkOf('soak', import.meta.filename, args);
  const report = await soak({ minutes, seed, report: (line) => process.stderr.write(`${line}\n`) });
  process.stdout.write(`${minutes} minutes, seed ${seed}: ${linesOf(report).join('\n')}\n`);
  const isWell = report.differences.length === 0 && !report.quantities.some(({ grows }) => grows);
  return isWell ? 0 : 1;
}

function optionsIn(args: readonly string[]): { readonly minutes: number; readonly seed: number } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '30' },
      seed: { type: 'string', default: '1' },
    },
  });
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  // Two minutes of samples are the least that says anything.
  if (!(minutes >= 3) || !Number.isInteger(seed)) {
    throw new Error(`--minutes takes a number of at least 3, --seed a whole number\n${usage}`);
  }
  return { minutes, seed };
}

function linesOf({ edits, requests, troubles, quantities, differences }: SoakReport) {
  return [
    `${edits} edits, ${troubles} of ${requests} requests in trouble`,
    ...quantities.map(lineOf),
    differences.length === 0
      ? 'in the end as on a fresh cluster'
      : `in the end otherwise than on a fresh cluster:\n${differences.join('\n')}`,
  ];
}

function lineOf({ name, mean, slope, grows }: Quantity): string {
  const { rise, least, most } = slope;
  const interval = `${rise.toFixed(3)} a minute (95 %: ${least.toFixed(3)} to ${most.toFixed(3)})`;
  return `${name}: ${mean.toFixed(1)} on average, ${interval}: ${grows ? 'GROWS' : 'flat'}`;
}

process.exitCode = await main(process.argv.slice(2));
