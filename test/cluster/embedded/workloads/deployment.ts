import {
  deployments,
  isControlledBy,
  type Key,
  keyOf,
  pods as podResource,
  splitKey,
} from '../../../../src/kube/objects.ts';
import type { Change, ControlPlane } from '../control-plane.ts';
import { timestamp } from '../writer.ts';
import {
  deadline,
  deploymentStatus,
  isComplete,
  newReplicas,
  type Rollout,
  replicasOf,
  rollingStep,
  type Scaling,
  withReplicas,
} from './deployment-plan.ts';
import { claim, controllerName, controllerReference } from './ownership.ts';
import { condition, isDeleting, isTerminal } from './pods.ts';
import {
  type Deployment,
  find,
  listOf,
  nameOf,
  type Pod,
  type ReplicaSet,
  replicaSets as replicaSetResource,
  uidOf,
} from './shapes.ts';
import { SyncLoop } from './sync-loop.ts';
import { templateHash } from './template.ts';
import { writeStatus } from './write-status.ts';

const hashLabel = 'pod-template-hash';
const revisionAnnotation = 'deployment.kubernetes.io/revision';

/** Keeps each Deployment's ReplicaSets at its template and size; returns what stops it. */
export function startDeployments(controlPlane: ControlPlane): () => void {
  const loop = new SyncLoop(controlPlane.clock, (key) => sync(controlPlane, loop, key));
  const unsubscribe = [
    controlPlane.onChange(deployments, ({ object }) => loop.mark(keyOf(object))),
    controlPlane.onChange(replicaSetResource, ({ object }) => {
      const name = controllerName(object, 'Deployment');
      if (name !== undefined) loop.mark(`${object.metadata.namespace}/${name}`);
    }),
    controlPlane.onChange(podResource, (change) => {
      for (const key of concerned(controlPlane, change)) loop.mark(key);
    }),
  ];
  for (const deployment of controlPlane.list(deployments)) loop.mark(keyOf(deployment));
  return () => {
    for (const end of unsubscribe) end();
    loop.stop();
  };
}

/** The Deployment of a pod that is gone: a Recreate waits for the last old one. */
function concerned(controlPlane: ControlPlane, { type, object }: Change): readonly Key[] {
  if (type !== 'DELETED') return [];
  const { namespace } = object.metadata;
  const parent = controllerName(object, 'ReplicaSet');
  if (parent === undefined) return [];
  const replicaSet = find(controlPlane, replicaSetResource, { namespace, name: parent });
  const name = replicaSet && controllerName(replicaSet, 'Deployment');
  return name === undefined ? [] : [`${namespace}/${name}`];
}

function sync(controlPlane: ControlPlane, loop: SyncLoop, key: Key): void {
  const deployment = find<Deployment>(controlPlane, deployments, splitKey(key));
  if (deployment === undefined || isDeleting(deployment)) return;
  const before = observe(controlPlane, deployment);
  const made = deployment.spec.paused ? undefined : step(controlPlane, before);
  const after = { ...observe(controlPlane, deployment), isNew: made !== undefined };
  removeHistory(controlPlane, after);
  keepRevision(controlPlane, after);
  writeStatus(controlPlane, deployments, deployment, deploymentStatus(after));
  const previous = condition(deployment, 'Progressing');
  if (previous?.status === 'True' && previous.reason !== 'NewReplicaSetAvailable') {
    // The second on top makes up for the whole seconds of the times.
    const overdueAt = deadline(deployment, previous) + 1000;
    loop.markAfter(key, Math.max(1000, overdueAt - controlPlane.clock.now()));
  }
}

function observe(controlPlane: ControlPlane, deployment: Deployment): Rollout {
  const all = claim<ReplicaSet>(controlPlane, replicaSetResource, deployment);
  const hash = templateHash(deployment.spec.template);
  const isCurrent = ({ metadata }: ReplicaSet) => metadata.labels?.[hashLabel] === hash;
  return {
    deployment,
    current: all.find(isCurrent),
    old: all.filter((replicaSet) => !isCurrent(replicaSet)),
    isNew: false,
    now: timestamp(controlPlane.clock.now()),
  };
}

/** One step of the rollout; returns the ReplicaSet if it made a new one. */
function step(controlPlane: ControlPlane, rollout: Rollout): ReplicaSet | undefined {
  const { deployment, current, old } = rollout;
  if (deployment.spec.strategy?.type === 'Recreate' && !isCleared(controlPlane, old)) return;
  if (current === undefined) return createReplicaSet(controlPlane, rollout);
  const newest = lastRevision(old);
  if (revisionOf(current) <= newest) setRevision(controlPlane, current, newest + 1);
  else scaleAll(controlPlane, rollingStep(deployment, current, old));
  return;
}

/** Recreate: nothing new before the last old pod is gone. */
function isCleared(controlPlane: ControlPlane, old: readonly ReplicaSet[]): boolean {
  scaleAll(
    controlPlane,
    old
      .filter((replicaSet) => replicasOf(replicaSet) > 0)
      .map((replicaSet) => ({ replicaSet, replicas: 0 })),
  );
  const namespace = old[0]?.metadata.namespace;
  if (namespace === undefined) return true;
  const pods = listOf<Pod>(controlPlane, podResource, namespace).filter((pod) => !isTerminal(pod));
  return !old.some((replicaSet) => pods.some((pod) => isControlledBy(pod, uidOf(replicaSet))));
}

function scaleAll(controlPlane: ControlPlane, scalings: readonly Scaling[]): void {
  for (const { replicaSet, replicas } of scalings) {
    controlPlane.update(replicaSetResource, withReplicas(replicaSet, replicas));
  }
}

function createReplicaSet(controlPlane: ControlPlane, { deployment, old }: Rollout): ReplicaSet {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = templateHash(template);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  return controlPlane.create(replicaSetResource, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${nameOf(deployment)}-${hash}`,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      annotations: { [revisionAnnotation]: String(lastRevision(old) + 1) },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: newReplicas(deployment, 0, old),
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  }) as ReplicaSet; // as just written
}

/** A template that comes back is the newest revision again. */
function setRevision(controlPlane: ControlPlane, replicaSet: ReplicaSet, revision: number): void {
  const annotations = {
    ...replicaSet.metadata.annotations,
    [revisionAnnotation]: String(revision),
  };
  const metadata = { ...replicaSet.metadata, annotations };
  controlPlane.update(replicaSetResource, { ...replicaSet, metadata });
}

function lastRevision(replicaSets: readonly ReplicaSet[]): number {
  return Math.max(0, ...replicaSets.map(revisionOf));
}

function revisionOf(replicaSet: ReplicaSet): number {
  return Number(replicaSet.metadata.annotations?.[revisionAnnotation] ?? 0);
}

/** Once a rollout is complete, empty ReplicaSets beyond the history limit go, the oldest first. */
function removeHistory(controlPlane: ControlPlane, { deployment, old }: Rollout): void {
  if (!isComplete(deployment, deployment.status ?? {})) return;
  const empty = old
    .filter((each) => replicasOf(each) === 0 && (each.status?.replicas ?? 0) === 0)
    .toSorted((a, b) => revisionOf(a) - revisionOf(b));
  const superfluous = Math.max(0, empty.length - (deployment.spec.revisionHistoryLimit ?? 10));
  for (const replicaSet of empty.slice(0, superfluous)) {
    const { namespace = '' } = replicaSet.metadata;
    controlPlane.remove(replicaSetResource, namespace, nameOf(replicaSet));
  }
}

/** The revision shows on the Deployment too; it is written as part of its status. */
function keepRevision(controlPlane: ControlPlane, { deployment, current }: Rollout): void {
  const revision = current?.metadata.annotations?.[revisionAnnotation];
  const annotations = deployment.metadata.annotations ?? {};
  if (revision === undefined || annotations[revisionAnnotation] === revision) return;
  controlPlane.updateStatus(deployments, {
    ...deployment,
    metadata: {
      ...deployment.metadata,
      annotations: { ...annotations, [revisionAnnotation]: revision },
    },
  });
}
