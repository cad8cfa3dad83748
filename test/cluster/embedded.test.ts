import { ManualClock } from '../manual-clock.ts';
import { describeApiContract } from './contract/api-contract.ts';
import { type EmbeddedCluster, startEmbeddedCluster } from './embedded/embedded-cluster.ts';

let cluster: EmbeddedCluster;
beforeAll(async () => {
  cluster = await startEmbeddedCluster({ clock: new ManualClock() });
});
afterAll(() => cluster.stop());

describe('the embedded cluster', () => {
  describeApiContract(() => cluster);
});
