// Adds up jest's results, given as FILE=EXIT_STATUS, and prints the closing line of CI. A suite that did
// not load, a test that did not run, and a step that failed or was cut short without saying which are
// failures too. With --again FILE, the results of a second attempt at some files, a test that failed counts as
// it went there; which ones these were is said above the closing line, and which tests failed.
import { parseArgs } from 'node:util';
import { failedFiles, resultIn } from './results.mjs';

const { values, positionals } = parseArgs({
  options: { again: { type: 'string', default: '' } },
  allowPositionals: true,
});
const secondAttempts = new Map(
  (resultIn(values.again).testResults ?? []).map((file) => [file.name, file]),
);

let passed = 0;
let failed = 0;
for (const argument of positionals) {
  const [file, status] = argument.split('=');
  const result = resultIn(file);
  const files = failedFiles(result);
  const isMended = files.length > 0 && files.every(isMadeUpFor);
  for (const test of files.flatMap(toldFailures)) {
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

/** Claims that what failed of a file passed at the second attempt; of one that tells no test, all of it. */
function isMadeUpFor(file) {
  const again = secondAttempts.get(file.name);
  if (again === undefined || passedIn(again).length === 0) return false;
  const failed = failedIn(file);
  if (failed.length === 0) return again.status === 'passed';
  const passedAgain = new Set(passedIn(again));
  return failed.every((title) => passedAgain.has(title));
}

/** A result as if what failed of these files had gone as it did at the second attempt. */
function mended(result, files) {
  let { numPassedTests } = result;
  for (const file of files) {
    const failed = failedIn(file).length;
    const again = passedIn(secondAttempts.get(file.name)).length;
    numPassedTests += failed > 0 ? failed : again - passedIn(file).length;
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
function toldFailures(file) {
  const titles = failedIn(file);
  const told = titles.length > 0 ? titles : ['could not be loaded, or not be brought to an end'];
  return told.map((title) => `${file.name}: ${title}`);
}

function failedIn(file) {
  return titlesOf(file, 'failed');
}

function passedIn(file) {
  return titlesOf(file, 'passed');
}

function titlesOf({ assertionResults }, outcome) {
  return assertionResults
    .filter(({ status }) => status === outcome)
    .map(({ fullName }) => fullName);
}
