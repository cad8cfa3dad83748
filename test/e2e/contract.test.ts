import { describeApiContract } from '../cluster/contract/api-contract.ts';
import { troubleContract } from '../cluster/contract/trouble.ts';
import { type WorkloadFixtures, workloadContract } from '../cluster/contract/workloads.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';

let cluster: RealCluster;

beforeAll(async () => {
  // Sooner than by default, and later than three heartbeats of a kubelet.
  const flags = { 'kube-controller-manager': ['--node-monitor-grace-period=31s'] };
  cluster = await RealCluster.start({ flags });
  for (const seed of ['one', 'two', 'three']) {
    await cluster.registry.push(`${seed}:1`, { ...cluster.busyboxImage, seed });
  }
  const foreign = { ...cluster.busyboxImage, architecture: 's390x' };
  await cluster.registry.pushIndex('foreign:1', [foreign]);
}, startTimeoutMs);

// Undefined where it did not come up.
afterAll(() => (cluster as RealCluster | undefined)?.stop(), startTimeoutMs);

describe('the real cluster', () => {
  describeApiContract(() => cluster);
  const fixtures = (): WorkloadFixtures => {
    const reference = (name: string) => cluster.registry.reference(name);
    return {
      images: [reference('one:1'), reference('two:1'), reference('three:1')],
      async push(name, seed, build) {
        const image = { ...cluster.busyboxImage, seed, annotations: { build } };
        return { reference: reference(name), digest: await cluster.registry.push(name, image) };
      },
      missing: reference('missing:1'),
      foreign: reference('foreign:1'),
      refused: '127.0.0.1:9/nothing:1',
      stopRegistry: () => cluster.stopDaemon('registry'),
      startRegistry: () => cluster.startDaemon('registry'),
      cutOff: () => cluster.stopDaemon('kubelet'),
      reconnect: () => cluster.startDaemon('kubelet'),
    };
  };
  workloadContract(() => cluster, fixtures);
  troubleContract(() => cluster, fixtures);
});
