import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  end,
  isAlive,
  Processes,
  processesRunning,
  processRecord,
} from '../cluster/real/processes.ts';
import { until } from '../cluster/real/wait.ts';

describe('the processes of a cluster', () => {
  let folder: string;
  let processes: Processes;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'processes-'));
    processes = new Processes({ run: folder, log: folder });
  });

  afterEach(async () => {
    await processes.stop('it', 0);
    rmSync(folder, { recursive: true });
  });

  it('are found again by another process that knows only the folder', async () => {
    await processes.start('it', ['sleep', '60']);
    expect(new Processes({ run: folder, log: folder }).find('it')).toEqual(processes.find('it'));
  });

  it('are started once', async () => {
    await processes.start('it', ['sleep', '60']);
    const first = processes.find('it');
    await processes.start('it', ['sleep', '60']);
    expect(processes.find('it')).toEqual(first);
  });

  it('write to their log', async () => {
    await processes.start('it', ['sh', '-c', 'echo out; echo err >&2; sleep 60']);
    const log = () => readFileSync(processes.logFile('it'), 'utf8');
    await until('both lines', () => log() === 'out\nerr\n', 20_000);
  });

  it('are killed where they do not end by themselves', async () => {
    await processes.start('it', [
      'sh',
      '-c',
      'trap "" TERM; echo ready; while :; do sleep 60; done',
    ]);
    await until('the trap', () => readFileSync(processes.logFile('it'), 'utf8') !== '', 20_000);
    const record = processes.find('it');
    await processes.stop('it', 100);
    expect(record && isAlive(record)).toBe(false);
    expect(processes.find('it')).toBeUndefined();
  });

  it('are not taken for another process that got their pid', async () => {
    const self = processRecord(process.pid);
    expect(self && isAlive(self)).toBe(true);
    const earlier = { pid: process.pid, startTime: '1' };
    expect(isAlive(earlier)).toBe(false);
    await end([earlier], 0); // would end this test
  });

  it('reject what cannot be started', async () => {
    await expect(processes.start('it', ['/no/such/program'])).rejects.toThrow('ENOENT');
  });

  it('are found by their command line', async () => {
    await processes.start('it', ['sleep', '61.5']);
    expect(processesRunning((line) => line === 'sleep 61.5 ')).toEqual([processes.find('it')]);
  });
});
