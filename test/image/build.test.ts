import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ending, run } from './program.ts';

const program = join(import.meta.dirname, '../../.ci/image/build.ts');
const builder = `registry.example/node@sha256:${'a'.repeat(64)}`;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'build-'));
  mkdirSync(join(directory, 'bin'));
  mkdirSync(join(directory, 'tmp'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Runs `npm run image -- ARGUMENTS` on a machine that has the given programs. */
function build(...args: readonly string[]): Promise<Ending> {
  return run({
    command: [process.execPath, '--disable-warning=ExperimentalWarning', program, ...args],
    env: {
      PATH: join(directory, 'bin'),
      TMPDIR: join(directory, 'tmp'),
      XDG_CACHE_HOME: join(directory, 'cache'),
      // No way out: nothing listens there.
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: 'http://127.0.0.1:1',
    },
  });
}

function install(name: string, script: string): void {
  const path = join(directory, 'bin', name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** A container engine that answers, and notes what it is asked to build. */
function installEngine(name: string): void {
  install(name, `[ "$1" = info ] || printf '%s\\n' "$@" > '${join(directory, name)}'`);
}

function builtBy(name: string): readonly string[] {
  return readFileSync(join(directory, name), 'utf8').trim().split('\n');
}

const sentence = /^[^\n]+\n$/;

describe('the command that builds images', () => {
  it('tells how it is called, and what it builds where no target is named', async () => {
    const { code, output, errors } = await build('--help');
    expect([code, errors]).toEqual([0, '']);
    expect(output).toMatch(
      /^Usage: npm run image -- .*\n.*\n\n.*the operator's, or that of --target/,
    );
  });

  it.each([
    ['no output', [], 'no output is named'],
    ['an unknown option', ['--image', 'x'], "Unknown option '--image'"],
    ['an option without its value', ['--tag'], "Option '--tag <value>' argument missing"],
    ['an unknown target', ['--target', 'x', '--root', 'y'], 'there is no target x'],
  ])('ends with 2, the mistake and the usage for %s', async (_, args, mistake) => {
    const { code, output, errors } = await build(...args);
    expect([code, output]).toEqual([2, '']);
    expect(errors.split('\n').slice(0, 3)).toEqual([
      mistake,
      '',
      expect.stringMatching('Usage: npm run image'),
    ]);
  });

  it('ends with 2 and a sentence for a registry that it cannot read', async () => {
    const { code, errors } = await build('--push', 'x');
    expect([code, errors]).toEqual([2, '--push needs HOST[:PORT]/REPOSITORY:TAG, not x\n']);
  });

  it.each([
    ['--root', 'a directory with something in it', 'bin/..'],
    ['--oci', 'a directory with something in it', 'bin/..'],
    ['--root', 'a file', 'file'],
    ['--bundle', 'a directory', 'bin'],
    ['--bundle', 'a path below a file', 'file/x'],
  ])('ends with 1 and a sentence where %s names %s', async (option, _, path) => {
    writeFileSync(join(directory, 'file'), '');
    const { code, errors } = await build(option, join(directory, path));
    expect([code, errors]).toEqual([1, expect.stringMatching(sentence)]);
  });

  it('ends with 1 and a sentence where a package cannot be had, and leaves nothing behind', async () => {
    install('apt-get', 'echo "E: no such luck" >&2; exit 100');
    const { code, errors } = await build('--target', 'sleeper', '--root', join(directory, 'root'));
    expect([code, errors]).toEqual([1, expect.stringMatching(sentence)]);
    expect(errors).toMatch(
      /^busybox-static \S+ of .*: E: no such luck; .* cannot be read \(.*ECONNREFUSED.*--renew-pins/,
    );
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
    expect(existsSync(join(directory, 'root'))).toBe(false);
  });
});

describe('an image by --tag', () => {
  it('is built for linux/amd64, in the image that --builder names', async () => {
    installEngine('docker');
    const { code, errors } = await build('--tag', 'x:1', '--builder', builder);
    expect([code, errors]).toEqual([0, '']);
    expect(builtBy('docker')).toEqual([
      'build',
      '--platform=linux/amd64',
      '--target=operator',
      '--tag=x:1',
      `--build-arg=BUILDER=${builder}`,
      join(import.meta.dirname, '../..'),
    ]);
  });

  it.each([[[]], [['--builder', 'registry.example/node:24']]])(
    'comes with a warning where the image that it is built in is not pinned: %j',
    async (more) => {
      installEngine('docker');
      const { code, errors } = await build('--target', 'sleeper', '--tag', 'x:1', ...more);
      expect([code, errors]).toEqual([0, expect.stringMatching(/^.* is not pinned: .*\n$/)]);
      expect(builtBy('docker')).toContain('--target=sleeper');
    },
  );

  it('is built by the first engine that answers', async () => {
    install('docker', 'echo "Is the docker daemon running?" >&2; exit 1');
    installEngine('buildah');
    expect((await build('--tag', 'x:1', '--builder', builder)).code).toBe(0);
    expect(builtBy('buildah')).toContain('--tag=x:1');
  });

  it('is refused where no engine answers, in the words of each', async () => {
    install('docker', 'echo "Is the docker daemon running?" >&2; exit 1');
    install('podman', 'printf "no\\nluck\\n" >&2; exit 125');
    expect(await build('--tag', 'x:1')).toEqual({
      code: 1,
      output: '',
      errors:
        'docker does not answer (Is the docker daemon running?) and podman does not answer (no luck): ' +
        '--tag needs one of them, --oci and --push do not\n',
    });
  });

  it('is refused where there is no engine', async () => {
    const { code, errors } = await build('--tag', 'x:1');
    expect([code, errors]).toEqual([
      1,
      'there is no docker, podman or buildah here: --tag needs one of them, --oci and --push do not\n',
    ]);
  });

  it('is not there where the engine cannot build it', async () => {
    install('podman', '[ "$1" = info ] || { echo "its words" >&2; exit 3; }');
    const { code, errors } = await build('--tag', 'x:1');
    expect([code, errors]).toEqual([
      1,
      'its words\npodman could not build it: see its words above\n',
    ]);
  });
});
