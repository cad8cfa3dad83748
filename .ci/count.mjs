// Adds up jest's results, given as FILE=EXIT_STATUS, and prints the closing line of CI. A suite that did
// not load, a test that did not run, and a step that failed or was cut short without saying which are
// failures too. With --again FILE, the results of a second attempt, a file of tests counts as it went there
// if all of it passed; which ones these were is said above the closing line, and which tests failed.
import { parseArgs } from 'node:util';
import { failedFiles, resultIn } from './results.mjs';

const { values, positionals } = parseArgs({
  options: { again: { type: 'string', default: '' } },
  allowPositionals: true,
});
const secondAttempts = new Map(
  (resultIn(values.again).testResults ?? [])
    .filter(({ status, assertionResults }) => status === 'passed' && assertionResults.length > 0)
    .map((file) => [file.name, file]),
);

let passed = 0;
let failed = 0;
for (const argument of positionals) {
  const [file, status] = argument.split('=');
  const result = resultIn(file);
  const files = failedFiles(result);
  const isMended = files.length > 0 && files.every(({ name }) => secondAttempts.has(name));
  for (const test of files.flatMap(failedTests)) {
    process.stdout.write(`${isMended ? 'passed at the second attempt only' : 'failed'}: ${test}\n`);
  }
  const counts = isMended ? mended(result, files) : result;
  const succeeded =
    status === (isMended ? '1' : '0') && counts.success === true && counts.numPassedTests > 0;
  const bad =
    (counts.numFailedTests ?? 0) +
    (counts.numRuntimeErrorTestSuites ?? 0) +
    (counts.numPendingTests ?? 0) +
    (counts.numTodoTests ?? 0);
  passed += counts.numPassedTests ?? 0;
  failed += succeeded ? bad : Math.max(bad, 1);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** A result as if the second attempt at these files had been the first. */
function mended(result, files) {
  let { numPassedTests } = result;
  for (const file of files) {
    numPassedTests += passedIn(secondAttempts.get(file.name)) - passedIn(file);
  }
  return {
    ...result,
    success: true,
    numPassedTests,
    numFailedTests: 0,
    numRuntimeErrorTestSuites: 0,
  };
}

/** The tests of a file that failed, with its name. */
function failedTests({ name, assertionResults }) {
  const failed = assertionResults.filter(({ status }) => status === 'failed');
  const titles = failed.map(({ fullName }) => fullName);
  return (titles.length > 0 ? titles : ['could not be loaded']).map((title) => `${name}: ${title}`);
}

function passedIn({ assertionResults }) {
  return assertionResults.filter(({ status }) => status === 'passed').length;
}
