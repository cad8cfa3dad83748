import type { KubeObject } from '../../../src/kube/objects.ts';
import type { Cluster } from '../cluster.ts';
import { stageOf } from './api.ts';

const renewTime = '2026-01-01T00:00:00.123456Z';

function aLease(spec: object = {}): KubeObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'a' },
    spec: {
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: renewTime,
      renewTime,
      leaseTransitions: 0,
      ...spec,
    },
  };
}

/** What leader election rests on. */
export function describeLeases(cluster: () => Cluster): void {
  describe('leases', () => {
    const stage = stageOf(cluster);
    const leases = () => stage.path('coordination.k8s.io/v1/leases');
    const lease = () => stage.path('coordination.k8s.io/v1/leases', 'a');

    it('are kept as they were written, microseconds and zeros included', async () => {
      const { code, body } = await stage.admin.create(leases(), aLease());
      expect(code).toBe(201);
      expect(body['spec']).toEqual(aLease()['spec']);
    });

    it('can be held by nobody', async () => {
      const { body } = await stage.admin.create(leases(), aLease());
      const released = { ...body, ...aLease({ holderIdentity: '' }), metadata: body.metadata };
      expect((await stage.admin.replace(lease(), released)).body['spec']).toMatchObject({
        holderIdentity: '',
      });
    });

    it('let one of two writers through who have read the same', async () => {
      const { body } = await stage.admin.create(leases(), aLease());
      const next = (holderIdentity: string) => ({
        ...body,
        spec: { ...(body['spec'] as object), holderIdentity },
      });
      expect(await stage.admin.replace(lease(), next('first'))).toMatchObject({ code: 200 });
      expect(await stage.admin.replace(lease(), next('second'))).toMatchObject({
        code: 409,
        body: { reason: 'Conflict' },
      });
      expect(await stage.admin.get(lease())).toMatchObject({
        body: { spec: { holderIdentity: 'first' } },
      });
    });

    it('are not replaced blindly', async () => {
      await stage.admin.create(leases(), aLease());
      expect(await stage.admin.replace(lease(), aLease())).toMatchObject({
        code: 422,
        body: { reason: 'Invalid' },
      });
    });

    it('do not come back by the renewal of one that was deleted', async () => {
      const { body } = await stage.admin.create(leases(), aLease());
      await stage.admin.remove(lease());
      expect(await stage.admin.replace(lease(), body)).toMatchObject({
        code: 409,
        body: { reason: 'Conflict' },
      });
      expect(await stage.admin.get(lease())).toMatchObject({ code: 404 });
    });

    it.each([
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:00:00.123Z',
      '2026-01-01T00:00:00.123456789Z',
      'yesterday',
    ])('refuse the time %s: microseconds have six digits', async (time) => {
      expect(await stage.admin.create(leases(), aLease({ renewTime: time }))).toMatchObject({
        code: 400,
        body: { reason: 'BadRequest' },
      });
    });

    it('turn a time of another zone into one of UTC', async () => {
      const object = aLease({ renewTime: '2026-01-01T02:00:00.123456+02:00' });
      const { body } = await stage.admin.create(leases(), object);
      expect(body['spec']).toMatchObject({ renewTime });
    });
  });
}
