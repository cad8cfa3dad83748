// Prints the files of tests that failed in jest's results, given as FILE..., where they are few enough to
// be the fault of a busy machine. Of a result that is not there nobody knows what failed.
import { failedFiles, resultIn } from './results.mjs';

const most = 5;

const results = process.argv.slice(2).map(resultIn);
const names = results.flatMap(failedFiles).map(({ name }) => name);
const isKnown = results.every(({ testResults }) => testResults !== undefined);
if (isKnown && names.length <= most)
  process.stdout.write(names.map((name) => `${name}\n`).join(''));
