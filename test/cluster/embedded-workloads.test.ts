import { createHash } from 'node:crypto';
import { ManualClock } from '../manual-clock.ts';
import { troubleContract } from './contract/trouble.ts';
import { type WorkloadFixtures, workloadContract } from './contract/workloads.ts';
import { type EmbeddedCluster, startEmbeddedCluster } from './embedded/embedded-cluster.ts';
import { Registries } from './embedded/workloads/registry.ts';

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

const host = 'registry.example.com';

describe('the embedded cluster', () => {
  const registries = new Registries();
  const registry = registries.add(host);
  for (const name of ['one:1', 'two:1', 'three:1']) {
    registry.push(name, { lacks: ['/bin/missing'] });
  }
  registry.push('foreign:1', { architecture: 's390x' });

  let cluster: EmbeddedCluster;
  beforeAll(async () => {
    cluster = await startEmbeddedCluster({ clock: new ManualClock(), nodes: 3, registries });
  });
  afterAll(async () => {
    await cluster.stop();
  });

  const fixtures = (): WorkloadFixtures => ({
    images: [`${host}/one:1`, `${host}/two:1`, `${host}/three:1`],
    async push(name, content, build) {
      const image = { id: digestOf(content), digest: digestOf(`${content} ${build}`) };
      return { reference: `${host}/${name}`, digest: registry.push(name, image).digest };
    },
    missing: `${host}/missing:1`,
    foreign: `${host}/foreign:1`,
    refused: '127.0.0.1:9/nothing:1',
    stopRegistry: async () => registry.stop(),
    startRegistry: async () => registry.start(),
    cutOff: async (node) => cluster.workloads.setReachable(node, false),
    reconnect: async (node) => cluster.workloads.setReachable(node, true),
  });
  workloadContract(() => cluster, fixtures);
  troubleContract(() => cluster, fixtures);
});
