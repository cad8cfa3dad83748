import { ManualClock } from '../manual-clock.ts';
import { describeDiscovery } from './contract/discovery.ts';
import { describeListAndWatch } from './contract/list-watch.ts';
import { describeObjects } from './contract/objects.ts';
import { type EmbeddedCluster, startEmbeddedCluster } from './embedded/embedded-cluster.ts';

let cluster: EmbeddedCluster;
beforeAll(async () => {
  cluster = await startEmbeddedCluster({ clock: new ManualClock() });
});
afterAll(() => cluster.stop());

describe('the embedded cluster', () => {
  describeDiscovery(() => cluster);
  describeObjects(() => cluster);
  describeListAndWatch(() => cluster);
});
