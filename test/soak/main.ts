import { parsedArgs, runProgram } from '../../src/command-line.ts';
import { UsageError } from '../../src/errors.ts';
import { inNetworkOf } from '../cluster/real/command.ts';
import { currentCluster } from '../cluster/real/namespace.ts';
import type { Quantity } from './quantities.ts';
import { type SoakReport, soak } from './soak.ts';

/** `npm run soak`: docs/soak.md says what it looks at. Ends with exit code 1 where that is not well. */

/** Two minutes of samples, after the first, are the least that says anything. */
const leastMinutes = 3;

const usage = `Usage: npm run soak -- [--minutes N] [--seed N]

Edits 50 pullers on a real control plane, behind faults, and prints what grows in the operator.

  --minutes N  how long, at least ${leastMinutes}; 30 unless given
  --seed N     which edits, which faults; 1 unless given
  --help       this text
`;

async function main(args: readonly string[]): Promise<number> {
  const { minutes, seed, help } = optionsIn(args);
  if (help) {
    process.stdout.write(usage);
    return 0;
  }
  if (currentCluster() === undefined) return await inNetworkOf('soak', import.meta.filename, args);
  const report = await soak({ minutes, seed, report: (line) => process.stderr.write(`${line}\n`) });
  process.stdout.write(`${minutes} minutes, seed ${seed}: ${linesOf(report).join('\n')}\n`);
  const isWell = report.differences.length === 0 && !report.quantities.some(({ grows }) => grows);
  return isWell ? 0 : 1;
}

function optionsIn(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const { values } = parsedArgs(
    {
      args: [...args],
      options: {
        minutes: { ...text, default: '30' },
        seed: { ...text, default: '1' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    },
    usage,
  );
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  if (!(minutes >= leastMinutes && minutes < Number.POSITIVE_INFINITY)) {
    const taken = `a number of at least ${leastMinutes}`;
    throw new UsageError(`--minutes takes ${taken}, not "${values.minutes}"\n\n${usage}`);
  }
  if (values.seed.trim() === '' || !Number.isSafeInteger(seed)) {
    throw new UsageError(`--seed takes a whole number, not "${values.seed}"\n\n${usage}`);
  }
  return { minutes, seed, help: values.help };
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

await runProgram(async () => {
  process.exitCode = await main(process.argv.slice(2));
});
