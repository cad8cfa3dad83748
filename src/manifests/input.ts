import type { PullerSpec, RawSpec } from '../api/types.ts';
import * as api from '../api/types.ts';
import type { KubeObject, ObjectMeta } from '../kube/objects.ts';
import { childLabels } from './names.ts';

/** Everything a manifest may depend on: what the user wrote, what it was read as, and the settings. */
export interface ManifestInput {
  readonly puller: PullerIdentity;
  /** The user's text, which the ConfigMap carries verbatim as far as it is followed. */
  readonly raw: RawSpec;
  readonly spec: PullerSpec;
  readonly settings: ManifestSettings;
}

/** Who the children belong to. Without a uid (a file that no cluster has seen) they have no owner. */
export interface PullerIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string | undefined;
}

/** What manifests depend on beside their puller: settings of the operator, and what the server is like. */
export interface ManifestSettings {
  /** Runs the puller's Deployment. */
  readonly operatorImage: string;
  /** Has the static `sleep`, unless the user chose another source. */
  readonly sleeperImage: string;
  /** DaemonSet `maxSurge`. */
  readonly maxSurge: number | string;
  /** The PriorityClass of all pods, where they are to have one. */
  readonly priorityClass?: string | undefined;
  /** Patterns of the registries that images may come from (see api/allowance.ts); none for any. */
  readonly allowedRegistries: readonly string[];
  /** On OpenShift the platform assigns the uids, and a fixed one would be refused. */
  readonly openshift: boolean;
  /** Absent where the server does not keep requests for whole pods, or nobody knows. */
  readonly podRequests?: PodRequests | undefined;
}

/**
 * What becomes of requests for a pod as a whole: the server keeps them (by default from Kubernetes 1.34
 * on), or it would, and in this namespace pods that have them were refused.
 */
export type PodRequests = 'kept' | 'refused';

/** Metadata that every child has: name, namespace, labels, and the puller as controlling owner. */
export function childMeta(
  input: ManifestInput,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): ObjectMeta {
  const { puller } = input;
  return {
    name,
    namespace: puller.namespace,
    labels: { ...labels, ...childLabels(puller.uid) },
    ...(puller.uid === undefined
      ? {}
      : {
          ownerReferences: [
            {
              apiVersion: api.apiVersion,
              kind: api.kind,
              name: puller.name,
              uid: puller.uid,
              controller: true,
              blockOwnerDeletion: true,
            },
          ],
        }),
  };
}

/** Reads who a KubernetesImagePuller is. A file may leave the namespace out; the server never does. */
export function identityOf(puller: KubeObject): PullerIdentity {
  const { name = '', namespace = 'default', uid } = puller.metadata;
  return { name, namespace, uid };
}
