import { StartTroubles } from '../../src/controllers/start-troubles.ts';
import type { ListOptions } from '../../src/kube/client.ts';
import type { KubeList, KubeObject } from '../../src/kube/objects.ts';
import { silentLog } from '../../src/log.ts';
import { projectPod } from '../../src/status/pods.ts';
import { ManualClock } from '../manual-clock.ts';
import { aPod, creating } from '../status/scenes.ts';

let clock: ManualClock;
let asked: string[];
let listed: Readonly<Record<string, readonly KubeObject[]>> | Error;
let troubles: StartTroubles;

beforeEach(() => {
  clock = new ManualClock();
  asked = [];
  listed = {};
  const list = async (
    _resource: unknown,
    { fieldSelector = '' }: ListOptions,
  ): Promise<KubeList> => {
    const uid = fieldSelector.replace('involvedObject.uid=', '');
    asked.push(uid);
    if (listed instanceof Error) throw listed;
    return { resourceVersion: '1', items: [...(listed[uid] ?? [])] };
  };
  troubles = new StartTroubles({ list }, clock, silentLog);
});

const idle = (...nodes: readonly string[]) =>
  nodes.map((node) => projectPod(aPod(node, { said: { 'my-image': creating, tools: creating } })));
const told = async (...nodes: readonly string[]) =>
  (await troubles.of('n/p', idle(...nodes))).value;

function anEvent(type: string, reason: string, second: number): KubeObject {
  const lastTimestamp = `2026-01-01T12:00:0${second}Z`;
  const metadata = { name: `${reason}.${second}`, namespace: 'workspaces' };
  return { apiVersion: 'v1', kind: 'Event', metadata, type, reason, message: 'no', lastTimestamp };
}

describe('what keeps a pod from beginning', () => {
  it('is the newest Event about it, if that is a warning', async () => {
    listed = {
      'uid-of-a': [
        anEvent('Warning', 'FailedCreatePodSandBox', 5),
        anEvent('Warning', 'FailedMount', 4),
        anEvent('Normal', 'Scheduled', 3),
      ],
    };
    expect(await told('a')).toEqual({ node: 'a', reason: 'FailedCreatePodSandBox', message: 'no' });
  });

  it.each([6, 5])('is nothing where it has gone on, %i s', async (second) => {
    listed = {
      'uid-of-a': [anEvent('Normal', 'Pulling', second), anEvent('Warning', 'FailedMount', 5)],
    };
    expect(await told('a')).toBeUndefined();
  });

  it('is asked for once a minute', async () => {
    listed = { 'uid-of-a': [anEvent('Warning', 'FailedMount', 5)] };
    await told('a');
    await clock.advance(59_000);
    expect(await troubles.of('n/p', idle('a'))).toMatchObject({
      value: { reason: 'FailedMount' },
      againMs: 1_000,
    });
    expect(asked).toHaveLength(1);
    await clock.advance(1_000);
    await told('a');
    expect(asked).toHaveLength(2);
  });

  it('is asked for of one pod after another, until one has trouble', async () => {
    listed = { 'uid-of-b': [anEvent('Warning', 'FailedMount', 5)] };
    for (const expected of [undefined, 'FailedMount', 'FailedMount']) {
      expect((await told('a', 'b', 'c'))?.reason).toBe(expected);
      await clock.advance(60_000);
    }
    expect(asked).toEqual(['uid-of-a', 'uid-of-b', 'uid-of-b']);
  });

  it('is asked for anew of all when none had any', async () => {
    for (let minute = 0; minute < 3; minute += 1) {
      await told('a', 'b');
      await clock.advance(60_000);
    }
    expect(asked).toEqual(['uid-of-a', 'uid-of-b', 'uid-of-a']);
  });

  it('is forgotten when its pod has begun', async () => {
    listed = { 'uid-of-a': [anEvent('Warning', 'FailedMount', 5)] };
    await told('a', 'b');
    expect(await told('b')).toBeUndefined();
    expect(await told()).toBeUndefined();
  });

  it('is what was known last where Events cannot be read', async () => {
    listed = { 'uid-of-a': [anEvent('Warning', 'FailedMount', 5)] };
    await told('a');
    listed = new Error('no right');
    await clock.advance(60_000);
    expect((await told('a'))?.reason).toBe('FailedMount');
    expect(asked).toHaveLength(2);
  });
});
