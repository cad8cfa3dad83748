import { readFileSync } from 'node:fs';
import { ConfigError } from '../src/errors.ts';
import { checkNode } from '../src/node-version.ts';

describe('the Node that runs the program', () => {
  it.each(['18.20.8', '20.9.0', '22.18.0', '24.8.9', '9.9.9'])(
    'is not %s, and the refusal says which one would be',
    (version) => {
      expect(() => checkNode(version)).toThrow(
        new ConfigError(`Node ${version} is too old: this program needs Node 24.9 or newer`),
      );
    },
  );

  it.each(['24.9.0', '24.10.0', '25.0.0', '100.0.0', process.versions.node])(
    'may be %s',
    (version) => {
      expect(() => checkNode(version)).not.toThrow();
    },
  );

  it('is the one that package.json asks for', () => {
    const packageJson = new URL('../package.json', import.meta.url);
    const { engines } = JSON.parse(readFileSync(packageJson, 'utf8'));
    expect(() => checkNode(engines.node.replace('>=', ''))).not.toThrow();
    expect(() => checkNode('24.8')).toThrow(`needs Node ${engines.node.replace('>=', '')} or`);
  });
});
