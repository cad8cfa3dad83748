import { readFileSync } from 'node:fs';
import * as release from '../src/release.ts';

it('is released under the version of package.json', () => {
  const packageJson = new URL('../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string };
  expect(release.version).toBe(version);
  expect(release.operatorImage).toMatch(new RegExp(`:${version}$`));
});
