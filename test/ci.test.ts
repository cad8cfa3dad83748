import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = mkdtempSync(join(tmpdir(), 'ci-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** How .ci/count.mjs ends for these results, or texts in their place, each with its step's exit status. */
function counted(
  ...steps: readonly (readonly [result: object | string | undefined, status: number])[]
) {
  const program = fileURLToPath(new URL('../.ci/count.mjs', import.meta.url));
  const files = steps.map(([result, status], index) => {
    const file = join(directory, `${index}.json`);
    rmSync(file, { force: true });
    const text = typeof result === 'string' ? result : JSON.stringify(result);
    if (text !== undefined) writeFileSync(file, text);
    return `${file}=${status}`;
  });
  const { stdout, status } = spawnSync(process.execPath, [program, ...files], { encoding: 'utf8' });
  return { line: stdout.trim(), status };
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
