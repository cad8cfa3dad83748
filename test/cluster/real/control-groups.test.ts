import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processesIn } from './control-groups.ts';

describe('a control group', () => {
  it('has the processes that its file names and that live', () => {
    const group = mkdtempSync(join(tmpdir(), 'control-group-'));
    writeFileSync(join(group, 'cgroup.procs'), `${process.pid}\n`);
    expect(processesIn(group).map(({ pid }) => pid)).toEqual([process.pid]);
    rmSync(group, { recursive: true });
    expect(processesIn(group)).toEqual([]);
  });

  it('that cannot be read is none that is gone', () => {
    expect(() => processesIn(`${process.execPath}/nothing`)).toThrow('ENOTDIR');
  });
});
