import { imagePullers } from '../../controllers/keys.ts';
import {
  coreEvents,
  daemonSets,
  deployments,
  type KubeObject,
  pods,
  type Resource,
} from '../../kube/objects.ts';
import { cachePodSelector, childSelector } from '../../manifests/names.ts';
import { type PodRecord, projectPod } from '../../status/pods.ts';

/** What was read of one kind. */
export interface Reading<Read extends KubeObject = KubeObject> {
  readonly objects: readonly Read[];
  /** Why it cannot be read at the moment; what was read before stays. */
  readonly error: Error | undefined;
}

/** All that is read for a report. */
export interface Seen {
  readonly pullers: Reading;
  readonly daemonSets: Reading;
  readonly deployments: Reading;
  readonly pods: Reading<PodRecord>;
  /** Those that tell of pods that could not be created. */
  readonly events: Reading;
}

/** What is read of a kind, and what is kept of each object. */
export interface Query {
  readonly resource: Resource;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly pageSize?: number;
  readonly project?: (object: KubeObject) => KubeObject;
}

/** Where each reading comes from: as narrow as the server can make it. */
export const queries: Readonly<Record<keyof Seen, Query>> = {
  pullers: { resource: imagePullers },
  daemonSets: { resource: daemonSets, labelSelector: childSelector },
  deployments: { resource: deployments, labelSelector: childSelector },
  // A pod of forty images is about 70 kB of JSON.
  pods: {
    resource: pods,
    labelSelector: cachePodSelector,
    pageSize: 100,
    project: projectPod,
  },
  events: { resource: coreEvents, fieldSelector: 'reason=FailedCreate' },
};
