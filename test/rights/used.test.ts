import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../src/kube/objects.ts';
import type { AuditedRequest } from '../cluster/real/audit-log.ts';
import { isOfOperator, keepExcerpt, keptRequests } from './excerpts.ts';
import { type Grant, grantsIn, textOf, without } from './grants.ts';
import { difference } from './used.ts';

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

describe('the rights that were used', () => {
  it('are those that were granted, where nothing is left over', () => {
    expect(difference(granted, everything, [])).toEqual({ unused: [], ungranted: [] });
  });

  it.each<[string, AuditedRequest, readonly string[]]>([
    ['a list', list, ['ours: list pods']],
    ['a subresource', listStatus, ['ours: list pods/status']],
    ['one of two names', other, ['ours: get leases.x/b']],
    ['an apply', created, ['ours: create daemonsets.apps', 'ours: patch daemonsets.apps']],
  ])('are fewer without %s', (_what, request, unused) => {
    const others = everything.filter((each) => each !== request);
    expect(difference(granted, others, [])).toEqual({ unused, ungranted: [] });
  });

  it('do not hold the creation where an apply only changed something', () => {
    const changed = { ...created, code: 200 };
    const requests = everything.map((each) => (each === created ? changed : each));
    expect(difference(granted, requests, []).unused).toEqual(['ours: create daemonsets.apps']);
  });

  it('are more than those that were granted, where the binding gave another role', () => {
    const more = aRequest({ verb: 'delete', resource: 'pods', name: 'p' });
    expect(difference(granted, [...everything, more], []).ungranted).toEqual(['delete pods/p']);
  });

  it('are not those that another binding allowed', () => {
    const reason = 'RBAC: allowed by RoleBinding "ours-binding/n" of Role "ours" to Group "g"';
    const requests = everything.map((each) => (each === list ? { ...each, reason } : each));
    expect(difference(granted, requests, []).unused).toEqual(['ours: list pods']);
  });

  it('are found in a namespace by the name of the binding alone', () => {
    const inNamespace = [{ role, binding: { ...binding, kind: 'RoleBinding' } }];
    const reason = 'RBAC: allowed by RoleBinding "ours-binding/n" of Role "ours" to Group "g"';
    const requests = everything.map((each) => ({ ...each, reason }));
    expect(difference(inNamespace, requests, [])).toEqual({ unused: [], ungranted: [] });
  });

  it('need not be shown where it is said that no request shows them', () => {
    const others = everything.filter((each) => each !== list);
    expect(difference(granted, others, ['list pods']).unused).toEqual([]);
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
  });
});
