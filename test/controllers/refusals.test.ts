import { Refusals, type RefusalsInput } from '../../src/controllers/refusals.ts';
import { ApiError, type ListOptions } from '../../src/kube/client.ts';
import type { KubeList, KubeObject, Resource } from '../../src/kube/objects.ts';
import { type Fields, silentLog } from '../../src/log.ts';
import { ManualClock } from '../manual-clock.ts';

let clock: ManualClock;
let asked: string[];
let listed: KubeObject[] | Error;
let warnings: string[];
let refusals: Refusals;

beforeEach(() => {
  clock = new ManualClock();
  asked = [];
  listed = [];
  warnings = [];
  const list = async (resource: Resource, options: ListOptions): Promise<KubeList> => {
    asked.push(`${resource.plural} ${options.namespace} ${options.fieldSelector}`);
    if (listed instanceof Error) throw listed;
    return { resourceVersion: '1', items: listed };
  };
  const warn = (text: string, { error }: Fields = {}) => warnings.push(`${text}: ${error}`);
  refusals = new Refusals({ list }, clock, { ...silentLog, warn });
});

const aDaemonSet = (current: number, desired = 3): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'cache', namespace: 'n', uid: 'u-1', generation: 1 },
  status: {
    desiredNumberScheduled: desired,
    currentNumberScheduled: current,
    updatedNumberScheduled: current,
  },
});

const anEvent = (message: string, times: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: message, namespace: 'n', creationTimestamp: '2026-01-01T00:00:00Z' },
  message,
  ...times,
});

const at = (minute: number) => ({ lastTimestamp: `2026-01-01T00:0${minute}:00Z` });
/** What is learned, by message and DaemonSet. */
async function lookAt(daemonSets: readonly KubeObject[], more: Partial<RefusalsInput> = {}) {
  const all = { daemonSets, pods: undefined, wasTold: false, ...more };
  const { value, ...again } = await refusals.of('n/p', all);
  return { value: value.map(({ message, uid }) => `${message} ${uid}`), ...again };
}
const look = (daemonSet: KubeObject) => lookAt([daemonSet]);
const told = async (daemonSet = aDaemonSet(1)) =>
  (await look(daemonSet)).value[0]?.replace(' u-1', '');

/** Lets a DaemonSet lack pods for long enough to ask why. */
async function missed(daemonSet = aDaemonSet(1)): Promise<string | undefined> {
  await look(daemonSet);
  await clock.advance(5_000);
  return told(daemonSet);
}

describe('the reason for missing pods', () => {
  it('is asked for at once where the status told of one before a restart', async () => {
    listed = [anEvent('no quota', at(1))];
    const resumed = () => lookAt([aDaemonSet(1)], { wasTold: true });
    expect(await resumed()).toEqual({ value: ['no quota u-1'], againMs: 20_000 });
    expect(await resumed()).toEqual({ value: ['no quota u-1'], againMs: 20_000 });
    expect(asked).toHaveLength(1);
  });

  it('is asked for by the uid of the DaemonSet, once nothing has moved for five seconds', async () => {
    listed = [anEvent('no quota', at(1))];
    expect(await look(aDaemonSet(0))).toEqual({ value: [], againMs: 5_000 });
    await clock.advance(3_000);
    expect(await look(aDaemonSet(1))).toEqual({ value: [], againMs: 5_000 });
    await clock.advance(4_999);
    expect(await told()).toBeUndefined();
    expect(asked).toEqual([]);
    await clock.advance(1);
    expect(await look(aDaemonSet(1))).toEqual({ value: ['no quota u-1'], againMs: 20_000 });
    expect(asked).toEqual(['events n involvedObject.uid=u-1,reason=FailedCreate']);
  });

  it('is asked for every twenty seconds at most, and known meanwhile', async () => {
    listed = [anEvent('no quota', at(1))];
    await missed();
    for (let second = 0; second < 60; second += 1) {
      await clock.advance(1_000);
      expect(await told(aDaemonSet(1 + (second % 2)))).toBe('no quota');
    }
    await clock.advance(6_000);
    await told(aDaemonSet(2));
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  it('is known with the time at which the server told it', async () => {
    listed = [anEvent('no quota', at(1))];
    await look(aDaemonSet(1));
    expect(refusals.known('n/p').get('u-1')).toEqual({ refusal: undefined, toldAt: undefined });
    await clock.advance(5_000);
    await told();
    const toldAt = clock.now();
    await clock.advance(10_000);
    await told();
    const refusal = { message: 'no quota', at: Date.UTC(2026, 0, 1, 0, 1) };
    expect(refusals.known('n/p').get('u-1')).toEqual({ refusal, toldAt });
  });

  it('is that of the newest Event, whichever client wrote it', async () => {
    listed = [
      anEvent('combined', { series: { lastObservedTime: '2026-01-01T00:03:00.5Z' }, ...at(1) }),
      anEvent('old', at(2)),
      anEvent('modern', { eventTime: '2026-01-01T00:02:30.000000Z', lastTimestamp: null }),
      anEvent('bare', {}),
    ];
    expect(await missed()).toBe('combined');
  });

  it('is forgotten when the pods are there, and old Events are no reason the next time', async () => {
    listed = [anEvent('no quota', at(1))];
    expect(await missed()).toBe('no quota');
    expect(await look(aDaemonSet(3))).toEqual({ value: [] });
    expect(await missed()).toBeUndefined();
    listed = [anEvent('no quota', at(1)), anEvent('a webhook', at(2))];
    await clock.advance(20_000);
    expect(await told()).toBe('a webhook');
  });

  it('is past once pods are made in another way, and only newer Events tell of those', async () => {
    listed = [anEvent('a limit range', at(1))];
    expect(await missed()).toBe('a limit range');
    refusals.overcome('n/p');
    expect(await missed()).toBeUndefined();
    listed = [anEvent('a limit range', at(1)), anEvent('no quota', at(2))];
    await clock.advance(20_000);
    expect(await told()).toBe('no quota');
  });

  it('is not asked for while every node has its pod', async () => {
    await look(aDaemonSet(3));
    await clock.advance(60_000);
    await look(aDaemonSet(3));
    expect(asked).toEqual([]);
  });

  it('is looked for where old pods wait for successors that do not come', async () => {
    listed = [anEvent('no quota', at(1))];
    const surging = { ...aDaemonSet(3), status: { ...(aDaemonSet(3)['status'] as object) } };
    Object.assign(surging.status, { updatedNumberScheduled: 0 });
    expect(await missed(surging)).toBe('no quota');
  });

  it('stays unknown where Events may not be read, which the log says once', async () => {
    listed = new ApiError('list events', 403, { reason: 'Forbidden' });
    expect(await missed()).toBeUndefined();
    await clock.advance(20_000);
    expect(await told()).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(asked).toHaveLength(2);
  });

  it('that was known stays so while the server does not answer', async () => {
    listed = [anEvent('no quota', at(1))];
    await missed();
    listed = new Error('no answer');
    await clock.advance(20_000);
    expect(await told()).toBe('no quota');
  });

  it('is told of each DaemonSet of the puller that lacks pods', async () => {
    const another = (current: number) => {
      const daemonSet = aDaemonSet(current);
      return { ...daemonSet, metadata: { ...daemonSet.metadata, uid: 'u-2' } };
    };
    listed = [anEvent('no quota', at(1))];
    await lookAt([aDaemonSet(1), another(2)]);
    await clock.advance(5_000);
    const both = await lookAt([aDaemonSet(1), another(2)]);
    expect(both).toEqual({ value: ['no quota u-1', 'no quota u-2'], againMs: 20_000 });
    const one = await lookAt([aDaemonSet(3), another(2)]);
    expect(one.value).toEqual(['no quota u-2']);
  });

  it('is asked anew for a puller that was forgotten', async () => {
    listed = [anEvent('no quota', at(1))];
    await missed();
    refusals.forget('n/p');
    expect(await told()).toBeUndefined();
  });
});
