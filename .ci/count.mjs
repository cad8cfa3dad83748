// Adds up jest's results, given as FILE=EXIT_STATUS, and prints the closing line of CI. A suite that did
// not load, a test that did not run, and a step that failed without saying which are failures too.
import { existsSync, readFileSync } from 'node:fs';

let passed = 0;
let failed = 0;
for (const argument of process.argv.slice(2)) {
  const [file, status] = argument.split('=');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const result = text === '' ? {} : JSON.parse(text);
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
