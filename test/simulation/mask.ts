/**
 * What runs that went equally well may differ in, as paths in objects; `[]` is any item of a list.
 * Checked in, so that it does not grow unseen: a test runs every workload under several seeds, and fails
 * where anything differs that is not here, and where something is here that never does.
 */
export const differsBySeed: readonly string[] = [
  'metadata.creationTimestamp',
  'metadata.managedFields[].time',
  'metadata.resourceVersion',
  'metadata.uid',
  'status.conditions[].lastTransitionTime',
  'status.conditions[].lastUpdateTime',
  'status.images[].lastCompleteTime',
  'status.lastCompleteTime',
];

/** What a child also differs in where the operator has written it once more because of some trouble. */
export const differsByTrouble: readonly string[] = [
  'metadata.annotations.deployment.kubernetes.io/revision',
  'metadata.annotations.deprecated.daemonset.template.generation',
  // The old name of serviceAccountName, which the model fills in at the first change only.
  'spec.template.spec.serviceAccount',
];

/** How often an object was written. */
export const timesWritten: readonly string[] = [
  'metadata.generation',
  'status.conditions[].observedGeneration',
  'status.observedGeneration',
];
