import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeExit } from '../src/process.ts';

const program = (name: string) => fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url));

/** Runs a program to its end. */
function runCode(code: string) {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', code],
    { encoding: 'utf8', timeout: 15_000 },
  );
  return { status, stdout };
}

/** Runs a program that waits for its end, after something has happened to it. */
function run(event: string) {
  return runCode(`
    import { createLog } from '${program('log')}';
    import { aborted, endOfProcess } from '${program('process')}';
    const log = createLog({ level: 'info', format: 'json', stream: process.stdout });
    const signal = endOfProcess(log);
    const alive = setInterval(() => {}, 1000);
    ${event};
    await aborted(signal);
    clearInterval(alive);
    log.info('in order');
  `);
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

describe('what is to be done before a process exits', () => {
  it.each([
    ['comes to its end', ''],
    ['exits by itself', 'process.exit();'],
    ['fails', "throw new Error('lost');"],
  ])('is done where the process %s, but for what was called off', (_how, end) => {
    const { stdout } = runCode(`
      import { beforeExit } from '${program('process')}';
      beforeExit(() => process.stdout.write('one '));
      const callOff = beforeExit(() => process.stdout.write('two '));
      beforeExit(() => process.stdout.write('three'));
      callOff();
      ${end}
    `);
    expect(stdout).toBe('one three');
  });

  it('has one listener however much it is, and none where nothing is left', () => {
    const calledOff = Array.from({ length: 20 }, () => beforeExit(() => {}));
    expect(process.listenerCount('exit')).toBe(1);
    for (const callOff of calledOff) callOff();
    expect(process.listenerCount('exit')).toBe(0);
  });
});
