import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const file = join(import.meta.dirname, '../../../src/cli/demo/kubeconfig-file.ts');

const temporary = mkdtempSync(join(tmpdir(), 'kubeconfig-file-test-'));
afterAll(() => rmSync(temporary, { recursive: true }));

/** Runs a program that has written a kubeconfig, and returns where. */
function run(code: string): string {
  const program = `
    import { kubeconfigFile } from '${file}';
    const file = kubeconfigFile('text');
    process.stdout.write(file.path);
    ${code}`;
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript'];
  const env = { TMPDIR: temporary };
  return spawnSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8', env }).stdout;
}

const killed = "process.kill(process.pid, 'SIGKILL');";

describe('the kubeconfig of a demo', () => {
  it.each([
    ['ends', ''],
    ['exits', 'process.exit(1);'],
    ['has no more use for it', "file.remove(); process.kill(process.pid, 'SIGKILL');"],
  ])('is gone with its folder when the demo %s', (_how, code) => {
    expect(run(code)).toMatch(/kubeconfig$/);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('is removed by the next one where the demo was killed', () => {
    expect(existsSync(run(killed))).toBe(true);
    run('');
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('stays while its demo lives, as does what is none', () => {
    const folders = [`image-puller-demo-${process.pid}-living`, 'image-puller-demo-notes'];
    for (const folder of folders) mkdirSync(join(temporary, folder));
    run('');
    expect(readdirSync(temporary).toSorted()).toEqual(folders.toSorted());
  });
});
