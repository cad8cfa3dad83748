import type { Cluster } from '../cluster.ts';
import { type Api, aBinding, aRole, rbac, stageOf } from './api.ts';

const version = `${rbac}/v1`;
const authorization = 'authorization.k8s.io/v1';

/** Questions that users ask of the server about themselves. */
export function describeReviews(cluster: () => Cluster): void {
  describe('reviews', () => {
    const stage = stageOf(cluster);
    const name = () => `system:serviceaccount:${stage.namespace}:user`;

    const ask = (api: Api, kind: string, apiVersion: string, spec: object) =>
      api.create(`/apis/${apiVersion}/${kind.toLowerCase()}s`, {
        apiVersion,
        kind,
        metadata: {},
        spec,
      });

    async function mayDo(api: Api, attributes: object): Promise<unknown> {
      const kind = 'SelfSubjectAccessReview';
      const { code, body } = await ask(api, kind, authorization, {
        resourceAttributes: attributes,
      });
      expect(code).toBe(201);
      return (body['status'] as { readonly allowed: unknown }).allowed;
    }

    /** A user who may look at the roles of the namespace. */
    async function aReader(): Promise<Api> {
      const rule = { apiGroups: [rbac], resources: ['roles'], verbs: ['get', 'list'] };
      await stage.admin.create(stage.path(`${version}/roles`), aRole('reader', [rule]));
      const binding = aBinding('reader', 'reader', stage.namespace);
      await stage.admin.create(stage.path(`${version}/rolebindings`), binding);
      const reader = stage.as(name());
      const probe = stage.path(`${version}/roles`);
      await stage.until(async () => (await reader.get(probe)).code === 200);
      return reader;
    }

    it('tell an administrator that everything is allowed', async () => {
      expect(await mayDo(stage.admin, { verb: 'delete', resource: 'nodes' })).toBe(true);
      expect(await mayDo(stage.admin, { verb: '*', group: '*', resource: '*' })).toBe(true);
    });

    it('tell a user what their roles allow, and nothing more', async () => {
      const reader = await aReader();
      const { namespace } = stage;
      const roles = { group: rbac, resource: 'roles', namespace };
      expect(await mayDo(reader, { ...roles, verb: 'get', name: 'any' })).toBe(true);
      expect(await mayDo(reader, { ...roles, verb: 'delete' })).toBe(false);
      expect(await mayDo(reader, { ...roles, verb: 'get', subresource: 'status' })).toBe(false);
      expect(await mayDo(reader, { ...roles, verb: 'get', namespace: 'default' })).toBe(false);
      expect(await mayDo(reader, { ...roles, verb: '*' })).toBe(false);
    });

    it('tell which paths may be asked for', async () => {
      const kind = 'SelfSubjectAccessReview';
      const allowed = async (path: string) => {
        const nonResourceAttributes = { verb: 'get', path };
        const { body } = await ask(stage.as(name()), kind, authorization, {
          nonResourceAttributes,
        });
        return (body['status'] as { readonly allowed: unknown }).allowed;
      };
      expect(await allowed('/version')).toBe(true);
      expect(await allowed('/metrics')).toBe(false);
    });

    it('are refused where they ask for nothing, or for two things', async () => {
      const kind = 'SelfSubjectAccessReview';
      const both = { resourceAttributes: { verb: 'get' }, nonResourceAttributes: { verb: 'get' } };
      expect(await ask(stage.admin, kind, authorization, {})).toMatchObject({ code: 422 });
      expect(await ask(stage.admin, kind, authorization, both)).toMatchObject({ code: 422 });
    });

    it('list the rules of a user in a namespace', async () => {
      const reader = await aReader();
      const kind = 'SelfSubjectRulesReview';
      const { body } = await ask(reader, kind, authorization, { namespace: stage.namespace });
      expect(body['status']).toMatchObject({
        resourceRules: expect.arrayContaining([
          { apiGroups: [rbac], resources: ['roles'], verbs: ['get', 'list'] },
        ]),
        nonResourceRules: expect.arrayContaining([
          expect.objectContaining({ nonResourceURLs: expect.arrayContaining(['/version']) }),
        ]),
      });
    });

    it('tell users who they are', async () => {
      const apiVersion = 'authentication.k8s.io/v1';
      const { body } = await ask(stage.as(name()), 'SelfSubjectReview', apiVersion, {});
      expect(body['status']).toMatchObject({
        userInfo: {
          username: name(),
          groups: expect.arrayContaining(['system:serviceaccounts', 'system:authenticated']),
        },
      });
    });

    it('show in discovery, where they can be created and nothing else', async () => {
      const { body } = await stage.admin.get(`/apis/${authorization}`);
      expect(body['resources']).toContainEqual(
        expect.objectContaining({
          name: 'selfsubjectaccessreviews',
          kind: 'SelfSubjectAccessReview',
          namespaced: false,
          verbs: ['create'],
        }),
      );
      const path = `/apis/${authorization}/selfsubjectaccessreviews`;
      expect(await stage.admin.get(path)).toMatchObject({ code: 405 });
    });
  });
}
