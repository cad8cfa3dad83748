import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = mkdtempSync(join(tmpdir(), 'ci-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A result, or a text in its place, in a file; undefined where jest wrote none. */
type Written = object | string | undefined;

function written(name: string, result: Written): string {
  const file = join(directory, `${name}.json`);
  rmSync(file, { force: true });
  const text = typeof result === 'string' ? result : JSON.stringify(result);
  if (text !== undefined) writeFileSync(file, text);
  return file;
}

function run(program: string, args: readonly string[]) {
  const path = fileURLToPath(new URL(`../.ci/${program}`, import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8' });
  return { lines: stdout.trim().split('\n'), status };
}

type Step = readonly [result: Written, status: number];

/** How .ci/count.mjs ends for the results of these steps and of a second attempt. */
function countedWith(again: Written, steps: readonly Step[]) {
  const files = steps.map(([result, status], index) => `${written(`${index}`, result)}=${status}`);
  return run('count.mjs', ['--again', written('again', again), ...files]);
}

function counted(...steps: readonly Step[]) {
  const { lines, status } = countedWith(undefined, steps);
  return { line: lines.at(-1), status };
}

const good = { success: true, numPassedTests: 3 };

describe('the closing line of CI', () => {
  it('adds up what passed', () => {
    expect(counted([good, 0], [good, 0])).toEqual({ line: '6 passed, 0 failed', status: 0 });
  });

  it.each<[string, object | string | undefined, number]>([
    ['a test failed', { success: false, numPassedTests: 3, numFailedTests: 1 }, 1],
    [
      'a suite did not load',
      { success: false, numPassedTests: 3, numRuntimeErrorTestSuites: 1 },
      1,
    ],
    ['a test was skipped', { ...good, numPendingTests: 1 }, 0],
    ['a test is yet to be written', { ...good, numTodoTests: 1 }, 0],
    ['a step failed before its tests', undefined, 1],
    ['a step wrote nothing into its file', '', 0],
    ['a result breaks off', JSON.stringify(good).slice(0, -3), 0],
    ['a result is none', 'null', 0],
    ['a step failed after its tests', good, 1],
    ['no test ran', { success: true, numPassedTests: 0 }, 0],
  ])('fails where %s', (_what, result, status) => {
    const end = counted([good, 0], [result, status]);
    expect(end.status).toBe(1);
    expect(end.line).toMatch(/^\d+ passed, 1 failed$/);
  });
});

/** What jest tells of a file of tests with these outcomes; none where the file could not be loaded. */
function aFile(name: string, ...statuses: readonly ('passed' | 'failed')[]) {
  const status = statuses.length > 0 && !statuses.includes('failed') ? 'passed' : 'failed';
  const assertionResults = statuses.map((each, index) => ({ status: each, fullName: `t${index}` }));
  return { name, status, assertionResults };
}

function aResult(...files: readonly ReturnType<typeof aFile>[]) {
  const all = files.flatMap(({ assertionResults }) => assertionResults);
  const count = (outcome: string) => all.filter(({ status }) => status === outcome).length;
  return {
    success: files.every(({ status }) => status === 'passed'),
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numRuntimeErrorTestSuites: files.filter((file) => file.assertionResults.length === 0).length,
    testResults: files,
  };
}

const unsteady = aResult(aFile('a', 'passed', 'failed', 'passed'), aFile('b', 'passed'));

describe('a second attempt', () => {
  it('counts for the file that failed in the first, which is said', () => {
    const again = aResult(aFile('a', 'passed', 'passed', 'passed'));
    expect(countedWith(again, [[unsteady, 1]])).toEqual({
      lines: ['passed at the second attempt only: a: t1', '4 passed, 0 failed'],
      status: 0,
    });
  });

  it('takes nothing back of what passed in the first', () => {
    const again = aResult(aFile('a', 'failed', 'passed', 'passed'));
    const { lines, status } = countedWith(again, [[unsteady, 1]]);
    expect([lines.at(-1), status]).toEqual(['4 passed, 0 failed', 0]);
  });

  it('that fails too does not make up for a file that could not be loaded', () => {
    const again = aResult(aFile('a', 'passed', 'failed'));
    const { lines, status } = countedWith(again, [[aResult(aFile('a'), aFile('b', 'passed')), 1]]);
    expect([lines.at(-1), status]).toEqual(['1 passed, 1 failed', 1]);
  });

  it('counts for a file that could not be loaded', () => {
    const again = aResult(aFile('a', 'passed'));
    const { lines, status } = countedWith(again, [[aResult(aFile('a'), aFile('b', 'passed')), 1]]);
    expect([lines.at(-1), status]).toEqual(['2 passed, 0 failed', 0]);
  });

  it.each<[string, Written, number]>([
    ['fails too', aResult(aFile('a', 'passed', 'failed', 'passed')), 1],
    ['runs nothing', aResult(aFile('a')), 1],
    ['is of another file', aResult(aFile('c', 'passed')), 1],
    ['is cut short', '{', 1],
    ['follows one that did more than fail tests', aResult(aFile('a', 'passed')), 137],
  ])('changes nothing where it %s', (_what, again, status) => {
    const end = countedWith(again, [[unsteady, status]]);
    expect([end.lines.at(-1)?.endsWith(' 1 failed'), end.status]).toEqual([true, 1]);
  });

  it('that fails too leaves what failed to be said', () => {
    const again = aResult(aFile('a', 'passed', 'failed', 'passed'));
    expect(countedWith(again, [[unsteady, 1]]).lines[0]).toBe('failed: a: t1');
  });

  it('excuses no test that did not run', () => {
    const skipped = { ...unsteady, numPendingTests: 1 };
    const again = aResult(aFile('a', 'passed', 'passed', 'passed'));
    expect(countedWith(again, [[skipped, 1]]).status).toBe(1);
  });

  it.each<[string, readonly Written[], readonly string[]]>([
    ['the files that failed', [unsteady, aResult(aFile('c', 'failed'))], ['a', 'c']],
    ['nothing where all passed', [aResult(aFile('a', 'passed'))], ['']],
    ['nothing where a result is missing', [unsteady, undefined], ['']],
    [
      'nothing where more than five failed',
      [aResult(...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => aFile(name, 'failed')))],
      [''],
    ],
  ])('is made of %s', (_what, results, lines) => {
    const files = results.map((result, index) => written(`${index}`, result));
    expect(run('failed.mjs', files)).toEqual({ lines, status: 0 });
  });
});

describe('what decides on a change', () => {
  it('draws the same cases for each, as no test draws its own past the seed', () => {
    const folder = fileURLToPath(new URL('.', import.meta.url));
    const drawers = globSync('**/*.ts', { cwd: folder }).filter((file) =>
      /^(import .*|\}) from 'fast-check'/m.test(readFileSync(join(folder, file), 'utf8')),
    );
    expect(drawers).toEqual(['properties.ts']);
    const script = readFileSync(join(folder, '../.ci/run'), 'utf8');
    expect(script).toMatch(/^PROPERTY_SEED=\d+ .*npm test/m);
  });
});
