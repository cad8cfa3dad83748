import { essence } from '../../src/status/kubelet-words.ts';
import { podCost } from '../../src/status/pod-cost.ts';
import { refusedPods, toldRefusals, wouldFitInPlaceOf } from '../../src/status/refusal-words.ts';
import { lackOf, remedyFor } from '../../src/status/scheduler-words.ts';

const speaker = { name: 'cache-abc12', namespace: 'workspaces', uid: '0000-1111' };
const id = 'f'.repeat(64);

describe('the essence of a message of a kubelet', () => {
  it.each([
    [
      'rpc error: code = Unknown desc = failed to pull and unpack image "r/x:1": failed to resolve reference "r/x:1": 401 Unauthorized',
      '401 Unauthorized',
    ],
    ['Back-off pulling image "r/x:1": ErrImagePull: r/x:1: not found', 'r/x:1: not found'],
    ['Back-off pulling image "r/x:1"', ''],
    [
      'back-off 2m40s restarting failed container=x pod=cache-abc12_workspaces(0000-1111)',
      'back-off restarting failed',
    ],
    [
      'container has runAsNonRoot and image will run as root (pod: "cache-abc12_workspaces(0000-1111)", container: x)',
      'container has runAsNonRoot and image will run as root',
    ],
    [
      'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/kip/sleep": permission denied: unknown',
      'exec: "/kip/sleep": permission denied: unknown',
    ],
    [
      'read tcp 10.1.2.3:41234->10.9.9.9:443: connection reset',
      'read tcp 10.9.9.9:443: connection reset',
    ],
    [
      'read tcp [fd00::1]:41234->[fd00::2]:443: connection reset',
      'read tcp [fd00::2]:443: connection reset',
    ],
    [`no container ${id} here`, 'no container ... here'],
    [`of sha256:${id}`, `of sha256:${id}`],
    [
      'Pod was rejected: The node had condition: [DiskPressure]. ',
      'The node had condition: [DiskPressure]',
    ],
    ['and so on...', 'and so on...'],
    [
      'failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://cdn.example/blob?X-Amz-Signature=af01&X-Amz-Date=20260101T120000Z": dial tcp: i/o timeout',
      'httpReadSeeker: failed open: failed to do request: Get "https://cdn.example/blob": dial tcp: i/o timeout',
    ],
    [
      'unexpected status from GET request to https://r.example/token?scope=repository:x:pull: 429 Too Many Requests (Retry-After: 2026-01-01T12:00:00Z)',
      'unexpected status from GET request to https://r.example/token: 429 Too Many Requests',
    ],
    [
      'failed to reserve sandbox name "cache-abc12_workspaces_0000-1111_3": name is reserved',
      'failed to reserve sandbox name "the pod": name is reserved',
    ],
    [
      'failed to reserve container name "x_cache-abc12_workspaces_0000-1111_12": name is reserved',
      'failed to reserve container name "x of the pod": name is reserved',
    ],
  ])('leaves out what differs from pod to pod: %s', (message, kept) => {
    expect(essence(message, speaker)).toBe(kept);
  });

  it('is short, however long what it is made from is', () => {
    const long = ['failed to copy: ', '(pod: "the pod", container: '].map((text) =>
      text.repeat(20_000),
    );
    for (const text of long) expect(essence(text, speaker).length).toBeLessThanOrEqual(300);
  });

  it('has the cause also behind the address of a storage that is signed anew for each pull', () => {
    const message = `failed to copy: Get "https://s3.example/blob?token=${'x'.repeat(2_000)}": no such host`;
    expect(essence(message, speaker)).toBe('Get "https://s3.example/blob": no such host');
  });

  it('is the message where the pod has no names', () => {
    expect(essence('as it is', { name: '', namespace: '', uid: '' })).toBe('as it is');
  });
});

describe('what a node lacks', () => {
  it.each([
    [
      "0/5 nodes are available: 1 Insufficient memory, 4 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.",
      'Insufficient memory',
    ],
    [
      '0/1 nodes are available: 1 Insufficient cpu, 1 Too many pods.',
      'Insufficient cpu, Too many pods',
    ],
    [
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
      "node(s) didn't match Pod's node affinity/selector",
    ],
    [
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
      'Insufficient cpu',
    ],
    [
      '0/2 nodes are available: 2 node(s) had untolerated taint {example.com/gpu: yes}.',
      'node(s) had untolerated taint {example.com/gpu: yes}',
    ],
    [
      "0/3 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.",
      "node(s) didn't match pod anti-affinity rules",
    ],
    [
      "0/3 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules, 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
      "node(s) didn't satisfy existing pods anti-affinity rules",
    ],
    ['a scheduler of somebody else', 'a scheduler of somebody else'],
  ])("is read from the scheduler's words: %s", (message, lack) => {
    expect(lackOf(message)).toBe(lack);
  });
});

describe('what may be done about what a node lacks', () => {
  it.each([
    ['Insufficient cpu', 'make room there, or lower the requests'],
    ['Too many pods', 'end other pods there, or raise maxPods of the kubelet'],
    [
      'Insufficient cpu, Too many pods',
      'make room there, or lower the requests; end other pods there, or raise maxPods of the kubelet',
    ],
    ["node(s) didn't match pod affinity rules", 'change spec.affinity'],
    ["node(s) didn't match pod anti-affinity rules", 'change spec.affinity'],
    ["node(s) didn't satisfy existing pods anti-affinity rules", ''],
    ['node(s) had volume node affinity conflict', ''],
  ])('of %s', (lack, remedy) => {
    expect(remedyFor(lack)).toBe(remedy);
  });
});

describe('pods that were refused', () => {
  it('for a quota are told by how much more it would have to hold', () => {
    const message =
      'Error creating: pods "cache-x7k2p" is forbidden: exceeded quota: team, requested: limits.memory=800Mi,pods=1, used: limits.memory=1600Mi,pods=2, limited: limits.memory=2Gi,pods=9';
    expect(refusedPods(message, 3)).toEqual({
      isQuota: true,
      missing: 3,
      says: 'the quota team would have to hold 1952Mi more limits.memory',
    });
  });

  it('again and again are told as the first', () => {
    const first =
      'Error creating: pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2';
    expect(refusedPods(`(combined from similar events): ${first}`, 1)).toEqual(
      refusedPods(first, 1),
    );
  });

  it('for several resources of a quota are told by all of them', () => {
    const message =
      'Error creating: pods "x" is forbidden: exceeded quota: team, requested: pods=1,requests.cpu=2, used: pods=2,requests.cpu=3500m, limited: pods=2,requests.cpu=4';
    expect(refusedPods(message, 1).says).toBe(
      'the quota team would have to hold 1 more pod and 1500m more requests.cpu',
    );
  });

  it('otherwise are told by the words of who refused them', () => {
    const message =
      'Error creating: pods "cache-x7k2p" is forbidden: ValidatingAdmissionPolicy "p" denied request: no sleeping';
    expect(refusedPods(message, 3)).toEqual({
      isQuota: false,
      missing: 3,
      says: 'ValidatingAdmissionPolicy "p" denied request: no sleeping',
    });
  });

  it.each([
    [
      'maximum memory usage per Container is 5Mi, but limit is 20Mi',
      'lower cachingMemoryLimit, or change the LimitRange',
    ],
    [
      '[minimum cpu usage per Container is 1, but request is 50m, maximum memory usage per Pod is 50Mi, but limit is 400Mi]',
      'raise cachingCPURequest and lower cachingMemoryLimit, or change the LimitRange',
    ],
    [
      'cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000',
      'change the LimitRange',
    ],
  ])('by a LimitRange are told as such, and what to do about it: %s', (words, remedy) => {
    expect(refusedPods(`Error creating: pods "cache-x7k2p" is forbidden: ${words}`, 3)).toEqual({
      isQuota: false,
      missing: 3,
      says: `a LimitRange of the namespace refuses it: ${words}; ${remedy}`,
    });
  });

  it.each([
    [
      'failed quota: team: must specify requests.ephemeral-storage for: java,tools',
      'a LimitRange can give defaults',
    ],
    [
      'insufficient quota to match these scopes: [{PriorityClass In [high]}]',
      'the namespace needs a ResourceQuota of that scope',
    ],
    [
      'violates PodSecurity "restricted:latest": unrestricted capabilities',
      'look what changes the pods, or relax pod-security.kubernetes.io/enforce of the namespace',
    ],
    [
      'no PriorityClass with name cache was found',
      'make it, or correct PRIORITY_CLASS of the operator',
    ],
  ])('are told with what to do where the words name a rule alone: %s', (words, remedy) => {
    const message = `Error creating: pods "cache-x7k2p" is forbidden: ${words}`;
    expect(refusedPods(message, 3).says).toBe(`${words}; ${remedy}`);
  });

  it('of several DaemonSets are told once for each quota, by the sum of what they would take', () => {
    const exceeded = (quota: string, amounts: string, missing: number, at: number) => ({
      message: `exceeded quota: ${quota}, ${amounts}`,
      missing,
      at,
    });
    const large =
      'requested: limits.memory=800Mi, used: limits.memory=1Gi, limited: limits.memory=2Gi';
    const small =
      'requested: limits.memory=100Mi,pods=1, used: limits.memory=2000Mi,pods=9, limited: limits.memory=2Gi,pods=9';
    const told = toldRefusals([
      exceeded('team', large, 2, 1),
      exceeded('other', 'requested: pods=1, used: pods=9, limited: pods=9', 0, 1),
      exceeded('team', small, 3, 2),
    ]);
    expect(told).toEqual([
      {
        isQuota: true,
        missing: 5,
        // 2000Mi are used, by the newest word, and 2 × 800Mi and 3 × 100Mi wanted.
        says: 'the quota team would have to hold 1852Mi more limits.memory and 5 more pods',
      },
      { isQuota: true, missing: 0, says: 'the quota other would have to hold 1 more pod' },
    ]);
  });

  it('for a quota of objects are told in pods', () => {
    const message =
      'exceeded quota: team, requested: count/pods=1, used: count/pods=2, limited: count/pods=2';
    expect(refusedPods(message, 2).says).toBe('the quota team would have to hold 2 more pods');
  });

  it('are told in printable words of a bearable length', () => {
    expect(refusedPods(`\u001b${'x'.repeat(100_000)}`, 1).says).toMatch(/^[ -~]{1,403}$/);
  });

  it.each([
    ['as large', '20Mi', true],
    ['larger', '19Mi', false],
  ])('would have had room in the place of one that is not %s', (_what, memory, fits) => {
    const message =
      'exceeded quota: exact, requested: limits.memory=20Mi,pods=1, used: limits.memory=60Mi,pods=3, limited: limits.memory=60Mi,pods=3';
    const cost = podCost({ containers: [{ resources: { limits: { memory } } }] });
    expect(wouldFitInPlaceOf(message, cost)).toBe(fits);
  });

  it('for a quota whose amounts nobody can read are told as they are', () => {
    const message = 'exceeded quota: team, requested: ?, used: ?, limited: ?';
    expect(refusedPods(message, 1)).toEqual({ isQuota: true, missing: 1, says: message });
  });
});
