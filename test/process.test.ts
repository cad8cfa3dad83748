import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = (name: string) => fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url));

/** Runs a program that waits for its end, after something has happened to it. */
function run(event: string) {
  const code = `
    import { createLog } from '${program('log')}';
    import { aborted, endOfProcess } from '${program('process')}';
    const log = createLog({ level: 'info', format: 'json', stream: process.stdout });
    const signal = endOfProcess(log);
    const alive = setInterval(() => {}, 1000);
    ${event};
    await aborted(signal);
    clearInterval(alive);
    log.info('in order');
  `;
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', code],
    { encoding: 'utf8', timeout: 15_000 },
  );
  return { status, stdout };
}

describe('the end of the process', () => {
  it.each(['SIGTERM', 'SIGINT'])('comes in order, with code 0, by %s', (signal) => {
    const { status, stdout } = run(`process.kill(process.pid, '${signal}')`);
    expect(stdout).toContain('in order');
    expect(status).toBe(0);
  });

  it.each([
    ['a rejection', "Promise.reject(new Error('lost'))"],
    ['an exception', "setTimeout(() => { throw new Error('lost') }, 1)"],
  ])(
    'comes in order too, with code 1 and a line that tells it, by %s that nobody handled',
    (_what, event) => {
      const { status, stdout } = run(event);
      expect(stdout).toContain('lost');
      expect(stdout).toContain('in order');
      expect(status).toBe(1);
    },
  );
});
