import { createHash } from 'node:crypto';

/**
 * Every name and label that this operator gives to an object. Names of the peer (the Go operator,
 * che-incubator/kubernetes-image-puller-operator) are kept where its users rely on them.
 */

/** The field manager of everything the operator applies. */
export const fieldManager = 'kubernetes-image-puller-operator';

/** The Lease of the Go operator 1.1.2: one of either generation writes at a time. */
export const leaseName = '06ff708d.eclipse.che';

/** Names that children have where the spec leaves them out: the peer's. */
export const defaultConfigMapName = 'k8s-image-puller';
export const defaultDeploymentName = 'kubernetes-image-puller';
export const defaultDaemonSetName = 'kubernetes-image-puller';

/** Tells people and tools who made an object. Nothing is found by it: policies of clusters rewrite it. */
const managedByLabel = 'app.kubernetes.io/managed-by';
/** The uid of the puller an object was made for: a name can be too long for a label, a uid cannot. */
export const pullerUidLabel = 'che.eclipse.org/image-puller-uid';
/** Finds what operators have made for pullers, by a label that nobody else has a use for. */
export const childSelector = pullerUidLabel;
/** Tells the pods of one DaemonSet from those of another: part of its selector. */
const daemonSetLabel = 'che.eclipse.org/daemonset';
/**
 * On a DaemonSet: the references that we gave its containers, as a mutating webhook may write others
 * into the template.
 */
export const imagesAnnotation = 'che.eclipse.org/images';
/** On the DaemonSet of a shard: the `daemonsetName` that its own name is made from. */
export const shardOfAnnotation = 'che.eclipse.org/shard-of';
/** On a DaemonSet that takes over from one of a former name: for which `daemonsetName`, and since when (ISO 8601). */
export const successorSinceAnnotation = 'che.eclipse.org/successor-since';
/**
 * On a DaemonSet that lacked pods: which change of the puller's Deployment made room for them. As it is
 * written, the DaemonSet controller tries again, which it would otherwise do within 17 minutes.
 */
export const roomMadeAnnotation = 'che.eclipse.org/room-made';
/** On a DaemonSet of a namespace that refuses pods with requests of their own; once it is taken off, they are tried again. */
export const requestsAnnotation = 'che.eclipse.org/requests';
/** Its value: each container has requests, as the peer's do. */
export const perContainer = 'per-container';
/** On the puller's pods: changes with the ConfigMap, so that the puller starts again with new values. */
export const configHashAnnotation = 'che.eclipse.org/configmap-hash';

/** The ServiceAccount of the puller's own pod: the peer's name where the Deployment has its default name. */
export function serviceAccountName(deploymentName: string): string {
  return deploymentName === defaultDeploymentName
    ? 'k8s-image-puller'
    : `${deploymentName}-image-puller`;
}

/** Role, RoleBinding and report ConfigMap of the puller share this name. */
export function reportName(deploymentName: string): string {
  return `${deploymentName}-report`;
}

/**
 * The DaemonSet of a shard, by the path of the shard in the split: the leftmost keeps the name that the
 * user chose, so a list that fits one DaemonSet knows no other.
 */
export function shardName(daemonSetName: string, path: string): string {
  return path === '' ? daemonSetName : derivedName(`${daemonSetName}-s${path}`);
}

/** What holds the images of a DaemonSet while another of its name, which cannot be changed, goes. */
export function standInName(daemonSetName: string): string {
  return derivedName(`${daemonSetName}-stand-in`);
}

/** What is asked about under this name is never stored. */
export function dryRunName(daemonSetName: string): string {
  return derivedName(`${daemonSetName}-dry-run`);
}

/** Pods add a suffix to the name of their DaemonSet: one longer than 63 is cut and told apart by its hash. */
function derivedName(name: string): string {
  if (name.length <= 63) return name;
  // No part of a name may end in a dash or a dot.
  return `${name.slice(0, 54).replace(/[-.]+$/, '')}-${shortHash(name)}`;
}

/** A label value may have 63 characters: a longer name is cut to 54 and told apart by its hash. */
export function labelValue(name: string): string {
  return name.length <= 63 ? name : `${name.slice(0, 54)}-${shortHash(name)}`;
}

/** Eight hex digits of the SHA-256 of a text. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Labels of every object the operator makes for a puller. */
export function childLabels(pullerUid: string | undefined): Record<string, string> {
  return {
    [managedByLabel]: fieldManager,
    ...(pullerUid === undefined ? {} : { [pullerUidLabel]: pullerUid }),
  };
}

/**
 * The selector of the puller's Deployment: exactly the peer's, as it is immutable and an existing
 * Deployment is taken over in place.
 */
export const deploymentSelector = { app: 'kubernetes-image-puller' } as const;

/** What the DaemonSets of caches, and their pods, are an instance of; the peer's are as well. */
export const cacheNameLabel = { 'app.kubernetes.io/name': 'image-puller' } as const;

/** On every pod of a cache, of whichever DaemonSet: the peer's labels. */
export const cachePodLabels = { ...cacheNameLabel, test: 'daemonset-test' } as const;

/**
 * Finds every pod of a cache, and more: ours, and those of a DaemonSet that was taken over from the
 * peer, whose oldest versions gave pods no other label.
 */
export const cachePodSelector = `test=${cachePodLabels.test}`;

/** The selector of a cache DaemonSet: the peer's labels and one that is ours alone. Immutable. */
export function daemonSetSelector(daemonSetName: string): Record<string, string> {
  return { ...cachePodLabels, [daemonSetLabel]: labelValue(daemonSetName) };
}
