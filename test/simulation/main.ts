import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../../src/command-line.ts';
import { type Finding, failureInWords } from './findings.ts';
import { complaintsOf, groupsOf, reportOf } from './groups.ts';
import { type Options, optionsIn, type Part, type Selection, usage } from './options.ts';
import { runSequence } from './sequence.ts';

/**
 * `npm run simulate`: runs plans, in several processes, and prints what they find. With `--json` one
 * line for each group of plans, for tests. Ends with exit code 1 where anything fails.
 */

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What a command line asks for; resolves with the number of failures. */
async function simulate(options: Options): Promise<number> {
  switch (options.kind) {
    case 'help':
      process.stdout.write(usage);
      return 0;
    case 'plan': {
      const report = await reportOf(options);
      return tell({ violations: complaintsOf(report), trace: report.trace });
    }
    case 'sequence':
      return tell(await runSequence(options.seed, options.edits));
    case 'part':
      return await runPart(options.selection, options.part);
    default:
      return await runAll(options.jobs, options.isJson);
  }
}

/** Of one that is asked for by itself the trace is what is wanted. */
function tell(report: { readonly trace: string; readonly violations: readonly string[] }): number {
  process.stdout.write(report.trace);
  for (const violation of report.violations) print(violation);
  return report.violations.length;
}

/** Runs every group whose turn it is in this process, for as long as somebody listens. */
async function runPart(selection: Selection, { index, parts }: Part): Promise<number> {
  const end = () => process.exit(1);
  process.once('disconnect', end);
  let failures = 0;
  const mine = groupsOf(selection).filter((_, at) => at % parts === index);
  for (const { name, promise, run } of mine) {
    const finding: Finding = { group: name, promise, ...(await run()) };
    print(JSON.stringify(finding));
    failures += finding.failures.length;
    if (selection.stop && failures > 0) break;
  }
  process.off('disconnect', end);
  if (process.connected) process.disconnect();
  return failures;
}

/** Starts the processes and hands on what they find. */
async function runAll(jobs: number, isJson: boolean): Promise<number> {
  let failures = 0;
  const began = performance.now();
  const children = Array.from({ length: jobs }, (_, index) => {
    const own = fileURLToPath(import.meta.url);
    const args = [...process.execArgv, own, ...process.argv.slice(2), '--part', `${index}/${jobs}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const lines = child.stdout as Readable; // piped
    createInterface({ input: lines }).on('line', (line) => {
      const finding = JSON.parse(line) as Finding;
      failures += finding.failures.length;
      print(isJson ? line : inWords(finding, performance.now() - began));
    });
    return new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        if (code !== 0) failures = Math.max(failures, 1);
        resolve();
      });
    });
  });
  await Promise.all(children);
  return failures;
}

function inWords({ group, plans, failures }: Finding, elapsedMs: number): string {
  const seconds = (elapsedMs / 1000).toFixed(1).padStart(7);
  const head = `${seconds} s  ${group.padEnd(40)} ${plans} plans, ${failures.length} failures`;
  return [head, ...failures.map((failure) => failureInWords(group, failure))].join('\n');
}

await runProgram(async () => {
  process.exitCode = (await simulate(optionsIn(process.argv.slice(2)))) > 0 ? 1 : 0;
});
