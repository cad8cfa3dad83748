import { another, type Subject } from './subject.ts';

const server =
  "require('http').createServer((_, answer) => answer.end()).listen(Number(process.argv[1]), '127.0.0.1')";
const readyUrl = 'http://127.0.0.1:{port}/';

describe('another operator', () => {
  const started: Subject[] = [];

  afterEach(async () => {
    for (const subject of started.splice(0)) await subject.end('SIGKILL');
  });

  it('is a line for the shell with ports of its own for each process, and ends as a whole', async () => {
    const line = `cd / && FOO=1 '${process.execPath}' -e "${server}" {port}; true`;
    const launcher = another({ command: line, readyUrl, userAgent: '', child: 'daemonsets' });
    expect(launcher.alone).toBeUndefined();
    const both = [await launcher.launch('/none'), await launcher.launch('/none')];
    started.push(...both);
    for (const subject of both) await subject.ready();
    // More than a shell takes: the program below it counts.
    expect(both[0]?.memory('VmRSS')).toBeGreaterThan(20e6);
    await both[0]?.end('SIGTERM');
    // The other one has not been taken for it.
    await both[1]?.ready();
    await both[1]?.end('SIGTERM');
    expect(() => both[1]?.memory('VmRSS')).toThrow('the operator has ended');
  }, 60_000);

  it('runs alone where its ports are fixed', () => {
    const other = { command: './op', userAgent: '', child: 'daemonsets' } as const;
    expect(another({ ...other, readyUrl: 'http://127.0.0.1:8081/' }).alone).toContain('{port}');
  });
});
