import type { V1Affinity, V1Toleration } from '@kubernetes/client-node';

/** The API group, version and names of our kind. */
export const group = 'che.eclipse.org';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;
export const kind = 'KubernetesImagePuller';
export const plural = 'kubernetesimagepullers';

/** The 14 fields, all optional strings; an empty one counts as unset. */
export const specFields = [
  'configMapName',
  'daemonsetName',
  'deploymentName',
  'images',
  'cachingIntervalHours',
  'cachingMemoryRequest',
  'cachingMemoryLimit',
  'cachingCPURequest',
  'cachingCPULimit',
  'nodeSelector',
  'imagePullSecrets',
  'affinity',
  'tolerations',
  'imagePullerImage',
] as const;

/** One of {@link specFields}. */
export type SpecField = (typeof specFields)[number];

/** What a user wrote, untouched. */
export type RawSpec = { readonly [field in SpecField]?: string };

/** metav1.Condition. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

/** What the operator says of a puller; all of it is absent until it has spoken. */
export interface ImagePullerStatus {
  /** The image whose `sleep` the cache containers run. */
  readonly imagePullerImage?: string;
  /** The generation of the spec that this status speaks of. */
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  /** Nodes that should hold the images. */
  readonly nodesDesired?: number;
  /** Nodes that hold every image. */
  readonly nodesReady?: number;
  /** Selected nodes that do not answer. They do not hold up Ready. */
  readonly nodesUnreachable?: number;
  /** Distinct images to cache. */
  readonly imagesDesired?: number;
  /** Images that every selected node holds, unreachable and new ones aside. */
  readonly imagesReady?: number;
  /** Images that fail on at least one node. */
  readonly imagesFailing?: number;
  /**
   * When every image was last on every node. While Ready is True with AllResourcesReady that is now,
   * and this is since when.
   */
  readonly lastCompleteTime?: string;
  /** Failing ones first, at most {@link listedImages}. Absent where pods cannot be read. */
  readonly images?: readonly ImageStatus[];
}

/** The images that a status tells of one by one; its counts tell of all. */
export const listedImages = 100;

/** One image of the list, on all nodes. Texts are printable and cut. */
export interface ImageStatus {
  /** As the user wrote it. */
  readonly name: string;
  readonly container: string;
  readonly reference: string;
  /** What most nodes hold. */
  readonly digest?: string;
  /** Nodes that hold it. */
  readonly nodesReady: number;
  /** Nodes on which it fails. */
  readonly nodesFailing: number;
  /** Since when it fails, on whatever node. */
  readonly failingSince?: string;
  /** Since when every node that answers holds it; or when that ceased. */
  readonly lastCompleteTime?: string;
  /** Of the failure that most nodes have: the kubelet's reason. Or `DigestsDiffer`. */
  readonly reason?: string;
  /** The kubelet's message, or how many nodes hold what. */
  readonly message?: string;
  /** What a failure means, and what to do. */
  readonly advice?: string;
}

/** One container of the cache: a reference, and everything the user called it. */
export interface CachedImage {
  /** A valid, unique container name (RFC 1123 label). */
  readonly container: string;
  /** The reference as the user wrote it. */
  readonly reference: string;
  /** The user's own names for it, in the order of the list; the first is used to speak of it. */
  readonly names: readonly string[];
}

/** The typed spec: every field valid, defaults filled in. */
export interface PullerSpec {
  readonly configMapName: string;
  readonly daemonsetName: string;
  readonly deploymentName: string;
  /** One per distinct reference, sorted by reference (byte order). */
  readonly images: readonly CachedImage[];
  /** 1 to 8,760. */
  readonly cachingIntervalHours: number;
  /** Valid quantities in the user's spelling; a request is never above its limit, of which 0 is none. */
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly cpu: string; readonly memory: string };
  /** Which requests the user chose; the others are defaults, also where a text could not be used. */
  readonly choosesRequest: { readonly cpu: boolean; readonly memory: boolean };
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly affinity: V1Affinity | undefined;
  readonly tolerations: readonly V1Toleration[];
  /** Claims that the user wants others beside these, which the operator's settings do not allow. */
  readonly hasLeftOutTolerations: boolean;
  readonly imagePullSecrets: readonly string[];
  /** The user's own source of `sleep`; undefined means the operator's sleeper image. */
  readonly imagePullerImage: string | undefined;
}

/**
 * What happens to a value that is not as it should be, worst first:
 * `hold` leaves all children as they are until the spec changes, `skip` drops one entry of a list,
 * `default` falls back to the documented default, `fix` takes the value after a documented rule,
 * `note` takes it as it is and remarks on it.
 */
export const verdicts = ['hold', 'skip', 'default', 'fix', 'note'] as const;
/** One of {@link verdicts}. */
export type Verdict = (typeof verdicts)[number];

/** One thing worth telling the user about a value. */
export interface Finding {
  readonly verdict: Verdict;
  /** The condition reason it leads to, for example `InvalidImages`. */
  readonly reason: string;
  readonly field: SpecField | 'spec';
  /** A sentence: what is wrong, where, and what would be right. Cut and escaped, safe to print. */
  readonly message: string;
  /** How many things it tells of: 1, or the rest of a long row that is not told one by one. */
  readonly count: number;
}

/** The outcome of reading a spec: always a full typed spec, and what had to be said about it. */
export interface ParsedSpec {
  readonly spec: PullerSpec;
  /** Worst first; among equals in the order of the text. */
  readonly findings: readonly Finding[];
}
