import type { ImagePullerStatus, ParsedSpec } from '../api/types.ts';
import type { Key, KubeObject } from '../kube/objects.ts';
import type { ManifestInput } from '../manifests/input.ts';

/** A puller as one run sees it: the object, what its spec was read as, and what manifests depend on. */
export interface Subject {
  readonly key: Key;
  readonly puller: KubeObject;
  readonly parsed: ParsedSpec;
  readonly input: ManifestInput;
}

/** The status that is stored; empty where none was written yet. */
export function statusOf(puller: KubeObject): ImagePullerStatus {
  return (puller['status'] ?? {}) as ImagePullerStatus;
}

/** Counts the changes of the spec, from 1 on. */
export function generationOf(puller: KubeObject): number {
  return puller.metadata.generation ?? 0;
}
