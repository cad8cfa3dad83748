import { existsSync, readFileSync } from 'node:fs';
import { generatedFiles } from '../src/generate.ts';

describe('generated files', () => {
  it.each(generatedFiles())('are fresh: $path', ({ path, text }) => {
    const file = new URL(`../${path}`, import.meta.url);
    const stored = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (stored !== text) throw new Error(`${path} is out of date: run \`npm run generate\``);
  });
});
