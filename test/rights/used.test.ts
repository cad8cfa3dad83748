import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../src/kube/objects.ts';
import type { AuditedRequest } from '../cluster/real/audit-log.ts';
import { isOfOperator, isOfPuller, keepExcerpt, keptRequests } from './excerpts.ts';
import { type Grant, grantsIn, textOf, without } from './grants.ts';
import { type Difference, difference } from './used.ts';

const role: KubeObject = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'ours' },
  rules: [
    { apiGroups: ['apps'], resources: ['daemonsets'], verbs: ['create', 'patch'] },
    { apiGroups: [''], resources: ['pods', 'pods/status'], verbs: ['list'] },
    { apiGroups: ['x'], resources: ['leases'], resourceNames: ['a', 'b'], verbs: ['get'] },
  ],
};
const binding = { ...role, kind: 'ClusterRoleBinding', metadata: { name: 'ours-binding' } };
const granted = [{ role, binding }];

/** A request that our binding allowed. */
const aRequest = (request: Partial<AuditedRequest>): AuditedRequest => ({
  user: 'system:serviceaccount:a:b',
  path: '',
  userAgent: '',
  pod: '',
  verb: 'get',
  resource: '',
  group: '',
  subresource: '',
  namespace: 'n',
  name: '',
  reason: `RBAC: allowed by ClusterRoleBinding "ours-binding" of ClusterRole "ours" to ServiceAccount "b/a"`,
  code: 200,
  at: '2026-01-01T00:00:00.000000Z',
  answeredAt: '2026-01-01T00:00:00.010000Z',
  ...request,
});

const list = aRequest({ verb: 'list', resource: 'pods' });
const listStatus = aRequest({ verb: 'list', resource: 'pods', subresource: 'status' });
const created = aRequest({
  verb: 'patch',
  resource: 'daemonsets',
  group: 'apps',
  name: 'd',
  code: 201,
});
const lease = aRequest({ resource: 'leases', group: 'x', name: 'a' });
const other = { ...lease, name: 'b' };
const everything = [list, listStatus, created, lease, other];

const none: Difference = { unused: [], ungranted: [], foreign: [], refused: [], byPullers: [] };
const noExceptions = { shownByNone: [], everybodysBindings: [] };
const differenceOf = (requests: readonly AuditedRequest[]) =>
  difference(granted, requests, noExceptions);

describe('the rights that were used', () => {
  it('are those that were granted, where nothing is left over', () => {
    expect(differenceOf(everything)).toEqual(none);
  });

  it.each<[string, AuditedRequest, readonly string[]]>([
    ['a list', list, ['ours: list pods']],
    ['a subresource', listStatus, ['ours: list pods/status']],
    ['one of two names', other, ['ours: get leases.x/b']],
    ['an apply', created, ['ours: create daemonsets.apps', 'ours: patch daemonsets.apps']],
  ])('are fewer without %s', (_what, request, unused) => {
    const others = everything.filter((each) => each !== request);
    expect(differenceOf(others)).toEqual({ ...none, unused });
  });

  it('do not hold the creation where an apply only changed something', () => {
    const changed = { ...created, code: 200 };
    const requests = everything.map((each) => (each === created ? changed : each));
    expect(differenceOf(requests).unused).toEqual(['ours: create daemonsets.apps']);
  });

  it('are more than those that were granted, where the binding gave another role', () => {
    const more = aRequest({ verb: 'delete', resource: 'pods', name: 'p' });
    expect(differenceOf([...everything, more])).toEqual({ ...none, ungranted: ['delete pods/p'] });
  });

  it('are not those that another binding allowed, which is told as well', () => {
    const reason = 'RBAC: allowed by RoleBinding "theirs/n" of Role "ours" to Group "g"';
    const requests = everything.map((each) => (each === list ? { ...each, reason } : each));
    expect(differenceOf(requests)).toEqual({
      ...none,
      unused: ['ours: list pods'],
      foreign: ['list pods by theirs'],
    });
  });

  it('are found in a namespace by the name of the binding alone', () => {
    const reason = 'RBAC: allowed by RoleBinding "ours-binding/n" of Role "ours" to Group "g"';
    expect(differenceOf(everything.map((each) => ({ ...each, reason })))).toEqual(none);
  });

  it('are others too where something was allowed that no binding is named for', () => {
    const requests = [...everything, aRequest({ resource: 'nodes', name: 'a', reason: '' })];
    expect(differenceOf(requests)).toEqual({ ...none, foreign: ['get nodes/a by none'] });
  });

  it('do not hold what every account may ask, where that is said', () => {
    const reason =
      'RBAC: allowed by ClusterRoleBinding "discovery" of ClusterRole "d" to Group "g"';
    const requests = [...everything, aRequest({ path: '/version', reason })];
    expect(differenceOf(requests)).toEqual({ ...none, foreign: ['get /version by discovery'] });
    const exceptions = { shownByNone: [], everybodysBindings: ['discovery'] };
    expect(difference(granted, requests, exceptions)).toEqual(none);
  });

  it('are fewer than those that were asked for, where one was refused that nobody granted', () => {
    const refused = aRequest({ resource: 'secrets', name: 's', code: 403, reason: '' });
    expect(differenceOf([...everything, refused])).toEqual({ ...none, refused: ['get secrets/s'] });
  });

  it('are no fewer where one was refused that is granted: it was not there at that time', () => {
    expect(differenceOf([...everything, { ...list, code: 403, reason: '' }])).toEqual(none);
  });

  it('were used where admission refused what was allowed', () => {
    const requests = everything.map((each) => (each === list ? { ...each, code: 403 } : each));
    expect(differenceOf(requests)).toEqual(none);
  });

  it('are none of a puller, whatever it is answered', () => {
    const user = 'system:serviceaccount:n:k8s-image-puller';
    for (const code of [200, 403]) {
      const asked = aRequest({ user, resource: 'configmaps', name: 'report', code, reason: '' });
      expect(differenceOf([...everything, asked])).toEqual({
        ...none,
        byPullers: ['get configmaps/report'],
      });
    }
  });

  it('need not be shown where it is said that no request shows them', () => {
    const others = everything.filter((each) => each !== list);
    const exceptions = { ...noExceptions, shownByNone: ['list pods'] };
    expect(difference(granted, others, exceptions)).toEqual(none);
  });
});

describe('a role', () => {
  it('is taken apart into its grants', () => {
    expect(grantsIn(role).map(textOf)).toEqual([
      'create daemonsets.apps',
      'patch daemonsets.apps',
      'list pods',
      'list pods/status',
      'get leases.x/a',
      'get leases.x/b',
    ]);
  });

  it.each(grantsIn(role).map((grant) => [textOf(grant), grant] as const))(
    'has all but one when it is taken away: %s',
    (text, grant: Grant) => {
      const left = grantsIn(without(role, grant)).map(textOf);
      expect(left).toEqual(
        grantsIn(role)
          .map(textOf)
          .filter((other) => other !== text),
      );
    },
  );
});

describe('excerpts of audit logs', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'excerpts-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('of several files are read together', () => {
    keepExcerpt(folder, [list]);
    keepExcerpt(folder, [created, listStatus]);
    expect(keptRequests(folder)).toHaveLength(3);
    expect(keptRequests(folder)).toEqual(expect.arrayContaining([list, created, listStatus]));
  });

  it('are none where there is no folder', () => {
    expect(keptRequests(join(folder, 'missing'))).toEqual([]);
  });

  it('hold what the operator asked itself, and not what others ask with its token', () => {
    const userAgent = 'kubernetes-image-puller-operator/2.0.0';
    expect(isOfOperator(aRequest({ userAgent }))).toBe(true);
    expect(isOfOperator(aRequest({ userAgent: 'kubectl/v1.36.3' }))).toBe(false);
    expect(isOfOperator(aRequest({ userAgent, user: 'admin' }))).toBe(false);
  });

  it.each([
    ['k8s-image-puller', true],
    ['cache-image-puller', true],
    ['default', false],
    ['kubernetes-image-puller-operator-sa', false],
  ])('hold what pullers asked, who are known by their accounts: %s %s', (account, isSo) => {
    const user = `system:serviceaccount:n:${account}`;
    expect(isOfPuller(aRequest({ user, userAgent: 'curl/8' }))).toBe(isSo);
  });
});
