import type { Verdict } from './types.ts';

/**
 * Every reason a finding can have, and its verdict. Reasons are documented API: users alert on them,
 * so one is never renamed and never changes its verdict.
 */
export const reasons = {
  /** A value is not a string. The API server refuses it; only an object stored otherwise can have it. */
  InvalidType: 'hold',
  /** The texts do not fit the ConfigMap they are written to. */
  SpecTooLarge: 'hold',
  /** More distinct references than the operator's limit, or a list too long to be read for that. */
  TooManyImages: 'hold',
  /** An object name the API server would refuse, one too long to build on, or two alike. */
  InvalidName: 'hold',
  /** Not a JSON object of labels: a guess could place pods where the user forbids them. */
  InvalidNodeSelector: 'hold',
  /** Not a JSON array of core/v1 Toleration as the API server accepts it. */
  InvalidTolerations: 'hold',
  /** Not a JSON core/v1 Affinity as the API server accepts it. */
  InvalidAffinity: 'hold',
  /** An entry of `images` is not name=reference, or no kubelet could parse its reference. */
  InvalidImages: 'skip',
  /** An image, of the list or for `sleep`, does not come from a registry that the operator's settings allow. */
  RegistryNotAllowed: 'skip',
  /** A toleration has not one of the keys that the operator's settings allow: it would only add nodes. */
  TolerationNotAllowed: 'skip',
  /** An entry of `imagePullSecrets` cannot be the name of a Secret. */
  InvalidImagePullSecrets: 'skip',
  /** A value cannot be used; the documented default is. */
  InvalidField: 'default',
  /** A value is used after a documented rule: trimmed, renamed, clamped, made unique. */
  MendedInput: 'fix',
  /** A reference without tag and digest: `latest` is meant. */
  ImplicitLatest: 'note',
  /** A reference whose tag looks like the port of a registry. */
  PortLikeTag: 'note',
  /** A JSON field that its type does not have; it is dropped, as Go's decoder drops it. */
  UnknownField: 'note',
  /** A required anti-affinity keeps pods of the cache from each other, so none can come beside the one it replaces. */
  SelfAntiAffinity: 'note',
  /** A memory limit in which no container starts. */
  LowMemoryLimit: 'note',
  /** A quantity that no node has. */
  HugeQuantity: 'note',
} as const satisfies Record<string, Verdict>;

/** One of {@link reasons}. */
export type Reason = keyof typeof reasons;
