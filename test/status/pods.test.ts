import { holdsImage, type PodRecord, projectPod, secondsToHold } from '../../src/status/pods.ts';
import {
  aPod,
  creating,
  digest,
  minute,
  now,
  timeAt,
  unauthorized,
  unscheduled,
  waiting,
} from './scenes.ts';

const containerOf = (record: PodRecord) => record.containers[0];
const said = (container: object) =>
  containerOf(projectPod(aPod('node-1', { said: { 'my-image': container } })));

describe('what is kept of a pod', () => {
  it('is what a reflector needs, and the controlling owner alone', () => {
    const pod = aPod('node-1');
    const stranger = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'n1' };
    const owners = [stranger, ...(pod.metadata.ownerReferences ?? [])];
    expect(
      projectPod({ ...pod, metadata: { ...pod.metadata, ownerReferences: owners } }),
    ).toMatchObject({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'cache-node-1',
        namespace: 'workspaces',
        uid: 'uid-of-node-1',
        resourceVersion: '7',
        ownerReferences: [{ uid: 'd1' }],
      },
      node: 'node-1',
      isScheduled: true,
      isTerminating: false,
      goneAt: 0,
      finalizers: [],
      createdAt: now - 60 * minute,
    });
  });

  it('is one array of containers for all pods that say the same', () => {
    const [one, other] = [projectPod(aPod('node-1')), projectPod(aPod('node-2'))];
    expect(one.containers).toBe(other.containers);
    expect(one.condition).toBe(other.condition);
    expect(one.metadata.ownerReferences).toBe(other.metadata.ownerReferences);
  });

  it('is one container for all pods where it alone says the same', () => {
    const one = projectPod(aPod('node-1'));
    const other = projectPod(aPod('node-2', { said: { tools: creating } }));
    expect(one.containers).not.toBe(other.containers);
    expect(one.containers[0]).toBe(other.containers[0]);
  });

  it('is the same for messages that name the pod and count the time', () => {
    const crash = (node: string, time: string) =>
      waiting(
        'CrashLoopBackOff',
        `back-off ${time} restarting failed container=my-image pod=cache-${node}_workspaces(uid-of-${node})`,
      );
    const records = ['node-1', 'node-2'].map((node, index) =>
      projectPod(aPod(node, { said: { 'my-image': crash(node, index === 0 ? '10s' : '5m0s') } })),
    );
    expect(records[0]?.containers).toBe(records[1]?.containers);
    expect(records[0]?.containers[0]?.message).toBe('back-off restarting failed');
  });

  it('has little of a message of 100,000 characters', () => {
    const record = said(waiting('CreateContainerError', 'x'.repeat(100_000)));
    expect(record?.message).toHaveLength(300);
  });

  it('survives a pod of which nothing is known', () => {
    const bare = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } };
    expect(projectPod(bare)).toMatchObject({
      node: '',
      isScheduled: false,
      createdAt: 0,
      containers: [],
    });
  });

  it('names the node that a pod without a place is meant for', () => {
    expect(projectPod(unscheduled('node-7', '0/5 nodes are available'))).toMatchObject({
      node: 'node-7',
      isScheduled: false,
      condition: { unschedulable: '0/5 nodes are available' },
    });
  });

  it('tells that its deletion has begun, and what that waits for', () => {
    const finalizers = ['example.com/hold'];
    const going = aPod('node-1', { metadata: { deletionTimestamp: timeAt(now), finalizers } });
    expect(projectPod(going)).toMatchObject({ isTerminating: true, goneAt: now, finalizers });
    expect(projectPod(aPod('node-1', { metadata: { finalizers } })).finalizers).toEqual([]);
  });
});

describe('a container', () => {
  it('asks for what its spec says, by whatever name the kubelet knows it', () => {
    expect(said({ image: 'docker.io/library/twin:1' })).toMatchObject({
      name: 'my-image',
      reference: 'registry.example/x:1',
    });
  });

  it.each([
    ['of a repository', `registry.example/twin@${digest('b')}`],
    ['of an older kubelet', `docker-pullable://registry.example/twin@${digest('b')}`],
    ['without a repository', digest('b')],
  ])('holds the digest behind the @: %s', (_what, imageID) => {
    expect(said({ imageID })?.digest).toBe(digest('b'));
  });

  it('holds no digest where the runtime names an image in its own way', () => {
    expect(said({ imageID: 'docker://abc' })?.digest).toBe('');
  });

  it.each([
    ['is created', creating, 'waiting', 'ContainerCreating'],
    ['cannot be pulled', unauthorized, 'failing', 'ErrImagePull'],
    [
      'waits for the next pull',
      waiting('ImagePullBackOff', 'Back-off pulling image "x"'),
      'failing',
      'ErrImagePull',
    ],
    ['has a bad name', waiting('InvalidImageName'), 'failing', 'InvalidImageName'],
    ['cannot be made', waiting('CreateContainerError'), 'failing', 'CreateContainerError'],
    [
      'was killed and backs off',
      waiting('CrashLoopBackOff', 'back-off', {
        lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
      }),
      'failing',
      'OOMKilled',
    ],
    [
      'was killed just now and is started again',
      { state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } },
      'waiting',
      'OOMKilled',
    ],
    [
      'ended with a fault just now',
      { state: { terminated: { exitCode: 1, reason: 'Error' } } },
      'waiting',
      'CrashLoopBackOff',
    ],
    [
      'went down with its node',
      { state: { terminated: { exitCode: 255, reason: 'Unknown' } } },
      'waiting',
      'CrashLoopBackOff',
    ],
    [
      'did not start just now',
      { state: { terminated: { exitCode: 128, reason: 'StartError' } } },
      'failing',
      'StartError',
    ],
    [
      'ended without ever having run',
      { state: { terminated: { exitCode: 1, reason: 'Error' } }, imageID: '' },
      'failing',
      'CrashLoopBackOff',
    ],
    [
      'ended with a fault and backs off',
      waiting('CrashLoopBackOff', 'back-off', {
        lastState: { terminated: { exitCode: 1, reason: 'Error' } },
      }),
      'failing',
      'CrashLoopBackOff',
    ],
    [
      'ended by itself',
      { state: { terminated: { exitCode: 0, reason: 'Completed' } } },
      'waiting',
      'CrashLoopBackOff',
    ],
  ])('that %s is told by its cause', (_what, status, state, reason) => {
    expect(said(status)).toMatchObject({ state, reason });
  });

  it('says the same in the pull and in the back-off after it', () => {
    const cause =
      'failed to pull and unpack image "registry.example/x:1": failed to resolve reference "registry.example/x:1": x509: certificate signed by unknown authority';
    const backOff = `Back-off pulling image "registry.example/x:1": ErrImagePull: ${cause}`;
    expect(said(waiting('ErrImagePull', cause))).toBe(said(waiting('ImagePullBackOff', backOff)));
  });

  it('says the same when it ends and in the back-off after it', () => {
    const terminated = { exitCode: 128, reason: 'StartError', message: 'exec format error' };
    const backingOff = waiting('CrashLoopBackOff', 'back-off 10s', { lastState: { terminated } });
    expect(said({ state: { terminated }, imageID: '' })).toBe(said(backingOff));
  });

  it('holds its image while it runs, and between two runs', () => {
    const held = [{}, { ...creating, imageID: `x@${digest('a')}` }, creating, unauthorized].map(
      (status) => {
        const container = said(status);
        return container && holdsImage(container);
      },
    );
    expect(held).toEqual([true, true, false, false]);
  });

  it('holds its image from the end of a run until it ends again and again', () => {
    const terminated = { exitCode: 255, reason: 'Unknown' };
    const imageID = `x@${digest('a')}`;
    const backingOff = waiting('CrashLoopBackOff', 'back-off', {
      lastState: { terminated },
      imageID,
    });
    const held = [{ state: { terminated } }, backingOff].map((status) => {
      const container = said(status);
      return container && holdsImage(container);
    });
    expect(held).toEqual([true, false]);
  });

  it('of the init kind that ended with a fault fails, whatever it holds', () => {
    const wrong = { name: 'copy-sleep', state: { terminated: { exitCode: 1, reason: 'Error' } } };
    const record = projectPod(
      aPod('node-1', {
        spec: { initContainers: [{ name: 'copy-sleep', image: 'sleeper:1' }] },
        status: { initContainerStatuses: [{ ...wrong, imageID: `x@${digest('a')}` }] },
      }),
    );
    expect(containerOf(record)?.state).toBe('failing');
  });

  it('of the init kind comes first, and is done after its work', () => {
    const record = projectPod(
      aPod('node-1', {
        spec: { initContainers: [{ name: 'copy-sleep', image: 'sleeper:1' }] },
        status: {
          initContainerStatuses: [
            { name: 'copy-sleep', state: { terminated: { exitCode: 0, reason: 'Completed' } } },
          ],
        },
      }),
    );
    expect(containerOf(record)).toMatchObject({ name: 'copy-sleep', isInit: true, state: 'done' });
  });
});

describe('the time at which a pod last spoke', () => {
  const written = (manager: string, ago: number, subresource?: string) => ({
    manager,
    operation: 'Update' as const,
    time: timeAt(now - ago),
    ...(subresource && { subresource }),
  });

  it('is that of the last change of its status', () => {
    const managedFields = [
      written('kubelet', 3 * minute, 'status'),
      written('kube-controller-manager', 5 * minute, 'status'),
      written('kubectl', minute),
    ];
    const pod = projectPod(aPod('node-1', { metadata: { managedFields } }));
    expect(pod.spokenAt).toBe(now - 3 * minute);
  });

  it('is that of its newest condition where the server does not tell', () => {
    expect(projectPod(aPod('node-1')).spokenAt).toBe(now - 60 * minute);
    const conditions = [
      { type: 'Ready', status: 'False', lastTransitionTime: timeAt(now - minute) },
    ];
    expect(projectPod(aPod('node-1', { conditions })).spokenAt).toBe(now - minute);
  });
});

describe('the time that pulls took', () => {
  const pulled = (scheduled: number, ready: number) =>
    projectPod(
      aPod('node-1', {
        conditions: [
          { type: 'PodScheduled', status: 'True', lastTransitionTime: timeAt(scheduled) },
          { type: 'ContainersReady', status: 'True', lastTransitionTime: timeAt(ready) },
        ],
      }),
    );

  it('is that from the place on a node to the last start', () => {
    expect(secondsToHold(pulled(now, now + 90_000))).toBe(90);
  });

  it('is never negative, whatever the clocks of two machines say', () => {
    expect(secondsToHold(pulled(now, now - 5000))).toBe(0);
  });

  it('is unknown while not everything runs', () => {
    expect(
      secondsToHold(projectPod(aPod('node-1', { said: { tools: creating } }))),
    ).toBeUndefined();
  });
});
