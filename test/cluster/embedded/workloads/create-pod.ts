import type { V1PodSpec } from '@kubernetes/client-node';
import { pods } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { StatusError } from '../status-error.ts';
import type { EventRecorder } from './events.ts';
import { controllerReference, type Owner } from './ownership.ts';
import { nameOf, type Pod, type PodTemplate, uidOf } from './shapes.ts';

/** What a controller adds to its template. */
export interface NewPod {
  readonly recorder: EventRecorder;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: V1PodSpec;
}

/**
 * Creates a pod of an owner's template. A refusal is told by the Event FailedCreate and thrown, as
 * it would meet the next pod too. (kubernetes/kubernetes: pkg/controller/controller_utils.go)
 */
export function createPod(
  controlPlane: ControlPlane,
  owner: Owner & { readonly spec: { readonly template: PodTemplate } },
  { recorder, labels, spec }: NewPod,
): void {
  const { labels: own, annotations } = owner.spec.template.metadata ?? {};
  try {
    const created = controlPlane.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        generateName: `${nameOf(owner)}-`,
        namespace: owner.metadata.namespace ?? '',
        labels: { ...own, ...labels },
        ...(annotations && { annotations }),
        ownerReferences: [controllerReference(owner)],
      },
      spec,
    });
    const message = `Created pod: ${nameOf(created)}`;
    recorder.record({ about: owner, type: 'Normal', reason: 'SuccessfulCreate', message });
  } catch (error) {
    // All further ones would fail, and all is about to go.
    if (isNamespaceTerminating(error)) return;
    if (error instanceof StatusError) {
      const message = `Error creating: ${error.message}`;
      recorder.record({ about: owner, type: 'Warning', reason: 'FailedCreate', message });
    }
    throw error;
  }
}

/** Deletes a pod of an owner, and tells of it. */
export function removePod(
  controlPlane: ControlPlane,
  owner: Owner,
  pod: Pod,
  recorder: EventRecorder,
): void {
  const { namespace = '' } = pod.metadata;
  if (!controlPlane.remove(pods, namespace, nameOf(pod), { uid: uidOf(pod) })) return;
  const message = `Deleted pod: ${nameOf(pod)}`;
  recorder.record({ about: owner, type: 'Normal', reason: 'SuccessfulDelete', message });
}

function isNamespaceTerminating(error: unknown): boolean {
  const causes = error instanceof StatusError ? error.details?.causes : undefined;
  return causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false;
}
