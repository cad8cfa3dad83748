import type { Cluster } from '../cluster.ts';
import { type Api, aBinding, aConfigMap, aRole, type Rule, rbac, stageOf } from './api.ts';

const version = `${rbac}/v1`;

const rule = (verbs: readonly string[], resources: readonly string[], more: Rule = {}): Rule => ({
  apiGroups: [''],
  resources,
  verbs,
  ...more,
});

/** Who may do what, and who may let others do it. */
export function describeRbac(cluster: () => Cluster): void {
  describe('RBAC', () => {
    const stage = stageOf(cluster);
    const name = () => `system:serviceaccount:${stage.namespace}:user`;
    const user = (): Api => stage.as(name());
    const paths = { roles: `${version}/roles`, bindings: `${version}/rolebindings` } as const;

    /** Binds a role with these rules to the user; authorisation follows a moment later. */
    async function allow(...rules: readonly Rule[]): Promise<Api> {
      await stage.admin.create(stage.path(paths.roles), aRole('granted', rules));
      const binding = aBinding('granted', 'granted', stage.namespace);
      await stage.admin.create(stage.path(paths.bindings), binding);
      // Every such role lets the user see itself, which tells when it is in force.
      const probe = user();
      await stage.until(
        async () => (await probe.get(stage.path(paths.roles, 'granted'))).code === 200,
      );
      return probe;
    }
    const seeItself: Rule = { apiGroups: [rbac], resources: ['roles'], verbs: ['get'] };

    it('says who cannot do what, and where', async () => {
      const api = user();
      const { namespace } = stage;
      expect(await api.get(stage.path('configmaps'))).toMatchObject({
        code: 403,
        body: {
          reason: 'Forbidden',
          message: `configmaps is forbidden: User "${name()}" cannot list resource "configmaps" in API group "" in the namespace "${namespace}"`,
          details: { kind: 'configmaps' },
        },
      });
      expect(await api.get(stage.path('apps/v1/daemonsets', 'a'))).toMatchObject({
        body: {
          message: `daemonsets.apps "a" is forbidden: User "${name()}" cannot get resource "daemonsets" in API group "apps" in the namespace "${namespace}"`,
        },
      });
      expect(await api.get('/api/v1/nodes')).toMatchObject({
        body: {
          message: `nodes is forbidden: User "${name()}" cannot list resource "nodes" in API group "" at the cluster scope`,
        },
      });
      expect(await api.merge(`${stage.path('pods', 'a')}/status`, {})).toMatchObject({
        body: {
          message: `pods "a" is forbidden: User "${name()}" cannot patch resource "pods/status" in API group "" in the namespace "${namespace}"`,
        },
      });
      expect(await api.get('/metrics')).toMatchObject({
        code: 403,
        body: { message: `forbidden: User "${name()}" cannot get path "/metrics"` },
      });
    });

    it('asks for the right to what is named, where two groups serve the same', async () => {
      const api = await allow(seeItself, {
        apiGroups: ['events.k8s.io'],
        resources: ['events'],
        verbs: ['create'],
      });
      const { namespace } = stage;
      const regarding = { kind: 'Pod', name: 'a', namespace };
      const newer = {
        ...{ apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: 'a' }, regarding },
        ...{
          type: 'Normal',
          reason: 'Tried',
          action: 'Try',
          eventTime: '2026-01-01T00:00:00.000000Z',
        },
        ...{ reportingController: 'example.com/tester', reportingInstance: 'one' },
      };
      expect(await api.create(stage.path('events.k8s.io/v1/events'), newer)).toMatchObject({
        code: 201,
      });
      const core = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'b' },
        involvedObject: regarding,
      };
      expect(await api.create(stage.path('events'), core)).toMatchObject({ code: 403 });
    });

    it("lets who may impersonate a user ask in that user's stead", async () => {
      const reader = await allow(seeItself);
      const role = stage.path(paths.roles, 'granted');
      expect(await stage.admin.getFor(name(), role)).toMatchObject({ code: 200 });
      expect(await stage.admin.getFor(name(), stage.path('pods'))).toMatchObject({ code: 403 });
      expect(await stage.admin.getFor('somebody', role)).toMatchObject({ code: 403 });
      // What it says has changed with the rights to impersonate for one verb alone (Kubernetes 1.36).
      expect(await reader.getFor('somebody', role)).toMatchObject({
        code: 403,
        body: { reason: 'Forbidden' },
      });
    });

    it('lets every authenticated user see what is served', async () => {
      for (const path of ['/version', '/api', '/apis', '/apis/apps/v1', '/readyz']) {
        expect(await user().get(path)).toMatchObject({ code: 200 });
      }
    });

    it('allows the verbs of a bound role, in its namespace only', async () => {
      const api = await allow(seeItself, rule(['get', 'list'], ['configmaps']));
      expect(await api.get(stage.path('configmaps'))).toMatchObject({ code: 200 });
      expect(await api.create(stage.path('configmaps'), aConfigMap('a'))).toMatchObject({
        code: 403,
      });
      const elsewhere = await api.get('/api/v1/namespaces/default/configmaps');
      expect(elsewhere).toMatchObject({ code: 403 });
    });

    it('allows one object by its name, in a list by a field selector too', async () => {
      const named = rule(['get', 'list'], ['configmaps'], { resourceNames: ['a'] });
      const api = await allow(seeItself, named);
      await stage.admin.create(stage.path('configmaps'), aConfigMap('a'));
      expect(await api.get(stage.path('configmaps', 'a'))).toMatchObject({ code: 200 });
      expect(await api.get(stage.path('configmaps', 'b'))).toMatchObject({ code: 403 });
      expect(await api.get(stage.path('configmaps'))).toMatchObject({ code: 403 });
      const query = 'fieldSelector=metadata.name%3Da';
      expect(await api.get(`${stage.path('configmaps')}?${query}`)).toMatchObject({ code: 200 });
    });

    it('wants the right to create for an apply that creates', async () => {
      const api = await allow(seeItself, rule(['patch'], ['configmaps']));
      const path = stage.path('configmaps', 'a');
      expect(await api.apply(path, aConfigMap('a'))).toMatchObject({
        code: 403,
        body: { message: expect.stringContaining(`User "${name()}" cannot create resource`) },
      });
      await stage.admin.create(stage.path('configmaps'), aConfigMap('a'));
      expect(await api.apply(path, aConfigMap('a', { x: '1' }))).toMatchObject({ code: 200 });
    });

    const manageRoles: Rule = {
      apiGroups: [rbac],
      resources: ['roles', 'rolebindings'],
      verbs: ['create', 'update', 'patch', 'get'],
    };

    it('refuses a role with more rights than its author holds', async () => {
      const api = await allow(manageRoles, rule(['get'], ['configmaps']));
      const held = aRole('held', [rule(['get'], ['configmaps'])]);
      expect(await api.create(stage.path(paths.roles), held)).toMatchObject({ code: 201 });
      const more = aRole('more', [rule(['get', 'delete'], ['configmaps'])]);
      expect(await api.create(stage.path(paths.roles), more)).toMatchObject({
        code: 403,
        body: {
          message: expect.stringMatching(
            /^roles\.rbac\.authorization\.k8s\.io "more" is forbidden: user ".*" \(groups=\[.*\]\) is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["configmaps"\], Verbs:\["delete"\]\}$/,
          ),
        },
      });
      const widened = { rules: [rule(['get', 'delete'], ['configmaps'])] };
      expect(await api.merge(stage.path(paths.roles, 'held'), widened)).toMatchObject({
        code: 403,
      });
      const labelled = { metadata: { labels: { l: 'v' } } };
      expect(await api.merge(stage.path(paths.roles, 'held'), labelled)).toMatchObject({
        code: 200,
      });
    });

    it('lets whoever may escalate write any role', async () => {
      const escalate: Rule = { apiGroups: [rbac], resources: ['roles'], verbs: ['escalate'] };
      const api = await allow(manageRoles, escalate);
      const any = aRole('any', [rule(['*'], ['secrets'])]);
      expect(await api.create(stage.path(paths.roles), any)).toMatchObject({ code: 201 });
    });

    it('refuses a binding to a role with more rights, unless its author may bind it', async () => {
      const bind: Rule = {
        apiGroups: [rbac],
        resources: ['roles'],
        resourceNames: ['bindable'],
        verbs: ['bind'],
      };
      const api = await allow(manageRoles, bind);
      for (const [role, resource] of [
        ['bindable', 'pods'],
        ['other', 'secrets'],
      ] as const) {
        const granting = aRole(role, [rule(['get'], [resource])]);
        await stage.admin.create(stage.path(paths.roles), granting);
      }
      const binding = (role: string) =>
        api.create(stage.path(paths.bindings), aBinding(role, role, stage.namespace));
      expect(await binding('bindable')).toMatchObject({ code: 201 });
      expect(await binding('other')).toMatchObject({ code: 403 });
    });

    it('answers 404 to a binding to a role that is not there', async () => {
      const api = await allow(manageRoles);
      const binding = aBinding('a', 'missing', stage.namespace);
      expect(await api.create(stage.path(paths.bindings), binding)).toMatchObject({
        code: 404,
        body: { message: expect.stringContaining('"missing" not found') },
      });
      expect(await stage.admin.create(stage.path(paths.bindings), binding)).toMatchObject({
        code: 201,
      });
    });

    it('refuses another role in a binding that exists', async () => {
      const binding = aBinding('a', 'one', stage.namespace);
      await stage.admin.create(stage.path(paths.bindings), binding);
      const other = { roleRef: { name: 'two' } };
      expect(await stage.admin.merge(stage.path(paths.bindings, 'a'), other)).toMatchObject({
        code: 422,
        body: { message: expect.stringContaining('cannot change roleRef') },
      });
    });

    it('wants update of the finalizers of an owner whose deletion a dependent blocks', async () => {
      const api = await allow(seeItself, rule(['create'], ['configmaps']));
      const owner = await stage.admin.create(stage.path('configmaps'), aConfigMap('owner'));
      const { uid } = owner.body.metadata;
      const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid };
      const owned = (more: object) =>
        aConfigMap('a', {}, { ownerReferences: [{ ...reference, ...more }] });
      const blocking = await api.create(
        stage.path('configmaps'),
        owned({ blockOwnerDeletion: true }),
      );
      expect(blocking).toMatchObject({
        code: 403,
        body: {
          message: expect.stringContaining(
            "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on",
          ),
        },
      });
      const plain = await api.create(stage.path('configmaps'), owned({ controller: true }));
      expect(plain).toMatchObject({ code: 201 });
    });

    it('wants delete on an object whose owners change', async () => {
      const api = await allow(
        seeItself,
        rule(['patch'], ['configmaps']),
        rule(['update'], ['configmaps/finalizers']),
      );
      const owner = await stage.admin.create(stage.path('configmaps'), aConfigMap('owner'));
      await stage.admin.create(stage.path('configmaps'), aConfigMap('a'));
      const { uid } = owner.body.metadata;
      const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid };
      const change = { metadata: { ownerReferences: [reference] } };
      expect(await api.merge(stage.path('configmaps', 'a'), change)).toMatchObject({
        code: 403,
        body: {
          message: expect.stringContaining("cannot set an ownerRef on a resource you can't delete"),
        },
      });
    });
  });
}
