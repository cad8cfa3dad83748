import { ManualClock } from '../manual-clock.ts';
import { describeApply } from './contract/apply.ts';
import { describeCustomResources } from './contract/custom-resources.ts';
import { describeDiscovery } from './contract/discovery.ts';
import { describeGarbageCollection } from './contract/garbage-collection.ts';
import { describeListAndWatch } from './contract/list-watch.ts';
import { describeObjects } from './contract/objects.ts';
import { describeRbac } from './contract/rbac.ts';
import { describeValidation } from './contract/validation.ts';
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
  describeApply(() => cluster);
  describeCustomResources(() => cluster);
  describeRbac(() => cluster);
  describeGarbageCollection(() => cluster);
  describeValidation(() => cluster);
});
