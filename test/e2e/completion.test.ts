import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { completion } from '../../src/cli/completion.ts';
import { output } from '../cluster/real/command.ts';
import { startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { tool } from '../cluster/real/tools.ts';

const program = 'kubectl-image_puller';
const report = (line: string) => process.stderr.write(`${line}\n`);
let folder: string;

/** A program in the PATH that answers as given, and writes down what it is asked. */
function answering(answer: string): void {
  const fake = join(folder, program);
  writeFileSync(fake, `#!/bin/sh\nprintf '%s\\n' "$@" >'${fake}.asked'\nprintf '${answer}'\n`);
  chmodSync(fake, 0o755);
}

function asked(): readonly string[] {
  return readFileSync(join(folder, `${program}.asked`), 'utf8')
    .split('\n')
    .slice(0, -1);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'completion-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function environment(): Readonly<Record<string, string>> {
  return { PATH: `${folder}:${process.env['PATH']}`, HOME: folder };
}

const twoNames = 'first\\tone: of two\\nsecond\\n:4\\n';

describe('fish', () => {
  let fish: string;
  beforeAll(async () => {
    fish = await tool('fish', report);
  }, startTimeoutMs);

  const offered = async (line: string) => {
    const script = `${completion(['fish'])}\ncomplete -C '${line}'`;
    const lines = await output([join(fish, 'fish'), '--no-config', '-c', script], {
      cwd: folder,
      environment: { ...environment(), LD_LIBRARY_PATH: fish },
    });
    return lines.split('\n').filter((each) => each !== '');
  };

  it('asks the program for the words so far, and offers its answer', async () => {
    answering(twoNames);
    expect(await offered(`${program} status -n `)).toEqual(['first\tone: of two', 'second']);
    expect(asked()).toEqual(['__complete', 'status', '-n', '']);
  });

  it('offers nothing where the program knows nothing', async () => {
    answering(':4\\n');
    expect(await offered(`${program} status x`)).toEqual([]);
  });
});

describe('zsh', () => {
  let zsh: string;
  beforeAll(async () => {
    zsh = await tool('zsh', report);
  }, startTimeoutMs);

  /** Calls the function as the shell's completion does, whose own functions print what they get. */
  const offered = async (...words: readonly string[]) => {
    const script = `
      compdef() { print -r -- "registered $*" }
      _describe() { print -rl -- "\${(P@)4}" }
      _files() { print files }
      ${completion(['zsh'])}
      words=(${[program, ...words].map((word) => `'${word}'`).join(' ')})
      CURRENT=${words.length + 1}
      _kubectl_image_puller`;
    const lines = await output([join(zsh, 'zsh'), '-f', '-c', script], {
      cwd: folder,
      environment: environment(),
    });
    const [registered, ...candidates] = lines.trimEnd().split('\n');
    expect(registered).toBe(`registered _kubectl_image_puller ${program}`);
    return candidates;
  };

  it('asks the program for the words so far, and offers its answer', async () => {
    answering(twoNames);
    expect(await offered('status', '-n', '')).toEqual(['first:one\\: of two', 'second']);
    expect(asked()).toEqual(['__complete', 'status', '-n', '']);
  });

  it('offers files where the program says so', async () => {
    answering(':0\\n');
    expect(await offered('status', '--kubeconfig', '')).toEqual(['files']);
  });
});
