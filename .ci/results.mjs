// What jest wrote with --json.
import { existsSync, readFileSync } from 'node:fs';

/** Nothing where there is no file, or its text is no result: jest was ended while it wrote. */
export function resultIn(file) {
  try {
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) ?? {}) : {};
  } catch {
    return {};
  }
}

/** The results of the files of tests in which something failed, also if that was their loading. */
export function failedFiles(result) {
  return (result.testResults ?? []).filter(({ status }) => status === 'failed');
}
