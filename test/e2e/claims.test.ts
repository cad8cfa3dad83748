import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Claims } from '../cluster/real/claims.ts';
import { processRecord } from '../cluster/real/processes.ts';

describe('the claim on a cluster', () => {
  let folder: string;
  let claims: Claims;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'claims-'));
    claims = new Claims('it', folder);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const links = () => readdirSync(folder);

  /** What a process has left that ended with its claim. */
  function leaveClaim(pid: number, startTime: string, filesIn: string): void {
    symlinkSync(filesIn, join(folder, `${pid}-${startTime}`));
  }

  async function whileAnotherHasIt(run: (pid: number) => void): Promise<void> {
    const other = spawn('sleep', ['60']);
    await once(other, 'spawn');
    try {
      const record = processRecord(other.pid ?? 0);
      leaveClaim(other.pid ?? 0, record?.startTime ?? '', '/other/cache');
      run(other.pid ?? 0);
    } finally {
      other.kill('SIGKILL');
      await once(other, 'exit');
    }
  }

  it('is one, however often its process takes it', () => {
    claims.take('/cache');
    claims.take('/cache');
    expect(links()).toHaveLength(1);
    expect(claims.folders).toEqual(['/cache']);
  });

  it('is refused while another process has it, from whichever cache', async () => {
    await whileAnotherHasIt((pid) => {
      expect(() => claims.take('/cache')).toThrow(`the cluster "it" is in use by process ${pid}`);
      expect(claims.folders).toEqual(['/other/cache']);
    });
  });

  it('is given to one of many at most', async () => {
    const claim = `
      import { Claims } from '${new URL('../cluster/real/claims.ts', import.meta.url)}';
      try {
        new Claims('it', '${folder}').take('/cache');
        console.log('has it');
      } catch ({ message }) {
        console.log(message);
      }
      process.stdin.resume(); // lives until all have tried
    `;
    const rivals = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '--eval', claim], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    const said = await Promise.all(
      rivals.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim()),
    );
    await Promise.all(
      rivals.map(async (rival) => {
        rival.stdin.end();
        await once(rival, 'exit');
      }),
    );
    const refused = said.filter((line) => line !== 'has it');
    expect(refused.length).toBeGreaterThanOrEqual(5);
    for (const line of refused) expect(line).toMatch(/^the cluster "it" is in use by process \d+$/);
  });

  it('ends with its process, and tells where that one left something', async () => {
    await whileAnotherHasIt(() => {});
    claims.take('/cache');
    expect(new Set(claims.folders)).toEqual(new Set(['/cache', '/other/cache']));
    claims.release();
    expect(links()).toEqual([]);
  });

  it('is not taken for that of an earlier process with the same pid', () => {
    leaveClaim(process.pid, '1', '/other/cache');
    claims.take('/cache');
    expect(new Set(claims.folders)).toEqual(new Set(['/cache', '/other/cache']));
  });

  it('leaves those of others alone when it is withdrawn', () => {
    leaveClaim(process.pid, '1', '/other/cache');
    claims.take('/cache');
    claims.withdraw();
    expect(claims.folders).toEqual(['/other/cache']);
  });

  it('is not kept from anybody by what is no claim', () => {
    writeFileSync(join(folder, 'owner.json'), '{"pid":');
    writeFileSync(join(folder, `${process.ppid}-1`), '');
    claims.take('/cache');
    expect(claims.folders).toEqual(['/cache']);
  });

  it('has none where nobody ever took it', () => {
    expect(new Claims('another', join(folder, 'another')).folders).toEqual([]);
  });
});
