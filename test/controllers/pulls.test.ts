import { Pulls } from '../../src/controllers/pulls.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import type { Change } from '../../src/kube/store.ts';
import { projectPod } from '../../src/status/pods.ts';

let told: string[];
let pulls: Pulls;

beforeEach(() => {
  told = [];
  pulls = new Pulls((key, seconds) => told.push(`${key} ${seconds}`));
});

/** A pod that was placed at second 0, and holds its images since then, if it does. */
function aPod(heldAtSecond?: number): KubeObject {
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  const condition = (type: string, second: number) => ({
    type,
    status: 'True',
    lastTransitionTime: at(second),
  });
  return projectPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'n', name: 'p', uid: 'u', resourceVersion: '1' },
    spec: { nodeName: 'node' },
    status: {
      conditions: [
        condition('PodScheduled', 0),
        ...(heldAtSecond === undefined ? [] : [condition('ContainersReady', heldAtSecond)]),
      ],
    },
  });
}

const added = (object: KubeObject): Change => ({ type: 'added', object });
const deleted = (object: KubeObject): Change => ({ type: 'deleted', object });
const updated = (object: KubeObject): Change => ({ type: 'updated', object, previous: object });

describe('how long pulls took', () => {
  it('is told once a pod holds its images, and only once', () => {
    pulls.take(added(aPod()), 'n/a');
    pulls.take(updated(aPod()), 'n/a');
    expect(told).toEqual([]);
    pulls.take(updated(aPod(12)), 'n/a');
    expect(told).toEqual(['n/a 12']);
    // A container was restarted.
    pulls.take(updated(aPod()), 'n/a');
    pulls.take(updated(aPod(50)), 'n/a');
    expect(told).toEqual(['n/a 12']);
  });

  it('is not told of a pod that held them before it was seen', () => {
    pulls.take(added(aPod(12)), 'n/a');
    pulls.take(updated(aPod(12)), 'n/a');
    expect(told).toEqual([]);
  });

  it('is not told of a stray pod until it is known whose it is', () => {
    pulls.take(updated(aPod(12)), undefined);
    expect(told).toEqual([]);
    pulls.take(updated(aPod(12)), 'n/a');
    expect(told).toEqual(['n/a 12']);
  });

  it('is forgotten with the pod, whoever its owner was', () => {
    pulls.take(updated(aPod(12)), 'n/a');
    pulls.take(deleted(aPod(12)), undefined);
    pulls.take(updated(aPod(12)), 'n/a');
    expect(told).toEqual(['n/a 12', 'n/a 12']);
  });
});
