import type { KubeObject } from '../../../src/kube/objects.ts';
import type { Cluster } from '../cluster.ts';
import { aConfigMap, type Body, stageOf } from './api.ts';

const newApi = 'events.k8s.io/v1';

/** How Events are kept and selected, and how two APIs serve the same ones. */
export function describeEvents(cluster: () => Cluster): void {
  describe('events', () => {
    const stage = stageOf(cluster);
    const core = (name?: string) => stage.path('events', name);
    const newer = (name?: string) => stage.path(`${newApi}/events`, name);
    /** An object to tell of, by reference. */
    const subject = async (name: string) => {
      const { body } = await stage.admin.create(stage.path('configmaps'), aConfigMap(name));
      const { namespace = '', uid = '' } = body.metadata;
      return { apiVersion: 'v1', kind: 'ConfigMap', name, namespace, uid };
    };
    const anEvent = (name: string, involvedObject: object, more: object = {}): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name },
      involvedObject,
      reason: 'Seen',
      message: 'it was seen',
      type: 'Normal',
      ...more,
    });
    const aNewEvent = (name: string, regarding: object, more: object = {}): KubeObject => ({
      apiVersion: newApi,
      kind: 'Event',
      metadata: { name },
      eventTime: '2026-01-02T03:04:05.678901Z',
      regarding,
      reason: 'Seen',
      action: 'See',
      note: 'it was seen',
      type: 'Normal',
      reportingController: 'example.com/contract',
      reportingInstance: 'contract-1',
      ...more,
    });
    const namesOf = ({ items = [] }: Body) => items.map(({ metadata }) => metadata.name);

    it('are selected by what they are about and by what they tell', async () => {
      const [a, b] = [await subject('a'), await subject('b')];
      const source = { component: 'watcher' };
      await stage.admin.create(core(), anEvent('a1', a, { source }));
      await stage.admin.create(core(), anEvent('a2', a, { type: 'Warning', reason: 'Lost' }));
      await stage.admin.create(core(), anEvent('b1', b));
      const select = async (fields: string, path = core()) =>
        namesOf((await stage.admin.get(`${path}?fieldSelector=${fields}`)).body);
      expect(await select(`involvedObject.uid=${a.uid}`)).toEqual(['a1', 'a2']);
      expect(await select('involvedObject.name=b,involvedObject.kind=ConfigMap')).toEqual(['b1']);
      expect(await select(`involvedObject.uid=${a.uid},reason=Lost`)).toEqual(['a2']);
      expect(await select('type!=Normal')).toEqual(['a2']);
      expect(await select('source=watcher')).toEqual(['a1']);
      expect(await select(`regarding.uid=${a.uid},type=Normal`, newer())).toEqual(['a1']);
      const unknown = await stage.admin.get(`${core()}?fieldSelector=message=x`);
      expect(unknown).toMatchObject({
        code: 400,
        body: { message: expect.stringContaining('field label not supported: message') },
      });
    });

    it('are the same ones in both APIs, each in its own words', async () => {
      const a = await subject('a');
      const times = {
        firstTimestamp: '2026-01-02T03:04:05Z',
        lastTimestamp: '2026-01-02T03:04:06Z',
        count: 2,
        source: { component: 'watcher' },
      };
      const old = await stage.admin.create(core(), anEvent('old', a, times));
      expect(old.body).toMatchObject({ ...times, eventTime: null, reportingComponent: '' });
      expect((await stage.admin.get(newer('old'))).body).toMatchObject({
        apiVersion: newApi,
        kind: 'Event',
        metadata: { uid: old.body.metadata.uid },
        eventTime: null,
        regarding: a,
        note: 'it was seen',
        deprecatedFirstTimestamp: times.firstTimestamp,
        deprecatedLastTimestamp: times.lastTimestamp,
        deprecatedCount: 2,
        deprecatedSource: times.source,
      });
      const made = await stage.admin.create(newer(), aNewEvent('new', a));
      expect(made).toMatchObject({ code: 201, body: { apiVersion: newApi, regarding: a } });
      expect((await stage.admin.get(core('new'))).body).toMatchObject({
        apiVersion: 'v1',
        eventTime: '2026-01-02T03:04:05.678901Z',
        firstTimestamp: null,
        lastTimestamp: null,
        involvedObject: a,
        message: 'it was seen',
        action: 'See',
        reportingComponent: 'example.com/contract',
        reportingInstance: 'contract-1',
      });
    });

    it('are watched in the words of either API', async () => {
      const a = await subject('a');
      const from = (await stage.admin.get(core())).body.metadata.resourceVersion ?? '';
      const old = await stage.admin.watch(core(), { resourceVersion: from });
      const young = await stage.admin.watch(newer(), { resourceVersion: from });
      await stage.admin.create(newer(), aNewEvent('new', a));
      await stage.until(() => old.events.length === 1 && young.events.length === 1);
      expect(old.events[0]?.object).toMatchObject({ apiVersion: 'v1', involvedObject: a });
      expect(young.events[0]?.object).toMatchObject({ apiVersion: newApi, regarding: a });
      old.close();
      young.close();
    });

    it('must be complete to come in by events.k8s.io', async () => {
      const a = await subject('a');
      const { kind, apiVersion, metadata } = aNewEvent('new', a);
      const bare = { kind, apiVersion, metadata, regarding: a };
      const refused = await stage.admin.create(newer(), {
        ...bare,
        eventTime: '2026-01-02T03:04:05.678901Z',
      });
      expect(refused.code).toBe(422);
      expect(refused.body.message).toMatch(/^Event "new" is invalid: \[/);
      expect(refused.body.details?.causes?.map(({ field }) => field)).toEqual(
        expect.arrayContaining(['reportingInstance', 'action', 'reason', 'type']),
      );
      const timeless = await stage.admin.create(newer(), bare);
      expect(timeless.body.details?.causes?.map(({ field }) => field)).toContain('eventTime');
      const counted = await stage.admin.create(
        newer(),
        aNewEvent('new', a, { deprecatedCount: 1 }),
      );
      expect(counted.body.message).toBe(
        'Event "new" is invalid: count: Invalid value: "": needs to be unset',
      );
      const long = await stage.admin.create(
        newer(),
        aNewEvent('new', a, { note: 'x'.repeat(1025) }),
      );
      expect(long.body.message).toBe(
        'Event "new" is invalid: message: Invalid value: "": can have at most 1024 characters',
      );
    });

    it('change in their series only, where they came in by events.k8s.io', async () => {
      const a = await subject('a');
      await stage.admin.create(newer(), aNewEvent('new', a));
      const series = { count: 2, lastObservedTime: '2026-01-02T03:05:05.000000Z' };
      const counted = await stage.admin.merge(newer('new'), { series });
      expect(counted).toMatchObject({ code: 200, body: { series } });
      expect((await stage.admin.get(core('new'))).body).toMatchObject({ series });
      const single = await stage.admin.merge(newer('new'), { series: { count: 1 } });
      expect(single.body.message).toBe(
        'Event "new" is invalid: series.count: Invalid value: "": should be at least 2',
      );
      const changed = await stage.admin.merge(newer('new'), { note: 'otherwise' });
      expect(changed.body.message).toBe(
        'Event "new" is invalid: message: Invalid value: "otherwise": field is immutable',
      );
    });

    it('can be applied', async () => {
      const a = await subject('a');
      const applied = await stage.admin.apply(newer('new'), aNewEvent('new', a));
      expect(applied).toMatchObject({ code: 201, body: { regarding: a, note: 'it was seen' } });
      const again = await stage.admin.apply(newer('new'), aNewEvent('new', a));
      expect(again.body.metadata.resourceVersion).toBe(applied.body.metadata.resourceVersion);
    });

    it('are kept in the namespace of what they are about', async () => {
      const a = await subject('a');
      const elsewhere = { ...a, namespace: 'default' };
      expect((await stage.admin.create(core(), anEvent('x', elsewhere))).body.message).toBe(
        'Event "x" is invalid: involvedObject.namespace: Invalid value: "default": does not match event.namespace',
      );
    });

    it('of objects outside of all namespaces are kept in default', async () => {
      const node = { apiVersion: 'v1', kind: 'Node', name: 'a', uid: 'a' };
      const refused = await stage.admin.create(newer(), aNewEvent('new', node));
      expect(refused.body.message).toBe(
        'Event "new" is invalid: involvedObject.namespace: Invalid value: "": does not match event.namespace',
      );
      const path = `/apis/${newApi}/namespaces/default/events`;
      const name = `contract-${stage.namespace}`;
      stage.removeAfterwards(`${path}/${name}`);
      expect((await stage.admin.create(path, aNewEvent(name, node))).code).toBe(201);
    });
  });
}
