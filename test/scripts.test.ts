import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};

/** The programs of ours that npm runs, as words for Node; those that end with a command take other words. */
function programs(): readonly (readonly [string, readonly string[]])[] {
  return Object.entries(scripts)
    .filter(([name]) => name !== 'test:e2e')
    .map(([name, line]) => [name, line.split(' ')] as const)
    .filter(([, words]) => words.some((word) => word.endsWith('.ts')))
    .map(([name, [, ...words]]) => [name, words]);
}

async function run(words: readonly string[]) {
  const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { status, stdout, stderr };
}

describe('the scripts of package.json', () => {
  it('are read', () => {
    expect(programs().map(([name]) => name)).toEqual(
      expect.arrayContaining(['bench', 'cluster', 'generate', 'start', 'soak']),
    );
  });

  it('install the packages first, but for what npm runs before them', () => {
    const others = Object.keys(scripts).filter(
      (name) => scripts[`pre${name}`] !== 'node .ci/install.mjs',
    );
    expect(others.filter((name) => scripts[name] !== 'node .ci/install.mjs')).toEqual(['prepack']);
    // npm runs it by itself, with nothing before.
    expect(scripts['prepack']).toMatch(/^npm run --silent image /);
  });

  it.each(programs())(
    'let npm run %s answer nonsense with a sentence and exit code 2',
    async (_name, words) => {
      const { status, stdout, stderr } = await run([...words, '--nonsense']);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^.*--nonsense/);
      expect(stderr).not.toMatch(/^ {4}at /m);
    },
    60_000,
  );
});
