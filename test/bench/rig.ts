import type { Fleet } from './fleet.ts';

/** One request of the operator that was answered. */
export interface CountedRequest {
  readonly verb: string;
  /** The plural, with the subresource where there is one: `kubernetesimagepullers/status`. */
  readonly about: string;
}

/** A cluster to measure an operator on; the same measurements run on each. */
export interface Rig {
  /** What it is, for the heading. */
  readonly setting: string;
  /** The kubeconfig of the operator, a service account with the rights that it needs. */
  readonly operatorKubeconfig: string;
  /** The administrator's. */
  readonly kubeconfig: string;
  /** Where the count of requests is now. */
  position(): number;
  /** What the operator has asked since a position. A watch may be counted when it ends. */
  requestsSince(position: number): Promise<readonly CountedRequest[]>;
  /** Lets a puller of 40 images roll out on so many nodes. */
  largeRollOut(nodes: number): Promise<LargeRollOut>;
  stop(): Promise<void>;
}

/** Many nodes on which a DaemonSet of large pods comes up. */
export interface LargeRollOut {
  /** What is simulated. */
  readonly setting: string;
  /** Resolves when every pod of the DaemonSet in the namespace is Ready. */
  run(namespace: string): Promise<void>;
  /** Of a real control plane, whose controllers see what befalls nodes. */
  readonly fleet?: Fleet;
}

/** What a request is about that stores nothing. */
export const dryRun = 'a dry run';

/** Requests that ask, or tell of what was written. */
const asides: ReadonlySet<string> = new Set([
  dryRun,
  'leases',
  'events',
  'tokenreviews',
  'subjectaccessreviews',
]);

/** Claims that a request has nothing to do with what stands in the cluster. */
export function isAside({ about }: CountedRequest): boolean {
  return asides.has(about);
}

/** Claims that a request is one of those that are counted as writes. */
export function isWrite(request: CountedRequest): boolean {
  return !['get', 'list', 'watch'].includes(request.verb) && !isAside(request);
}
