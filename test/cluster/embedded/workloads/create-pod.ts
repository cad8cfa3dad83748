import type { V1PodSpec } from '@kubernetes/client-node';
import { pods } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { StatusError } from '../status-error.ts';
import { record } from './events.ts';
import { controllerReference, type Owner } from './ownership.ts';
import { nameOf, type PodTemplate } from './shapes.ts';

/** What a controller adds to its template. */
export interface NewPod {
  /** The controller, as Events name it. */
  readonly component: string;
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
  { component, labels, spec }: NewPod,
): void {
  const { labels: own, annotations } = owner.spec.template.metadata ?? {};
  try {
    controlPlane.create(pods, {
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
  } catch (error) {
    if (error instanceof StatusError && !isNamespaceTerminating(error)) {
      const message = `Error creating: ${error.message}`;
      record(controlPlane, {
        about: owner,
        type: 'Warning',
        reason: 'FailedCreate',
        message,
        component,
      });
    }
    throw error;
  }
}

function isNamespaceTerminating(error: StatusError): boolean {
  return error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false;
}
