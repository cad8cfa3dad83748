import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { toYaml } from '../src/cli/render.ts';

/**
 * Compares objects with a golden file, as YAML that a reviewer reads. `npm run golden` rewrites the
 * files; without it a missing file fails like a different one.
 */
export function expectGolden(file: string, objects: readonly object[]): void {
  const path = goldenPath(file);
  const actual = objects.map(toYaml).join('---\n');
  if (process.env['UPDATE_GOLDEN']) writeFileSync(path, actual);
  expect(existsSync(path) ? readFileSync(path, 'utf8') : '').toBe(actual);
}

/** Where a golden file lies. */
export function goldenPath(file: string): string {
  return fileURLToPath(new URL(`./manifests/golden/${file}`, import.meta.url));
}
