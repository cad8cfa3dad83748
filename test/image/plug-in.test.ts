import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundle } from '../../.ci/image/bundle.ts';
import { version } from '../../src/release.ts';
import { run } from './program.ts';

const project = join(import.meta.dirname, '../..');
// A plug-in starts by `#!/usr/bin/env node`, with the Node that the PATH has.
const env = { PATH: dirname(process.execPath) };
const file = 'dist/kubectl-image_puller.js';

let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'plug-in-'));
  mkdirSync(join(directory, 'dist'));
  writeFileSync(join(directory, file), (await bundle()).code, { mode: 0o755 });
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('the kubectl plug-in', () => {
  let command: string;

  // As kubectl finds it: npm puts a link into the PATH, others a copy.
  beforeEach(() => {
    command = join(directory, 'kubectl-image_puller');
  });

  afterEach(() => {
    rmSync(command);
  });

  it.each([
    ['a link', symlinkSync],
    ['a copy', copyFileSync],
  ])('runs by %s of the bundle, and is called as kubectl calls it', async (_, put) => {
    put(join(directory, file), command);
    expect(await run({ command: [command, 'version'], env })).toEqual({
      code: 0,
      output: `${version}\n`,
      errors: '',
    });
    const { output } = await run({ command: [command, '--help'], env });
    expect(output).toMatch(/^Usage: kubectl image-puller COMMAND\n/);
    expect(output).not.toContain('demo');
    const commands = [...output.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
    expect(commands).toEqual(['status', 'render', 'completion', 'version', 'operator', 'puller']);
  });

  it('says which Node it needs where the PATH has an older one', async () => {
    copyFileSync(join(directory, file), command);
    const older = `
      const versions = { ...process.versions, node: '22.1.0' };
      Object.defineProperty(process, 'versions', { value: versions });`;
    const asOlder = ['--import', `data:text/javascript,${encodeURIComponent(older)}`];
    expect(await run({ command: [process.execPath, ...asOlder, command, 'version'] })).toEqual({
      code: 1,
      output: '',
      errors: 'Node 22.1.0 is too old: this program needs Node 24.9 or newer\n',
    });
  });
});

describe('what kubectl asks how to complete the plug-in', () => {
  it('is the bundle by another name, in the PATH by the npm package', async () => {
    const { bin } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
    expect(bin['kubectl_complete-image_puller']).toBe(bin['kubectl-image_puller']);
    const command = join(directory, 'kubectl_complete-image_puller');
    symlinkSync(join(directory, file), command);
    const { output } = await run({ command: [command, 'status', '-o', ''], env });
    expect(output).toBe('json\ntable\nwide\nyaml\n:4\n');
  });
});

describe('the sources', () => {
  it('are called by their own name, and offer the demo', async () => {
    const main = join(project, 'src/main.ts');
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', main, '--help'];
    const { output } = await run({ command });
    expect(output).toMatch(/^Usage: kubernetes-image-puller-operator COMMAND\n/);
    expect(output).toMatch(/^ {2}demo /m);
  });
});

describe('the npm package', () => {
  it('holds the plug-in and no sources', async () => {
    for (const path of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'src/main.ts']) {
      cpSync(join(project, path), join(directory, path));
    }
    const { output } = await run({
      command: ['npm', 'pack', '--dry-run', '--ignore-scripts', '--json', directory],
      env: {
        PATH: process.env['PATH'] ?? '',
        npm_config_cache: join(directory, 'npm'),
        npm_config_update_notifier: 'false',
      },
    });
    const [{ files }] = JSON.parse(output);
    expect(files.map(({ path }: { path: string }) => path).sort()).toEqual([
      'LICENSE',
      'README.md',
      file,
      'package.json',
    ]);
  });
});
