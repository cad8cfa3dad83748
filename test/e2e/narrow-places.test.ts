import { rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RawSpec } from '../../src/api/types.ts';
import { deployment, operatorNamespace } from '../../src/manifests/operator.ts';
import { output } from '../cluster/real/command.ts';
import { fakeNodeName, fakeNodeTaint } from '../cluster/real/fake-nodes.ts';
import { nodeName as realNode } from '../cluster/real/node.ts';
import { startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { HolderWatch, toldGap } from './holders.ts';
import { Journey, pullerPods } from './journey.ts';

const steadyFakes = [fakeNodeName(1), fakeNodeName(2)];
/** What becomes of them troubles no cache that is on the others. */
const [lostFake, remainingFake] = [fakeNodeName(3), fakeNodeName(4)];

/** The real node and two on paper. */
const threeNodes = JSON.stringify({ place: 'steady' });
const twoNodes = JSON.stringify({ place: 'unsteady' });
const onPaperToo = JSON.stringify([{ key: fakeNodeTaint.key, operator: 'Exists' }]);
const everywhere = JSON.stringify([{ operator: 'Exists' }]);

const gibibyte = 2 ** 30;

/** In mebibytes and thousandths of a core. */
interface Amount {
  readonly memory: number;
  readonly cpu: number;
}

const limits = { cachingMemoryLimit: '200Mi', cachingCPULimit: '400m' };
/** What two images may take on a node. The puller's own pod would fit in there, and not the other way. */
const place: Amount = { memory: 400, cpu: 800 };
const ofPuller: Amount = { memory: 256, cpu: 500 };
const forTwoNodes: Amount = { memory: 2 * place.memory, cpu: 2 * place.cpu };
/** Limit x images x nodes. */
const formula: Amount = { memory: 3 * place.memory, cpu: 3 * place.cpu };

const gapless = 'surge 10%, unavailable 0';
const inPlace = 'surge 0, unavailable 1';

let journey: Journey;

// Not in a describe: tests that go on beside each other begin before the hooks of one.
beforeAll(async () => {
  journey = await Journey.begin();
  await journey.push('a', 'b', 'c');
  for (const story of ['surging', 'tainted', 'pressed']) {
    await journey.push(...['a', 'b', 'c'].map((name) => `${story}-${name}`));
  }
  await journey.cluster.addFakeNodes(4);
  await kubectl('label', 'nodes', realNode, ...steadyFakes, 'place=steady');
  await kubectl('label', 'nodes', lostFake, remainingFake, 'place=unsteady');
}, startTimeoutMs);

// Undefined where it did not come up.
afterAll(() => (journey as Journey | undefined)?.end(), startTimeoutMs);

describe('a ResourceQuota', () => {
  it.concurrent('of limit x images x nodes lets the cache come first: no roll loses a place to the puller', async () => {
    const scene = await begin('exact', limits);
    await scene.list('a', 'b');
    await scene.untilReady();
    await scene.allow(formula);
    const since = journey.cluster.auditLog.position();
    await scene.list('a', 'c');
    await scene.untilStrategy(inPlace);
    await scene.untilReady();
    await scene.untilStrategy(gapless);
    expect(await scene.pullersMadeSince(since)).toEqual([]);
    await scene.leave();
  }, 600_000);

  it.concurrent('of that size that is there first holds every node, and status names what the puller lacks', async () => {
    const scene = await begin('first', limits);
    await scene.allow(formula);
    const since = journey.cluster.auditLog.position();
    await scene.list('a', 'b');
    await scene.untilReady();
    await scene.untilTold('Degraded', /256Mi more limits\.memory/);
    await scene.untilTold('Ready', /^True AllResourcesReady: all 2 images on all 3 nodes$/);
    expect(await scene.pullersMadeSince(since)).toEqual([]);
    await scene.leave();
  }, 600_000);

  it.concurrent('of that size lets status name what the puller lacks', async () => {
    const scene = await begin('told', limits);
    await scene.list('a', 'b');
    await scene.untilReady();
    await scene.allow(formula);
    // This is for the puller, which is made anew.
    await scene.change({ cachingIntervalHours: '2' });
    // Kubernetes keeps the words of the first refusal, when the quota may still have counted the pod that went.
    await scene.untilTold('Degraded', /(256|512)Mi more limits\.memory/);
    await scene.untilTold('Ready', /^True AllResourcesReady: all 2 images on all 3 nodes$/);
    await scene.leave();
  }, 600_000);

  it.concurrent('that is raised by what status says holds the cache and the puller, once the DaemonSet is told', async () => {
    const scene = await begin('raised', limits);
    await scene.allow(forTwoNodes);
    await scene.list('a', 'b');
    await scene.untilTold(
      'Degraded',
      /1 of 3 nodes gets no pod: the quota narrow would have to hold 1300m more limits\.cpu and 656Mi more limits\.memory, the puller's own included/,
    );
    await scene.allow(plus(forTwoNodes, { memory: 656, cpu: 1300 }));
    await scene.tellDaemonSets();
    await scene.untilReady();
    await scene.untilPullerRuns();
    await scene.untilTold('Degraded', /^False ReconcileComplete/);
    await scene.leave();
  }, 600_000);

  it.concurrent('of that and the puller lets both run, and rolls go on in place', async () => {
    const scene = await begin('both', limits);
    await scene.allow(plus(formula, ofPuller));
    const since = journey.cluster.auditLog.position();
    await scene.list('a', 'b');
    await scene.untilReady();
    await scene.untilPullerRuns();
    expect(await scene.pullersMadeSince(since)).toHaveLength(1);
    await scene.list('a', 'c');
    await scene.untilStrategy(inPlace);
    await scene.untilReady();
    await scene.untilStrategy(gapless);
    await scene.untilPullerRuns();
    await scene.leave();
  }, 600_000);

  it.concurrent('of that and the share of a surge leaves no gap', async () => {
    const scene = await begin('surging', limits);
    await scene.allow(plus(plus(formula, ofPuller), place));
    await scene.list('surging-a', 'surging-b');
    await scene.untilReady();
    await scene.untilPullerRuns();
    await scene.neverLetsGo('surging-a', async () => {
      await scene.list('surging-a', 'surging-c');
      await scene.untilReady();
    });
    expect(await scene.strategy()).toBe(gapless);
    await scene.untilPullerRuns();
    await scene.leave();
  }, 600_000);
});

describe('a LimitRange', () => {
  it.concurrent('that refuses the pods is told of in its own words, and met by an edit', async () => {
    const scene = await begin('limited', {});
    const range = { type: 'Container', max: { memory: '16Mi' }, min: { memory: '1Mi', cpu: '1m' } };
    await scene.apply({ kind: 'LimitRange', spec: { limits: [range] } });
    await scene.list('a', 'b');
    await scene.untilTold(
      'Degraded',
      /maximum memory usage per Container is 16Mi, but limit is 20Mi/,
    );
    await scene.change({ cachingMemoryLimit: '16Mi' });
    await scene.untilReady();
    await scene.leave();
  }, 600_000);
});

describe('a node', () => {
  it.concurrent('that is too full for two pods gets the new one in place of the old one', async () => {
    const node = (await journey.cluster.api.get(`/api/v1/nodes/${realNode}`)) as Node;
    // Two images take 60 % of it.
    const cpu = `${Math.floor(Number(node.status.allocatable.cpu) * 300)}m`;
    const scene = await begin('full', {
      nodeSelector: JSON.stringify({ 'kubernetes.io/hostname': realNode }),
      cachingCPURequest: cpu,
      cachingCPULimit: cpu,
    });
    await scene.list('a', 'b');
    await scene.untilReady();
    await scene.list('a', 'c');
    await scene.untilStrategy(inPlace);
    await scene.untilReady();
    await scene.untilStrategy(gapless);
    await scene.leave();
  }, 600_000);

  it('that is tainted loses its pod in the next roll, and gets another once that is tolerated', async () => {
    const scene = await begin('tainted', {});
    await scene.list('tainted-a', 'tainted-b');
    await scene.untilReady();
    await kubectl('taint', 'nodes', realNode, 'team=other:NoSchedule');
    try {
      await scene.list('tainted-a', 'tainted-c');
      await scene.untilTold('Ready', /^True AllResourcesReady: all 2 images on all 2 nodes$/);
      await journey.cluster.until(
        async () => !(await heldNow()).has(journey.reference('tainted-a')),
      );
      await scene.change({ tolerations: everywhere });
      await scene.untilTold('Ready', /^True AllResourcesReady: all 2 images on all 3 nodes$/);
      expect(await heldNow()).toContain(journey.reference('tainted-c'));
    } finally {
      await kubectl('taint', 'nodes', realNode, 'team-');
    }
    await scene.leave();
  }, 600_000);

  it('under disk pressure throws its pod out and is told of; others roll without a gap, and it holds the images again afterwards', async () => {
    // On another node the operator would stay; here only a pod that the system needs does.
    const critical = {
      spec: { template: { spec: { priorityClassName: 'system-cluster-critical' } } },
    };
    const operator = ['-n', operatorNamespace, `deployment/${deployment().metadata.name}`];
    await kubectl('patch', ...operator, '--type=merge', '-p', JSON.stringify(critical));
    await kubectl('rollout', 'status', ...operator, '--timeout=120s');
    const scene = await begin('pressed', {});
    await scene.list('pressed-a', 'pressed-b');
    await scene.untilReady();
    await underDiskPressure(async () => {
      await scene.untilTold('Ready', /^False DiskPressure: .*no disk space left for the cache/);
      // With a surge Kubernetes would make a pod as soon as the last one was refused, without an end.
      await scene.untilStrategy(inPlace);
      await journey.cluster.until(
        async () => !(await heldNow()).has(journey.reference('pressed-a')),
      );
      await scene.list('pressed-a', 'pressed-c');
      const lackers = await scene.untilOn(steadyFakes, 'pressed-c', { beside: 'pressed-a' });
      // What is not done by the time that the node has refused a hundred pods goes on in place.
      const mayBeInPlace = (await scene.failedPods()) >= 100;
      expect(mayBeInPlace ? [] : lackers).toEqual([]);
      await scene.untilStrategy(inPlace);
    });
    // The longer pods were refused, the longer the node is left alone.
    await scene.untilReady(600_000);
    await scene.untilStrategy(gapless);
    expect(await heldNow()).toContain(journey.reference('pressed-a'));
    await journey.cluster.configureKubelet({});
    await scene.leave();
  }, 1_200_000);

  // Waits for a minute, while others go on.
  it.concurrent('that is gone for good holds up no roll, and is forgotten when it is taken off the cluster', async () => {
    const scene = await begin('lossy', { nodeSelector: twoNodes });
    await scene.list('a', 'b');
    await scene.untilReady();
    await journey.cluster.silenceFakeNodes([lostFake]);
    await scene.list('a', 'c');
    await scene.untilTold('Ready', /^True AllResourcesReady: .*1 node is unreachable: fake-0003$/);
    await scene.untilReady();
    await kubectl('delete', 'node', lostFake);
    await scene.untilTold('Ready', /^True AllResourcesReady: all 2 images on the node$/);
    await scene.leave();
  }, 600_000);
});

function kubectl(...args: readonly string[]): Promise<string> {
  return journey.cluster.kubectl(args);
}

/** References of the images that containers on the real node run from. */
function heldNow(): Promise<ReadonlySet<string>> {
  return new HolderWatch(journey.cluster.runtime).held();
}

/**
 * Fills the disk beyond what kubelet lets be while the work is done, and frees it again under the same
 * kubelet, which says so soon. The disk is the machine's: others may write two gibibytes meanwhile.
 */
async function underDiskPressure(work: () => Promise<void>): Promise<void> {
  const { cluster } = journey;
  const folder = dirname(cluster.kubeconfigFile);
  const { bavail, bsize } = await statfs(folder);
  await cluster.configureKubelet({
    evictionHard: { 'nodefs.available': String(bavail * bsize - 2 * gibibyte) },
    evictionPressureTransitionPeriod: '5s',
  });
  const ballast = join(folder, 'ballast');
  // Takes the place without writing to it.
  await output(['fallocate', '--length', String(4 * gibibyte), ballast]);
  try {
    await work();
  } finally {
    await rm(ballast);
  }
}

function plus(a: Amount, b: Amount): Amount {
  return { memory: a.memory + b.memory, cpu: a.cpu + b.cpu };
}

/** Begins a story in a namespace of its own. */
async function begin(namespace: string, spec: RawSpec): Promise<Scene> {
  await journey.createNamespace(namespace);
  return new Scene(namespace, spec);
}

/** A namespace with a puller. */
class Scene {
  readonly #namespace: string;
  #spec: RawSpec;

  constructor(namespace: string, spec: RawSpec) {
    this.#namespace = namespace;
    this.#spec = { nodeSelector: threeNodes, tolerations: onPaperToo, ...spec };
  }

  async apply(object: object): Promise<void> {
    const metadata = { name: 'narrow', namespace: this.#namespace };
    await journey.apply({ apiVersion: 'v1', metadata, ...object });
  }

  /** Lets all pods together take as much, from when the server goes by it. */
  async allow({ memory, cpu }: Amount): Promise<void> {
    const hard = { 'limits.memory': `${memory}Mi`, 'limits.cpu': `${cpu}m` };
    await this.apply({ kind: 'ResourceQuota', spec: { hard } });
    const quota = ['-n', this.#namespace, 'wait', 'resourcequota/narrow', '--timeout=60s'];
    await kubectl(...quota, '--for=jsonpath={.status.used.limits\\.memory}');
  }

  /** Has refused pods tried again at once, as in docs/runbook.md. */
  async tellDaemonSets(): Promise<void> {
    const ours = ['daemonsets', '-l', 'che.eclipse.org/image-puller-uid'];
    await kubectl('-n', this.#namespace, 'annotate', ...ours, '--overwrite', 'tried-at=now');
  }

  list(...names: readonly string[]): Promise<void> {
    return this.change({ images: journey.images(...names) });
  }

  /** Changes these fields and no others. */
  async change(fields: RawSpec): Promise<void> {
    this.#spec = { ...this.#spec, ...fields };
    await journey.edit(this.#namespace, this.#spec);
  }

  untilReady(timeoutMs = 300_000): Promise<void> {
    return journey.untilReady(this.#namespace, timeoutMs);
  }

  /** Waits until a condition says so of the present spec: `True AllResourcesReady: all 2 images on the node`. */
  async untilTold(type: string, claim: RegExp): Promise<void> {
    await journey.cluster.until(async () => {
      const condition = await journey.condition(this.#namespace, type);
      return claim.test(`${condition?.status} ${condition?.reason}: ${condition?.message}`);
    }, 300_000);
  }

  async untilStrategy(expected: string): Promise<void> {
    await journey.cluster.until(async () => (await this.strategy()) === expected, 300_000);
  }

  /** How pods are replaced: `surge 10%, unavailable 0`. */
  async strategy(): Promise<string> {
    const path = `/apis/apps/v1/namespaces/${this.#namespace}/daemonsets/kubernetes-image-puller`;
    const daemonSet = (await journey.cluster.api.get(path)) as DaemonSet;
    const { maxSurge, maxUnavailable } = daemonSet.spec.updateStrategy.rollingUpdate;
    return `surge ${maxSurge}, unavailable ${maxUnavailable}`;
  }

  /** Waits until each of these nodes holds an image, and returns those that lacked the other one meanwhile. */
  async untilOn(
    nodes: readonly string[],
    name: string,
    { beside }: { readonly beside: string },
  ): Promise<readonly string[]> {
    const lackers = new Set<string>();
    await journey.cluster.until(async () => {
      const holds = await this.#holders(name);
      const held = await this.#holders(beside);
      for (const node of nodes) if (!held.has(node)) lackers.add(node);
      return nodes.every((node) => holds.has(node));
    }, 300_000);
    return [...lackers];
  }

  /** How many pods have failed and are still there. */
  async failedPods(): Promise<number> {
    const failed = ['get', 'pods', '--field-selector=status.phase=Failed', '-o', 'name'];
    const names = await kubectl('-n', this.#namespace, ...failed);
    return names.split('\n').filter((name) => name !== '').length;
  }

  /** The nodes where a container runs from an image, by what their pods tell. */
  async #holders(name: string): Promise<ReadonlySet<string | undefined>> {
    const reference = journey.reference(name);
    const pods = (await journey.pods(this.#namespace)).filter(({ spec, status }) => {
      const at = spec.containers.find(({ image }) => image === reference)?.name;
      return status.containerStatuses?.some((said) => said.name === at && said.ready);
    });
    return new Set(pods.map(({ spec }) => spec.nodeName));
  }

  async untilPullerRuns(): Promise<void> {
    await journey.cluster.until(async () => {
      const pods = await journey.pods(this.#namespace, pullerPods);
      return pods.some(({ status }) => status.containerStatuses?.every(({ ready }) => ready));
    }, 120_000);
  }

  /** When, since then, pods of the puller were let in. */
  async pullersMadeSince(since: number): Promise<readonly string[]> {
    const user = 'system:serviceaccount:kube-system:replicaset-controller';
    const requests = await journey.cluster.auditLog.requests({ since, user });
    return requests
      .filter(({ namespace, resource }) => namespace === this.#namespace && resource === 'pods')
      .filter(({ verb, code }) => verb === 'create' && code === 201)
      .map(({ at }) => at);
  }

  /** While the work is done an image has a holder on the real node. */
  async neverLetsGo(name: string, work: () => Promise<void>): Promise<void> {
    const watch = new HolderWatch(journey.cluster.runtime);
    watch.await(journey.reference(name));
    await watch.during(work);
    expect(watch.gaps.map(toldGap)).toEqual([]);
  }

  /** Ends the story, so that others have its room. */
  async leave(): Promise<void> {
    await kubectl('delete', 'namespace', this.#namespace, '--wait=false');
  }
}

/** As much of a DaemonSet as is read here. */
interface DaemonSet {
  readonly spec: {
    readonly updateStrategy: {
      readonly rollingUpdate: {
        readonly maxSurge: number | string;
        readonly maxUnavailable: number | string;
      };
    };
  };
}

/** As much of a Node as is read here; a whole number of cores. */
interface Node {
  readonly status: { readonly allocatable: { readonly cpu: string } };
}
