import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditLog } from './audit-log.ts';

describe('the audit log', () => {
  let folder: string;
  let file: string;
  let log: AuditLog;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'audit-'));
    file = join(folder, 'audit.log');
    log = new AuditLog(file);
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('is empty before the server has written anything', async () => {
    expect(log.position()).toBe(0);
    expect(await log.requests()).toEqual([]);
  });

  it('tells who asked for what, and what the answer was', async () => {
    write({
      verb: 'patch',
      requestURI: '/apis/apps/v1/namespaces/n/daemonsets/d/status',
      user: { username: 'ann', extra: { 'authentication.kubernetes.io/pod-name': ['p'] } },
      objectRef: reference,
      responseStatus: { code: 200 },
      annotations: { 'authorization.k8s.io/reason': 'RBAC: allowed' },
    });
    expect(await log.requests()).toEqual([
      {
        user: 'ann',
        userAgent: '',
        pod: 'p',
        verb: 'patch',
        resource: 'daemonsets',
        path: '',
        group: 'apps',
        subresource: 'status',
        namespace: 'n',
        name: 'd',
        reason: 'RBAC: allowed',
        code: 200,
        at: '2026-01-01T00:00:00.000000Z',
        answeredAt: '2026-01-01T00:00:00.250000Z',
      },
    ]);
  });

  it('names the path of what is no resource', async () => {
    write({ verb: 'get', requestURI: '/version?timeout=5s', user: { username: 'ann' } });
    expect(await log.requests()).toEqual([
      expect.objectContaining({ verb: 'get', resource: '', path: '/version' }),
    ]);
  });

  it('names nobody where the token is of nobody', async () => {
    write({ verb: 'get', user: {}, responseStatus: { code: 401 } });
    expect(await log.requests()).toEqual([expect.objectContaining({ user: '', code: 401 })]);
  });

  it('gives the requests of one user since a position', async () => {
    write({ verb: 'get', user: { username: 'ann' } });
    const since = log.position();
    write({ verb: 'list', user: { username: 'ann' } });
    write({ verb: 'list', user: { username: 'bob' } });
    expect((await log.requests({ since, user: 'ann' })).map(({ verb }) => verb)).toEqual(['list']);
  });

  it('leaves out a line that is still being written', async () => {
    write({ verb: 'get', user: { username: 'ann' } });
    appendFileSync(file, '{"verb":"list","user":{"username":"ann"');
    expect(await log.requests()).toHaveLength(1);
  });

  it('takes a line that was being written at a position for an earlier one', async () => {
    const [begun, rest] = ['{"verb":"get","us', 'er":{"username":"ann"}}\n'];
    appendFileSync(file, begun);
    const since = log.position();
    appendFileSync(file, rest);
    write({ verb: 'list', user: { username: 'ann' } });
    expect((await log.requests({ since })).map(({ verb }) => verb)).toEqual(['list']);
  });

  const reference = {
    resource: 'daemonsets',
    apiGroup: 'apps',
    subresource: 'status',
    namespace: 'n',
    name: 'd',
  };

  function write(event: object): void {
    const requestReceivedTimestamp = '2026-01-01T00:00:00.000000Z';
    const stageTimestamp = '2026-01-01T00:00:00.250000Z';
    const times = { requestReceivedTimestamp, stageTimestamp };
    appendFileSync(file, `${JSON.stringify({ ...times, ...event })}\n`);
  }
});
