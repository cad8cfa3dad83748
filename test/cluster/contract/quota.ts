import type { KubeObject } from '../../../src/kube/objects.ts';
import type { Cluster } from '../cluster.ts';
import { aConfigMap, type Body, stageOf } from './api.ts';

type Amounts = Readonly<Record<string, string>>;

/** A pod that is never bound: no node has its label. */
function aPod(name: string, ...containers: readonly Resources[]): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeSelector: { 'contract/none': 'true' },
      containers: (containers.length === 0 ? [{}] : containers).map((resources, index) => ({
        name: `c${index}`,
        image: 'registry.invalid/image:1',
        resources,
      })),
    },
  };
}

interface Resources {
  readonly requests?: Amounts;
  readonly limits?: Amounts;
}

function withSpec(object: KubeObject, fields: object): KubeObject {
  return { ...object, spec: { ...(object['spec'] as object), ...fields } };
}

function aQuota(hard: Amounts, more: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'tight' },
    spec: { hard, ...more },
  };
}

function aLimitRange(...limits: readonly object[]): KubeObject {
  return { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'range' }, spec: { limits } };
}

function resourcesOf(pod: Body): readonly unknown[] {
  const { containers } = pod['spec'] as { containers: readonly { resources: unknown }[] };
  return containers.map(({ resources }) => resources);
}

/** How ResourceQuota and LimitRange bound what a namespace holds. */
export function describeQuotas(cluster: () => Cluster): void {
  describe('bounds of a namespace', () => {
    const stage = stageOf(cluster);
    const create = (pod: KubeObject) => stage.admin.create(stage.path('pods'), pod);
    const quota = async () => {
      const { body } = await stage.admin.get(stage.path('resourcequotas', 'tight'));
      return body['status'] as { hard?: Amounts; used?: Amounts } | undefined;
    };
    /** Waits until the quota says of these resources that so much is used. */
    const untilUsed = (used: Amounts) =>
      stage.until(async () => {
        const found = (await quota())?.used ?? {};
        return Object.entries(used).every(([name, amount]) => found[name] === amount);
      });
    const limit = async (hard: Amounts, used: Amounts, more: object = {}) => {
      await untilFurnished();
      await stage.admin.create(stage.path('resourcequotas'), aQuota(hard, more));
      await untilUsed(used);
    };
    /** What every namespace gets has come: a pod needs its service account. */
    const untilFurnished = () =>
      stage.until(async () => {
        const wanted = [
          stage.path('serviceaccounts', 'default'),
          stage.path('configmaps', 'kube-root-ca.crt'),
        ];
        const replies = await Promise.all(wanted.map((path) => stage.admin.get(path)));
        return replies.every(({ code }) => code === 200);
      });
    const bound = async (...limits: readonly object[]) => {
      await untilFurnished();
      await stage.admin.create(stage.path('limitranges'), aLimitRange(...limits));
      // A real server learns of it a moment later.
      await stage.until(async () => {
        const probe = await stage.admin.create(`${stage.path('pods')}?dryRun=All`, aPod('probe'));
        return probe.code === 403 || probe.body.metadata.annotations !== undefined;
      });
    };

    describe('a quota', () => {
      it('refuses a pod that it has no room for, and says how much of what', async () => {
        const none = { pods: '0', 'requests.cpu': '0', 'limits.memory': '0' };
        await limit({ pods: '3', 'requests.cpu': '1', 'limits.memory': '1Gi' }, none);
        const resources = { requests: { cpu: '600m' }, limits: { memory: '100Mi' } };
        expect((await create(aPod('a', resources))).code).toBe(201);
        await untilUsed({ pods: '1', 'requests.cpu': '600m', 'limits.memory': '100Mi' });
        const refused = await create(aPod('b', resources));
        expect(refused).toMatchObject({ code: 403, body: { reason: 'Forbidden' } });
        expect(refused.body.message).toBe(
          'pods "b" is forbidden: exceeded quota: tight, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1',
        );
        const big = { requests: { cpu: '2' }, limits: { memory: '2Gi' } };
        expect((await create(aPod('c', big))).body.message).toBe(
          'pods "c" is forbidden: exceeded quota: tight, requested: limits.memory=2Gi,requests.cpu=2, used: limits.memory=100Mi,requests.cpu=600m, limited: limits.memory=1Gi,requests.cpu=1',
        );
      });

      it('names a pod that got its name from the server', async () => {
        await limit({ pods: '0' }, { pods: '0' });
        const pod = { ...aPod(''), metadata: { generateName: 'cache-' } };
        const { body } = await create(pod);
        expect(body.message).toMatch(
          /^pods "cache-[a-z0-9]{5}" is forbidden: exceeded quota: tight, requested: pods=1, used: pods=0, limited: pods=0$/,
        );
      });

      it('wants every container to say what it takes', async () => {
        const none = { 'limits.memory': '0', 'requests.cpu': '0' };
        await limit({ 'limits.memory': '1Gi', 'requests.cpu': '1' }, none);
        const refused = await create(aPod('a', {}, { requests: { cpu: '1m' } }));
        expect(refused).toMatchObject({
          code: 403,
          body: {
            message:
              'pods "a" is forbidden: failed quota: tight: must specify limits.memory for: c0,c1; requests.cpu for: c0',
          },
        });
      });

      it('is content with what the pod says as a whole', async () => {
        await limit({ 'requests.cpu': '1' }, { 'requests.cpu': '0' });
        const pod = withSpec(aPod('a', {}, {}), { resources: { requests: { cpu: '300m' } } });
        expect((await create(pod)).code).toBe(201);
        await untilUsed({ 'requests.cpu': '300m' });
      });

      it('counts each resource of a pod as a whole, or of its containers', async () => {
        await limit(
          { 'requests.cpu': '1', 'requests.memory': '1Gi' },
          { 'requests.cpu': '0', 'requests.memory': '0' },
        );
        const each = { requests: { cpu: '0', memory: '10Mi' } };
        const pod = withSpec(aPod('a', each, each), { resources: { requests: { cpu: '50m' } } });
        expect((await create(pod)).code).toBe(201);
        await untilUsed({ 'requests.cpu': '50m', 'requests.memory': '20Mi' });
      });

      it('counts the largest init container where that is more than the others together', async () => {
        await limit({ 'requests.cpu': '1' }, { 'requests.cpu': '0' });
        const small = { requests: { cpu: '50m' } };
        const init = {
          name: 'init',
          image: 'registry.invalid/image:1',
          resources: { requests: { cpu: '200m' } },
        };
        await create(withSpec(aPod('a', small, small), { initContainers: [init] }));
        await untilUsed({ 'requests.cpu': '200m' });
      });

      it('gets back what a deleted pod took', async () => {
        await limit({ pods: '1' }, { pods: '0' });
        await create(aPod('a'));
        await untilUsed({ pods: '1' });
        expect((await create(aPod('b'))).code).toBe(403);
        await stage.admin.remove(stage.path('pods', 'a'), { gracePeriodSeconds: 0 });
        await untilUsed({ pods: '0' });
        expect((await create(aPod('b'))).code).toBe(201);
      });

      it('counts objects of any kind', async () => {
        await limit({ 'count/configmaps': '2' }, { 'count/configmaps': '1' });
        expect((await stage.admin.create(stage.path('configmaps'), aConfigMap('a'))).code).toBe(
          201,
        );
        await untilUsed({ 'count/configmaps': '2' });
        const applied = await stage.admin.apply(stage.path('configmaps', 'b'), aConfigMap('b'));
        expect(applied).toMatchObject({
          code: 403,
          body: {
            message:
              'configmaps "b" is forbidden: exceeded quota: tight, requested: count/configmaps=1, used: count/configmaps=2, limited: count/configmaps=2',
          },
        });
        const change = { data: { x: '1' } };
        expect((await stage.admin.merge(stage.path('configmaps', 'a'), change)).code).toBe(200);
      });

      it('looks at the pods of its scope alone', async () => {
        await limit({ pods: '0' }, { pods: '0' }, { scopes: ['BestEffort'] });
        expect((await create(aPod('a'))).code).toBe(403);
        expect((await create(aPod('b', { requests: { cpu: '1m' } }))).code).toBe(201);
      });

      it('refuses in a dry run too, and charges nothing for one', async () => {
        await limit({ pods: '1' }, { pods: '0' });
        const dryRun = `${stage.path('pods')}?dryRun=All`;
        expect((await stage.admin.create(dryRun, aPod('a'))).code).toBe(201);
        expect((await create(aPod('b'))).code).toBe(201);
        await untilUsed({ pods: '1' });
        expect((await stage.admin.create(dryRun, aPod('c'))).code).toBe(403);
      });
    });

    describe('a limit range', () => {
      it('fills in its own gaps', async () => {
        const { body } = await stage.admin.create(
          stage.path('limitranges'),
          aLimitRange({ type: 'Container', max: { cpu: '1' }, min: { cpu: '10m', memory: '1Mi' } }),
        );
        expect(body['spec']).toEqual({
          limits: [
            {
              type: 'Container',
              max: { cpu: '1' },
              min: { cpu: '10m', memory: '1Mi' },
              default: { cpu: '1' },
              defaultRequest: { cpu: '1', memory: '1Mi' },
            },
          ],
        });
      });

      it('gives containers what they leave open, and notes it', async () => {
        await bound({
          type: 'Container',
          default: { cpu: '200m', memory: '64Mi' },
          defaultRequest: { cpu: '20m' },
        });
        const { body } = await create(aPod('a', {}, { limits: { cpu: '50m' } }));
        expect(resourcesOf(body)).toEqual([
          {
            requests: { cpu: '20m', memory: '64Mi' },
            limits: { cpu: '200m', memory: '64Mi' },
          },
          {
            requests: { cpu: '50m', memory: '64Mi' },
            limits: { cpu: '50m', memory: '64Mi' },
          },
        ]);
        expect(body.metadata.annotations).toEqual({
          'kubernetes.io/limit-ranger':
            'LimitRanger plugin set: cpu, memory request for container c0; cpu, memory limit for container c0; memory request for container c1; memory limit for container c1',
        });
      });

      it('refuses a container outside of its bounds', async () => {
        await bound({
          type: 'Container',
          min: { cpu: '10m' },
          max: { cpu: '100m' },
          default: { cpu: '50m' },
          defaultRequest: { cpu: '50m' },
        });
        const messageFor = async (resources: Resources) =>
          (await create(aPod('a', resources))).body.message;
        expect(await messageFor({ requests: { cpu: '0' } })).toBe(
          'pods "a" is forbidden: minimum cpu usage per Container is 10m, but request is 0',
        );
        expect(await messageFor({ limits: { cpu: '5m' }, requests: { cpu: '5m' } })).toBe(
          'pods "a" is forbidden: minimum cpu usage per Container is 10m, but request is 5m',
        );
        expect(await messageFor({ limits: { cpu: '1' } })).toBe(
          'pods "a" is forbidden: maximum cpu usage per Container is 100m, but limit is 1',
        );
        const onTheBounds = { limits: { cpu: '100m' }, requests: { cpu: '10m' } };
        expect((await create(aPod('b', onTheBounds))).code).toBe(201);
        const both = { limits: { cpu: '1' }, requests: { cpu: '1m' } };
        expect(await messageFor(both)).toBe(
          'pods "a" is forbidden: [minimum cpu usage per Container is 10m, but request is 1m, maximum cpu usage per Container is 100m, but limit is 1]',
        );
      });

      it('refuses a container that asks for nothing, also where its pod does', async () => {
        await bound({ type: 'Container', min: { cpu: '10m' }, default: { cpu: '50m' } });
        const resources = { requests: { cpu: '50m' } };
        const pod = withSpec(aPod('a', { requests: { cpu: '0' } }), { resources });
        expect((await create(pod)).body.message).toBe(
          'pods "a" is forbidden: minimum cpu usage per Container is 10m, but request is 0',
        );
      });

      it('takes what a pod asks for as a whole for the pod', async () => {
        await bound({ type: 'Pod', min: { cpu: '100m' } });
        const none = { requests: { cpu: '0' } };
        const asking = (name: string, cpu: string) =>
          withSpec(aPod(name, none, none), { resources: { requests: { cpu } } });
        expect((await create(asking('a', '50m'))).body.message).toBe(
          'pods "a" is forbidden: minimum cpu usage per Pod is 100m, but request is 50m',
        );
        expect((await create(asking('b', '100m'))).code).toBe(201);
      });

      it('adds up the containers of a pod', async () => {
        await bound({ type: 'Pod', max: { memory: '100Mi' } });
        const { body } = await create(
          aPod('a', { limits: { memory: '60Mi' } }, { limits: { memory: '60Mi' } }),
        );
        expect(body).toMatchObject({
          code: 403,
          message:
            'pods "a" is forbidden: maximum memory usage per Pod is 100Mi, but limit is 120Mi',
        });
        expect((await create(aPod('b'))).body.message).toBe(
          'pods "b" is forbidden: maximum memory usage per Pod is 100Mi.  No limit is specified',
        );
      });

      it('bounds the ratio of limit and request', async () => {
        await bound({ type: 'Container', maxLimitRequestRatio: { cpu: '2' } });
        const { body } = await create(
          aPod('a', { limits: { cpu: '300m' }, requests: { cpu: '100m' } }),
        );
        expect(body.message).toBe(
          'pods "a" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
        );
      });

      it('fills in before the quota counts', async () => {
        await limit({ 'requests.cpu': '1' }, { 'requests.cpu': '0' });
        await bound({ type: 'Container', default: { cpu: '700m' } });
        expect((await create(aPod('a'))).code).toBe(201);
        await untilUsed({ 'requests.cpu': '700m' });
        expect((await create(aPod('b'))).body.message).toContain('exceeded quota: tight');
      });
    });
  });
}
