import type { Cluster } from '../cluster.ts';
import { describeApply } from './apply.ts';
import { describeCustomResources } from './custom-resources.ts';
import { describeDiscovery } from './discovery.ts';
import { describeEvents } from './events.ts';
import { describeGarbageCollection } from './garbage-collection.ts';
import { describeLeases } from './leases.ts';
import { describeListAndWatch } from './list-watch.ts';
import { describeObjects } from './objects.ts';
import { describeOpenApi } from './openapi.ts';
import { describeFieldValidation, describeStrategicMerge } from './patches.ts';
import { describeProtobuf } from './protobuf.ts';
import { describeQuotas } from './quota.ts';
import { describeRbac } from './rbac.ts';
import { describeRepresentations } from './representations.ts';
import { describeReviews } from './reviews.ts';
import { describeValidation } from './validation.ts';

/** Every theme of the contract that asks the API server alone: what runs on nodes is in workloads.ts. */
export function describeApiContract(cluster: () => Cluster): void {
  describeDiscovery(cluster);
  describeObjects(cluster);
  describeListAndWatch(cluster);
  describeRepresentations(cluster);
  describeApply(cluster);
  describeStrategicMerge(cluster);
  describeFieldValidation(cluster);
  describeOpenApi(cluster);
  describeCustomResources(cluster);
  describeRbac(cluster);
  describeReviews(cluster);
  describeProtobuf(cluster);
  describeGarbageCollection(cluster);
  describeValidation(cluster);
  describeQuotas(cluster);
  describeEvents(cluster);
  describeLeases(cluster);
}
