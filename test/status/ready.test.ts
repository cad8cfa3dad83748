import type { Finding, ImagePullerStatus } from '../../src/api/types.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { newsBetween } from '../../src/status/news.ts';
import { stalledInMs } from '../../src/status/summarize.ts';
import {
  aDaemonSet,
  aPod,
  creating,
  digest,
  ended,
  images,
  marked,
  messageOf,
  minute,
  nodeNames,
  now,
  refusal,
  statusOf,
  timeAt,
  told,
  unauthorized,
  unscheduled,
  unspoken,
  waiting,
} from './scenes.ts';

const pods = (count: number) => nodeNames(count).map((node) => aPod(node));
const complete = statusOf(pods(3));
const young = (node: string, traits: object = {}) =>
  aPod(node, { createdAt: now - minute, said: { tools: creating }, ...traits });
const justMade = (pod: KubeObject): KubeObject => ({
  ...pod,
  metadata: { ...pod.metadata, creationTimestamp: timeAt(now - minute) },
});

describe('a complete cache', () => {
  it('is Ready, and nothing else is there to tell', () => {
    expect(told(complete)).toEqual({
      Ready: 'True AllResourcesReady',
      Progressing: 'False ReconcileComplete',
      Degraded: 'False ReconcileComplete',
    });
    expect(messageOf(complete, 'Ready')).toBe('all 2 images on all 3 nodes');
  });

  it('stays Ready while pods roll and nothing is lost', () => {
    const daemonSets = [
      aDaemonSet(3, { status: { updatedNumberScheduled: 1, observedGeneration: 0 } }),
    ];
    const surge = young('node-1', { uid: 'new' });
    const status = statusOf([...pods(3), surge], { previous: complete, facts: { daemonSets } });
    expect(told(status)).toEqual({
      Ready: 'True AllResourcesReady',
      Progressing: 'True PodsRolling',
      Degraded: 'False ReconcileComplete',
    });
  });

  it('stays Ready while a node is unreachable, which is counted and named', () => {
    const all = [...pods(2), aPod('node-3', { conditions: marked })];
    const status = statusOf(all, { previous: complete });
    expect(told(status)['Ready']).toBe('True AllResourcesReady');
    expect(messageOf(status, 'Ready')).toBe(
      'all 2 images on all 2 reachable nodes; 1 node is unreachable: node-3',
    );
    expect(status).toMatchObject({
      nodesDesired: 3,
      nodesReady: 2,
      nodesUnreachable: 1,
      imagesReady: 2,
    });
  });

  it('stays Ready while a node starts its containers again after a power cut', () => {
    const cut = { state: { terminated: { exitCode: 255, reason: 'Unknown' } } };
    const all = [...pods(2), aPod('node-3', { said: { 'my-image': cut, tools: cut } })];
    const status = statusOf(all, { previous: complete });
    expect(told(status)['Ready']).toBe('True AllResourcesReady');
    expect(newsBetween({ status: complete }, { status })).toEqual([]);
  });

  it('stays Ready while a new node gets its images, which is counted and named', () => {
    const status = statusOf([...pods(3), young('node-4')], { previous: complete });
    expect(told(status)).toMatchObject({
      Ready: 'True AllResourcesReady',
      Progressing: 'True ImagesPulling',
    });
    expect(messageOf(status, 'Ready')).toBe(
      'all 2 images on 3 of 4 nodes; 1 node has a new pod and is not done: node-4',
    );
    expect(status).toMatchObject({
      nodesDesired: 4,
      nodesReady: 3,
      imagesReady: 2,
      imagesDesired: 2,
    });
  });

  it('stays Ready while a new node fails at first, and tells of it without alarm', () => {
    const node = young('node-4', { said: { tools: unauthorized } });
    const status = statusOf([...pods(3), node], { previous: complete });
    expect(told(status)).toMatchObject({
      Ready: 'True AllResourcesReady',
      Degraded: 'False ReconcileComplete',
    });
    expect(messageOf(status, 'Degraded')).toBe(
      'nothing is wrong but on nodes whose pods are new: tools (registry.example/y:2): 1 of 4 nodes cannot pull it: 401 Unauthorized; check imagePullSecrets (on node-4)',
    );
    expect(status).toMatchObject({ imagesFailing: 1, imagesReady: 2 });
  });

  it('names what fails on a new node behind what is wrong elsewhere', () => {
    const node = young('node-4', { said: { tools: unauthorized } });
    const seen = { pullerUnavailable: 'no pod' };
    const status = statusOf([...pods(3), node], { previous: complete, seen });
    expect(told(status)['Degraded']).toBe('True DeploymentNotAvailable');
    expect(messageOf(status, 'Degraded')).toMatch(/no pod\. tools .*401 Unauthorized/);
  });

  it('tells once of what fails on a new node and on others', () => {
    const said = { tools: unauthorized };
    const all = [...pods(2), aPod('node-3', { said }), young('node-4', { said })];
    expect(messageOf(statusOf(all, { previous: complete }), 'Degraded')).toBe(
      'tools (registry.example/y:2): 2 of 4 nodes cannot pull it: 401 Unauthorized; check imagePullSecrets (on node-3 and node-4)',
    );
  });

  it('stays Ready while more new nodes come than there were', () => {
    const come = ['node-3', 'node-4', 'node-5'].map((node) => young(node));
    const awaited = { daemonSets: [aDaemonSet(7)] };
    const status = statusOf([...pods(2), ...come], { previous: complete, facts: awaited });
    expect(told(status)['Ready']).toBe('True AllResourcesReady');
    expect(messageOf(status, 'Ready')).toBe(
      'all 2 images on 2 of 7 nodes; 3 nodes have new pods and are not done: node-3, node-4 and node-5',
    );
  });

  it('stays Ready while the pod of a new node is not made yet', () => {
    const status = statusOf(pods(3), {
      previous: complete,
      facts: { daemonSets: [aDaemonSet(4)] },
    });
    expect(told(status)['Ready']).toBe('True AllResourcesReady');
  });

  it.each([
    [
      'a node lost an image',
      [...pods(2), aPod('node-3', { said: { tools: creating } })],
      'ImagesPulling',
    ],
    [
      'a node fails on an image',
      [...pods(2), aPod('node-3', { said: { tools: unauthorized } })],
      'ImagesFailing',
    ],
    ['a node threw its pod out', [...pods(2), ended('node-3', 'Evicted', 'memory')], 'PodsEvicted'],
    [
      'a node throws pods out as soon as they come',
      [...pods(2), justMade(ended('node-3', 'Evicted', 'DiskPressure'))],
      'DiskPressure',
    ],
    [
      'a node has no disk left',
      [...pods(2), ended('node-3', 'Evicted', 'DiskPressure')],
      'DiskPressure',
    ],
    ['a node rejects its pod', [...pods(2), ended('node-3', 'OutOfpods', 'no')], 'PodsRejected'],
    ['a node has no room', [...pods(2), unscheduled('node-3', 'no')], 'Unschedulable'],
    [
      'most nodes are "new": the cache is lost',
      nodeNames(3).map((node) => young(node)),
      'ImagesPulling',
    ],
    [
      'all nodes are unreachable',
      nodeNames(3).map((node) => aPod(node, { conditions: marked })),
      'NodesUnreachable',
    ],
  ])('is Ready no more when %s', (_when, present, reason) => {
    expect(told(statusOf(present, { previous: complete }))['Ready']).toBe(`False ${reason}`);
  });

  it('counts no image as there when nobody answers', () => {
    const silent = nodeNames(3).map((node) => aPod(node, { conditions: marked }));
    expect(statusOf(silent, { previous: complete })).toMatchObject({
      imagesReady: 0,
      nodesReady: 0,
    });
  });

  it('that was lost as a whole is Ready again when as many nodes hold it as are new', () => {
    const lost = statusOf(
      nodeNames(5).map((node) => young(node)),
      { previous: complete },
    );
    const back = (holding: number) => {
      const rest = nodeNames(5).slice(holding);
      const all = [...pods(holding), ...rest.map((node) => young(node))];
      return told(statusOf(all, { previous: lost }))['Ready'];
    };
    expect([0, 2, 3].map(back)).toEqual([
      'False ImagesPulling',
      'False ImagesPulling',
      'True AllResourcesReady',
    ]);
  });

  it('is Ready no more when its DaemonSet is gone', () => {
    const gone = statusOf(pods(3), { previous: complete, facts: { daemonSets: [] } });
    expect(told(gone)['Ready']).toBe('False ImagesPulling');
  });

  it('is Ready no more when new nodes hold the roll-out up for too long', () => {
    const status = statusOf([...pods(3), young('node-4')], {
      previous: complete,
      seen: { stalled: true },
    });
    expect(told(status)).toMatchObject({
      Ready: 'False ImagesPulling',
      Stalled: 'True RolloutStalled',
    });
  });
});

describe('a list that changed', () => {
  const changed = { previous: complete, generation: 2 };
  const bad = { container: 'bad', reference: 'registry.invalid/bad:1', names: ['bad'] };
  /** A pod that holds both images and lacks another one. */
  const lacking = (traits: object) =>
    aPod('node-3', { images: [...images, bad], said: { bad: unauthorized }, ...traits });

  it('is Ready at once where every node holds it already', () => {
    expect(told(statusOf(pods(3), changed))['Ready']).toBe('True AllResourcesReady');
  });

  it.each([
    ['a node lacks a new image', [...pods(2), aPod('node-3', { images: images.slice(0, 1) })], {}],
    ['a node is pulling, however new it looks', [...pods(3), young('node-4')], {}],
    ['the DaemonSet controller has not seen it', pods(3), { status: { observedGeneration: 0 } }],
    ['pods are missing', pods(2), {}],
    [
      'a pod of the former list is not ready and so is about to be replaced, whatever it holds',
      [...pods(2), lacking({ template: 1 })],
      { status: { updatedNumberScheduled: 2 } },
    ],
  ])('is not Ready while %s', (_while, present, more) => {
    const daemonSets = [changedNow(aDaemonSet(3, more))];
    const status = statusOf(present, { ...changed, facts: { daemonSets } });
    expect(told(status)).toMatchObject({
      Ready: 'False ImagesPulling',
      Progressing: 'True ImagesPulling',
      Reconciling: 'True ImagesPulling',
    });
  });

  it.each([
    ['of the present template, beside what a webhook has put there', { template: 2 }],
    ['of the former one, on a node that fell silent', { template: 1, conditions: marked }],
    ['from before an edit that was undone', { template: 1 }, { updatedNumberScheduled: 3 }],
  ])(
    'is Ready where a pod that is not ready holds it, and is one %s',
    (_which, traits, said = { updatedNumberScheduled: 2 }) => {
      const daemonSets = [aDaemonSet(3, { status: said })];
      const status = statusOf([...pods(2), lacking(traits)], { ...changed, facts: { daemonSets } });
      expect(told(status)['Ready']).toBe('True AllResourcesReady');
    },
  );

  it('is Ready when a node that came long after it is all that lacks', () => {
    const late = [...pods(3), young('node-4')];
    expect(told(statusOf(late, changed))['Ready']).toBe('True AllResourcesReady');
  });

  it('is Ready without the nodes that are unreachable', () => {
    const all = [...pods(2), aPod('node-3', { images: images.slice(0, 1), conditions: marked })];
    expect(told(statusOf(all, changed))['Ready']).toBe('True AllResourcesReady');
  });
});

describe('a cache that no node takes pods of', () => {
  const nowhere = (status: object = {}) => ({
    facts: { daemonSets: [aDaemonSet(0, { status })] },
  });

  it('is Ready, as nobody lacks anything, and the message says why that may be', () => {
    const status = statusOf([], nowhere());
    expect(told(status)['Ready']).toBe('True NoMatchingNodes');
    expect(messageOf(status, 'Ready')).toMatch(/nodeSelector.*or those that do are not ready$/);
  });

  it('is not Ready until the DaemonSet controller has looked', () => {
    expect(told(statusOf([], nowhere({ observedGeneration: 0 })))['Ready']).toBe(
      'False ImagesPulling',
    );
  });

  it('is Ready no more when nodes come, new as they are', () => {
    const nothing = statusOf([], nowhere());
    const come = nodeNames(2).map((node) => young(node));
    expect(told(statusOf(come, { previous: nothing }))['Ready']).toBe('False ImagesPulling');
  });
});

describe('an image that fails', () => {
  const failing = (nodes: readonly string[], of = 3) =>
    nodeNames(of).map((node) =>
      aPod(node, nodes.includes(node) ? { said: { 'my-image': unauthorized } } : {}),
    );

  it('is told in the words of the user, with the cause, what to do, and where', () => {
    const status = statusOf(failing(['node-2', 'node-3']));
    const sentence =
      'my_Image (registry.example/x:1): 2 of 3 nodes cannot pull it: 401 Unauthorized; check imagePullSecrets (on node-2 and node-3)';
    expect(told(status)).toEqual({
      Ready: 'False ImagesFailing',
      Progressing: 'True ImagesPulling',
      Degraded: 'True ImagesFailing',
      Reconciling: 'True ImagesFailing',
    });
    expect(messageOf(status, 'Ready')).toBe(sentence);
    expect(messageOf(status, 'Degraded')).toBe(sentence);
  });

  it('everywhere is told without the names of all nodes', () => {
    expect(messageOf(statusOf(failing(nodeNames(3))), 'Ready')).toBe(
      'my_Image (registry.example/x:1): none of 3 nodes can pull it: 401 Unauthorized; check imagePullSecrets',
    );
    expect(messageOf(statusOf(failing(nodeNames(2), 2)), 'Ready')).toContain(
      'neither of 2 nodes can pull it: ',
    );
  });

  const untrusted = waiting('ErrImagePull', 'x509: certificate signed by unknown authority');
  const unknown = waiting('ErrImagePull', 'dial tcp: lookup r.example: no such host');
  const ending = waiting('CrashLoopBackOff', 'back-off');
  /** Pods of nodes of which the first so many say these things. */
  const saying = (of: number, ...said: readonly object[]) =>
    nodeNames(of).map((node, index) =>
      aPod(node, { said: said[index] ? { tools: said[index] } : {} }),
    );

  it('for several causes is told by each of them, and where', () => {
    const status = statusOf(saying(10, unauthorized, unauthorized, untrusted, unknown));
    const sentence =
      'tools (registry.example/y:2): 4 of 10 nodes cannot pull it: 401 Unauthorized; check imagePullSecrets (on node-1 and node-2); elsewhere: a host name of the registry cannot be resolved (on node-4) and no TLS connection that the node trusts (on node-3)';
    expect(messageOf(status, 'Ready')).toBe(sentence);
    expect(messageOf(status, 'Degraded')).toBe(sentence);
    expect(status.images?.[0]).toMatchObject({
      nodesFailing: 4,
      advice: '401 Unauthorized; check imagePullSecrets',
    });
  });

  it('for one cause, told in several ways, is told as one', () => {
    const alike = waiting('ErrImagePull', 'unauthorized: incorrect username or password');
    const status = statusOf(saying(5, unauthorized, alike, untrusted, unauthorized, untrusted));
    expect(messageOf(status, 'Ready')).toContain(
      'none of 5 nodes can pull it: 401 Unauthorized; check imagePullSecrets (on node-1, node-2 and node-4); elsewhere: no TLS connection that the node trusts (on node-3 and node-5)',
    );
    expect(status.images?.[0]?.advice).toContain('401');
  });

  it('for many causes names three of them and counts the others', () => {
    const odd = ['w', 'x', 'y', 'z'].map((word) => waiting('ErrImagePull', word.repeat(200)));
    const status = statusOf(saying(5, ...odd, odd[0] ?? {}));
    expect(messageOf(status, 'Ready')).toMatch(
      /: none of 5 nodes can pull it: w{200} \(on node-1 and node-5\); elsewhere: x{100}\.\.\. \(on node-2\), y{100}\.\.\. \(on node-3\) and 1 more$/,
    );
  });

  it('to come here and to run there is told as both', () => {
    expect(messageOf(statusOf(saying(3, ending, untrusted)), 'Ready')).toContain(
      '2 of 3 nodes cannot pull or run it: ',
    );
  });

  it('is told by those who know where older kubelets back off and do not say why', () => {
    const mute = waiting('ImagePullBackOff', 'Back-off pulling image "registry.example/y:2"');
    expect(messageOf(statusOf(saying(5, mute, mute, unauthorized)), 'Ready')).toContain(
      '3 of 5 nodes cannot pull it: 401 Unauthorized; check imagePullSecrets (on node-1, node-2 and node-3)',
    );
  });

  it('with others is told by the worst of them', () => {
    const [first] = failing(['node-1']);
    const other = aPod('node-2', { said: { 'my-image': unauthorized, tools: unauthorized } });
    const status = statusOf(first ? [first, other] : []);
    expect(messageOf(status, 'Ready')).toMatch(/^my_Image .*; and 1 more, see Degraded$/);
    expect(messageOf(status, 'Degraded')).toMatch(/^my_Image .*\. tools .*\.$/);
  });

  it('fails for good after the progress deadline, and by nothing else', () => {
    const begun = statusOf(failing(['node-2']));
    const at = (ms: number) => statusOf(failing(['node-2']), { previous: begun, at: now + ms });
    expect(told(at(10 * minute - 1))).toHaveProperty('Reconciling');
    expect(told(at(10 * minute))).toEqual({
      Ready: 'False ImagesFailing',
      Progressing: 'False ImagesFailing',
      Degraded: 'True ImagesFailing',
      Stalled: 'True ImagesFailing',
    });
    expect(stalledInMs(begun, { now, progressDeadlineMs: 10 * minute })).toBe(10 * minute);
    expect(stalledInMs(complete, { now, progressDeadlineMs: 10 * minute })).toBeUndefined();
  });

  it('is what Stalled tells of a roll-out that does not advance for its sake', () => {
    const status = statusOf(failing(['node-2']), { seen: { stalled: true } });
    expect(told(status)).toEqual({
      Ready: 'False ImagesFailing',
      Progressing: 'False RolloutStalled',
      Degraded: 'True ImagesFailing',
      Stalled: 'True ImagesFailing',
    });
  });

  it('to bring sleep is told first, as everything waits for it', () => {
    const blocked = aPod('node-1', {
      spec: {
        nodeName: 'node-1',
        initContainers: [{ name: 'copy-sleep', image: 'registry.example/sleeper:1' }],
      },
      said: { 'my-image': creating, tools: creating },
      status: { initContainerStatuses: [{ name: 'copy-sleep', ...unauthorized }] },
    });
    expect(messageOf(statusOf([blocked, ...pods(3).slice(1)]), 'Ready')).toBe(
      'the image that brings sleep (registry.example/sleeper:1): 1 of 3 nodes cannot pull it: 401 Unauthorized; check imagePullSecrets (on node-1)',
    );
  });

  it('to bring sleep is told with all its causes too', () => {
    const blockedBy = (node: string, cause: object) =>
      aPod(node, {
        spec: {
          nodeName: node,
          initContainers: [{ name: 'copy-sleep', image: 'registry.example/sleeper:1' }],
        },
        said: { 'my-image': creating, tools: creating },
        status: { initContainerStatuses: [{ name: 'copy-sleep', ...cause }] },
      });
    const all = [blockedBy('node-1', unauthorized), blockedBy('node-2', untrusted)];
    expect(messageOf(statusOf(all), 'Ready')).toBe(
      'the image that brings sleep (registry.example/sleeper:1): neither of 2 nodes can pull it: 401 Unauthorized; check imagePullSecrets (on node-1); elsewhere: no TLS connection that the node trusts (on node-2)',
    );
  });

  it.each([
    [
      'ends again and again',
      'run',
      waiting('CrashLoopBackOff', '', { imageID: `x@${digest('a')}` }),
    ],
    ['was held before', 'pull', { ...unauthorized, imageID: `x@${digest('a')}` }],
    [
      'fails in a way that nobody knows',
      'run',
      waiting('Odd', '', { imageID: `x@${digest('a')}` }),
    ],
    ['was never held and fails so', 'pull', waiting('Odd')],
  ])('that %s: the node cannot %s it', (_how, verb, said) => {
    expect(messageOf(statusOf([aPod('node-1', { said: { tools: said } })]), 'Ready')).toContain(
      `the node cannot ${verb} it: `,
    );
  });

  it('when it starts is told as such', () => {
    const wrong = waiting('CrashLoopBackOff', '', {
      lastState: {
        terminated: {
          exitCode: 128,
          reason: 'StartError',
          message: 'exec /kip/sleep: exec format error',
        },
      },
    });
    expect(messageOf(statusOf([aPod('node-1', { said: { tools: wrong } })]), 'Ready')).toMatch(
      /^tools \(registry\.example\/y:2\): the node cannot run it: no image for this node's architecture; /,
    );
  });
});

describe('pods that do not come into being', () => {
  const quota =
    'Error creating: pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2';
  const facts = { daemonSets: [aDaemonSet(5)], refusals: [refusal(quota)] };
  const pause =
    'Kubernetes tries again within 17 minutes, or as soon as the DaemonSet is annotated';

  it('for a quota are told by what it lacks', () => {
    const status = statusOf(pods(2), { facts });
    expect(told(status)).toMatchObject({
      Ready: 'False QuotaExceeded',
      Degraded: 'True QuotaExceeded',
    });
    expect(messageOf(status, 'Ready')).toBe(
      `3 of 5 nodes get no pod: the quota team would have to hold 3 more pods; ${pause}`,
    );
  });

  it('for a quota are told with the room for the puller, where that gives way to them', () => {
    const told = (message: string) =>
      messageOf(
        statusOf(pods(2), {
          facts: { ...facts, refusals: [refusal(message)] },
          seen: { isPullerToCome: true },
        }),
        'Ready',
      );
    expect(told(quota)).toBe(
      `3 of 5 nodes get no pod: the quota team would have to hold 4 more pods, the puller's own included; ${pause}`,
    );
    const storage =
      'exceeded quota: team, requested: requests.ephemeral-storage=1Gi, used: requests.ephemeral-storage=2Gi, limited: requests.ephemeral-storage=2Gi';
    expect(told(storage)).toContain('to hold 3Gi more requests.ephemeral-storage; Kubernetes');
  });

  it('are counted over all parts of a long list, and told once for each quota', () => {
    const [first = [], second = []] = [3, 1].map((count) => nodeNames(count));
    const parts = ['d1', 'd2', 'd3'].map((uid) => aDaemonSet(4, { uid }));
    const all = [
      ...first.map((node) => aPod(node, { uid: `${node}-1` })),
      ...second.map((node) => aPod(node, { uid: `${node}-2`, owner: 'd2' })),
    ];
    const exceeded = (used: number) =>
      `exceeded quota: team, requested: pods=1, used: pods=${used}, limited: pods=4`;
    const webhook = 'admission webhook "w" denied the request: no sleeping';
    const refusals = [
      refusal(exceeded(3), { at: now - minute }),
      refusal(exceeded(4), { uid: 'd2' }),
      refusal(webhook, { uid: 'd3' }),
    ];
    const status = statusOf(all, { facts: { daemonSets: parts, refusals } });
    expect(messageOf(status, 'Ready')).toBe(
      `4 of 12 pods are refused: the quota team would have to hold 4 more pods; ${pause}; and 1 more, see Degraded`,
    );
    expect(messageOf(status, 'Degraded')).toBe(
      `4 of 12 pods are refused: the quota team would have to hold 4 more pods; ${pause}. 4 of 12 pods are refused: ${webhook}; ${pause}.`,
    );
  });

  it('are told also of a cache that was complete', () => {
    expect(told(statusOf(pods(4), { facts, previous: complete }))['Ready']).toBe(
      'False QuotaExceeded',
    );
  });

  it('are told where the old pods are still there and wait for successors', () => {
    const outdated = nodeNames(2).map((node) => aPod(node, { images: images.slice(0, 1) }));
    const status = statusOf(outdated, { facts: { refusals: [refusal(quota)] } });
    expect(messageOf(status, 'Ready')).toBe(
      `all 2 nodes get no new pod: for one the quota team would have to hold 1 more pod; ${pause}`,
    );
  });

  it('for admission are told in the words of who refused them', () => {
    const refusals = [
      refusal('Error creating: admission webhook "w" denied the request: no sleeping'),
    ];
    const status = statusOf(pods(4), { facts: { ...facts, refusals } });
    expect(told(status)['Ready']).toBe('False PodsRefused');
    expect(messageOf(status, 'Ready')).toBe(
      `1 of 5 nodes gets no pod: admission webhook "w" denied the request: no sleeping; ${pause}`,
    );
  });

  it('are told without pods to look at as well', () => {
    const daemonSets = [
      aDaemonSet(5, { status: { currentNumberScheduled: 2, numberAvailable: 2 } }),
    ];
    const status = statusOf([], { facts: { ...facts, daemonSets, pods: undefined } });
    expect(told(status)['Ready']).toBe('False QuotaExceeded');
  });
});

describe('a node that cannot set its pod up', () => {
  const startTrouble = {
    node: 'node-3',
    reason: 'FailedMount',
    message: 'MountVolume.SetUp failed for volume "x" : object "workspaces"/"x" not registered',
  };
  const seen = { startTrouble };

  it("is told in the kubelet's words, and what it means where that is known", () => {
    const all = [...pods(2), aPod('node-3', { said: { 'my-image': creating, tools: creating } })];
    const status = statusOf(all, { seen });
    expect(told(status)).toMatchObject({
      Ready: 'False PodsNotStarting',
      Degraded: 'True PodsNotStarting',
    });
    expect(messageOf(status, 'Ready')).toBe(
      'node-3: its pod does not start: MountVolume.SetUp failed for volume "x" : object "workspaces"/"x" not registered',
    );
    const message =
      'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create containerd task: container init was OOM-killed (memory limit too low?)';
    const limited = statusOf(all, { seen: { startTrouble: { ...startTrouble, message } } });
    expect(messageOf(limited, 'Ready')).toMatch(
      /memory limit is too small .*raise cachingMemoryLimit$/,
    );
    expect(told(statusOf(all, { seen: { ...seen, stalled: true } }))['Stalled']).toBe(
      'True PodsNotStarting',
    );
  });

  it('is no harm where another pod of the node holds the images', () => {
    expect(told(statusOf(pods(3), { seen }))['Ready']).toBe('True AllResourcesReady');
    const stuck = statusOf(pods(3), { seen: { ...seen, stalled: true } });
    expect(messageOf(stuck, 'Degraded')).toMatch(/; node-3: its pod does not start: MountVolume/);
  });

  it('is given time while it is new', () => {
    const status = statusOf([...pods(2), young('node-3')], { seen, previous: complete });
    expect(told(status)['Ready']).toBe('True AllResourcesReady');
  });
});

describe('a forged pod with the true uid of the DaemonSet', () => {
  const silent = { 'my-image': unspoken, tools: unspoken };

  it('on a node that does not exist is unreachable after a minute, and holds nothing up', () => {
    const ghost = aPod('ghost', { said: silent, createdAt: now - minute });
    const status = statusOf([...pods(3), ghost], { facts: { daemonSets: [aDaemonSet(3)] } });
    expect(told(status)['Ready']).toBe('True AllResourcesReady');
    expect(messageOf(status, 'Ready')).toContain('1 node is unreachable: ghost');
  });

  it('is new until then', () => {
    const ghost = aPod('ghost', { said: silent, createdAt: now - minute / 2 });
    const facts = { daemonSets: [aDaemonSet(3)] };
    const status = statusOf([...pods(3), ghost], { facts, previous: complete });
    expect(messageOf(status, 'Ready')).toContain('1 node has a new pod and is not done: ghost');
  });
});

describe('nodes without room', () => {
  it('are named, with what they lack and what to do', () => {
    const message =
      '0/3 nodes are available: 1 Insufficient memory. preemption: 0/3 nodes are available.';
    const status = statusOf([...pods(2), unscheduled('node-3', message)]);
    expect(messageOf(status, 'Ready')).toBe(
      '1 of 3 nodes (node-3) has no room for the cache: Insufficient memory; make room there, or lower the requests',
    );
  });
});

describe('a pod that does not end', () => {
  const going = (agoMs: number, finalizers: readonly string[] = []) =>
    aPod('node-3', { metadata: { deletionTimestamp: timeAt(now - agoMs), finalizers } });
  const unwanted = (more: object = {}) => ({
    facts: { daemonSets: [aDaemonSet(2, { status: { numberMisscheduled: 1, ...more } })] },
  });

  it.each([
    ['kept by its finalizers example.com/hold', ['example.com/hold']],
    ['and its node does not end it', []],
  ])('is told after a minute, with what is known: %s', (cause, finalizers) => {
    const wanted = (agoMs: number) => statusOf([...pods(2), going(agoMs, finalizers)]);
    expect(told(wanted(minute - 1))).toMatchObject({
      Ready: 'False ImagesPulling',
      Degraded: 'False ReconcileComplete',
    });
    expect(told(wanted(minute))).toMatchObject({
      Ready: 'False WaitingForDeletion',
      Degraded: 'True WaitingForDeletion',
    });
    expect(messageOf(wanted(minute), 'Ready')).toBe(
      `1 of 3 nodes (node-3) has no pod of the cache: the last pod has been terminating for more than a minute, ${cause}`,
    );
  });

  it('on a node that is selected no more is nobody to wait for', () => {
    const status = statusOf([...pods(2), going(60 * minute, ['example.com/hold'])], unwanted());
    expect(told(status)).toEqual(told(complete));
    expect(status).toMatchObject({ nodesDesired: 2, nodesReady: 2 });
    expect(messageOf(status, 'Ready')).toBe('all 2 images on all 2 nodes');
  });

  it('on one that may be selected still counts, while other pods go ahead of their successors', () => {
    const { daemonSets } = unwanted({ updatedNumberScheduled: 1 }).facts;
    const inPlace = daemonSets.map((set) => ({
      ...set,
      spec: {
        ...(set['spec'] as object),
        updateStrategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      },
    }));
    const status = statusOf([...pods(2), going(0)], { facts: { daemonSets: inPlace } });
    expect(status).toMatchObject({ nodesDesired: 3, nodesReady: 2 });
    expect(told(status)['Ready']).toBe('False ImagesPulling');
  });
});

describe('a roll-out that does not advance though nothing is lost', () => {
  const stuck = { previous: complete, seen: { stalled: true } };

  it('names the nodes without room for a second pod, and what they lack', () => {
    const surge = unscheduled('node-2', '0/3 nodes are available: 1 Insufficient cpu.', {
      uid: 'new',
    });
    const status = statusOf([...pods(3), surge], {
      ...stuck,
      facts: { daemonSets: [aDaemonSet(3)] },
    });
    expect(told(status)['Ready']).toBe('True AllResourcesReady');
    expect(messageOf(status, 'Degraded')).toMatch(
      /; no room for another pod on node-2: Insufficient cpu$/,
    );
  });

  it('names the nodes to look at where nobody tells the cause', () => {
    const slow = aPod('node-2', { said: { tools: creating } });
    const status = statusOf([aPod('node-1'), slow], stuck);
    expect(messageOf(status, 'Stalled')).toMatch(/; see the pod's events on node-2 for the cause$/);
  });

  it('names none of those that wait for them', () => {
    const old = { images: images.slice(0, 1) };
    const slow = aPod('node-3', { said: { tools: creating } });
    const status = statusOf([aPod('node-1', old), aPod('node-2', old), slow], stuck);
    expect(messageOf(status, 'Stalled')).toMatch(/; see the pod's events on node-3 for the cause$/);
  });

  it('leaves it at the cause where one is told', () => {
    const failing = aPod('node-2', { said: { tools: unauthorized } });
    const status = statusOf([aPod('node-1'), failing], stuck);
    expect(messageOf(status, 'Degraded')).toMatch(
      /401 Unauthorized.*\. The roll-out does not advance: 1 of 2 nodes holds all 2 images\.$/,
    );
  });

  it('names the quota that refuses more pods', () => {
    const refusals = [
      refusal(
        'pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=3, limited: pods=3',
      ),
    ];
    const status = statusOf(pods(3), { ...stuck, facts: { refusals } });
    expect(messageOf(status, 'Degraded')).toMatch(
      /; the quota team would have to hold 1 more pod$/,
    );
  });
});

describe('an operator that may not read pods', () => {
  const blind = {
    facts: { pods: undefined, daemonSets: [aDaemonSet(3)] },
    seen: { podsUnreadable: 'pods is forbidden' },
  };

  it('says so once, and goes by the DaemonSet', () => {
    const status = statusOf([], blind);
    expect(told(status)).toEqual({
      Ready: 'True AllResourcesReady',
      Progressing: 'False ReconcileComplete',
      Degraded: 'True PodsUnreadable',
    });
    expect(messageOf(status, 'Degraded')).toContain('pods is forbidden');
    expect(status).toMatchObject({ imagesDesired: 2, nodesDesired: 3, nodesReady: 3 });
    // Nobody knows, and none would be a lie.
    for (const unknown of ['images', 'imagesReady', 'imagesFailing']) {
      expect(status).not.toHaveProperty(unknown);
    }
  });
});

describe('what will not mend itself', () => {
  const finding = (verdict: Finding['verdict'], reason: string): Finding => ({
    verdict,
    reason,
    message: reason,
    field: 'images',
    count: 1,
  });
  const failure = (reason: string) => ({ failure: { reason, message: reason } });

  it.each([
    ['a held spec', { findings: [finding('hold', 'TooManyImages')] }, 'True TooManyImages'],
    ['a name of somebody else', failure('NameConflict'), 'True NameConflict'],
    [
      'entries that were left out',
      { findings: [finding('skip', 'InvalidImages')] },
      'True InvalidImages',
    ],
    ['a server that fails', failure('ReconcileError'), undefined],
    ['a body that the server refuses', failure('Rejected'), 'True Rejected'],
    ['a right that lacks', failure('Forbidden'), undefined],
    [
      'a right that lacks for long',
      { failure: { reason: 'Forbidden', message: 'no', isFinal: true } },
      'True Forbidden',
    ],
    ['a mended value', { findings: [finding('fix', 'MendedInput')] }, undefined],
  ])('is Stalled, and the rest is not: %s', (_what, seen, stalled) => {
    expect(told(statusOf(pods(3), { seen }))['Stalled']).toBe(stalled);
  });

  it.each([
    ['nodes without room', unscheduled('node-3', 'no'), 'Unschedulable'],
    ['a node that threw its pod out', ended('node-3', 'Evicted', 'memory'), 'PodsEvicted'],
  ])('has the reason of what holds a roll-out up for good: %s', (_what, pod, reason) => {
    const status = statusOf([...pods(2), pod], { seen: { stalled: true } });
    expect(told(status)).toMatchObject({
      Ready: `False ${reason}`,
      Progressing: 'False RolloutStalled',
      Degraded: `True ${reason}`,
      Stalled: `True ${reason}`,
    });
  });

  it('waits while the other entries are on their way', () => {
    const seen = { findings: [finding('skip', 'InvalidImages')] };
    const status = statusOf([...pods(2), aPod('node-3', { said: { tools: creating } })], { seen });
    expect(told(status)).toMatchObject({
      Ready: 'False InvalidImages',
      Reconciling: 'True InvalidImages',
    });
    expect(told(status)).not.toHaveProperty('Stalled');
  });

  it('is not said to be on its way beside that, though pods still roll', () => {
    const seen = { findings: [finding('skip', 'InvalidImages')] };
    const daemonSets = [aDaemonSet(3, { status: { updatedNumberScheduled: 1 } })];
    const outdated = nodeNames(3).map((node) =>
      aPod(node, { template: node === 'node-1' ? 2 : 1 }),
    );
    const status = statusOf(outdated, { seen, facts: { daemonSets } });
    expect(told(status)).toMatchObject({
      Progressing: 'True PodsRolling',
      Stalled: 'True InvalidImages',
    });
    expect(told(status)).not.toHaveProperty('Reconciling');
  });

  it('is told by what keeps the images from the nodes, where a roll-out waits for that', () => {
    const failing = [...pods(2), aPod('node-3', { said: { tools: unauthorized } })];
    const status = statusOf(failing, { seen: { stalled: true } });
    expect(told(status)['Stalled']).toBe('True ImagesFailing');
    expect(messageOf(status, 'Stalled')).toContain('401 Unauthorized');
  });

  it('is not told of a cache that is complete all the same', () => {
    const status = statusOf(pods(3), { seen: { stalled: true } });
    expect(told(status)).toMatchObject({
      Ready: 'True AllResourcesReady',
      Degraded: 'True RolloutStalled',
    });
    expect(told(status)).not.toHaveProperty('Stalled');
  });
});

describe('the time of the last completeness', () => {
  const later = now + 60 * minute;
  const broken = [...pods(2), aPod('node-3', { said: { tools: unauthorized } })];
  const timeOf = (status: ImagePullerStatus) => status.lastCompleteTime;

  it('is when the cache became complete, for as long as it is', () => {
    expect(timeOf(complete)).toBe('2026-01-01T12:00:00Z');
    expect(timeOf(statusOf(pods(3), { previous: complete, at: later }))).toBe(
      '2026-01-01T12:00:00Z',
    );
  });

  it('is when it ceased to be, from then on', () => {
    const ceased = statusOf(broken, { previous: complete, at: later });
    expect(timeOf(ceased)).toBe('2026-01-01T13:00:00Z');
    expect(timeOf(statusOf(broken, { previous: ceased, at: later + minute }))).toBe(
      '2026-01-01T13:00:00Z',
    );
  });

  it('is unknown of a cache that never was complete', () => {
    expect(statusOf(broken)).not.toHaveProperty('lastCompleteTime');
  });
});

function changedNow(daemonSet: ReturnType<typeof aDaemonSet>) {
  const managedFields = [
    { manager: 'kubernetes-image-puller-operator', operation: 'Apply' as const, time: timeAt(now) },
  ];
  return { ...daemonSet, metadata: { ...daemonSet.metadata, managedFields } };
}
