// Adds up jest's results, given as FILE=EXIT_STATUS, and prints the closing line of CI. A suite that did
// not load, a test that did not run, and a step that failed or was cut short without saying which are
// failures too.
import { existsSync, readFileSync } from 'node:fs';

let passed = 0;
let failed = 0;
for (const argument of process.argv.slice(2)) {
  const [file, status] = argument.split('=');
  const result = existsSync(file) ? resultIn(readFileSync(file, 'utf8')) : {};
  const bad =
    (result.numFailedTests ?? 0) +
    (result.numRuntimeErrorTestSuites ?? 0) +
    (result.numPendingTests ?? 0) +
    (result.numTodoTests ?? 0);
  const succeeded = status === '0' && result.success === true && (result.numPassedTests ?? 0) > 0;
  passed += result.numPassedTests ?? 0;
  failed += succeeded ? bad : Math.max(bad, 1);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** Nothing where the text is no result: jest was ended while it wrote. */
function resultIn(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
