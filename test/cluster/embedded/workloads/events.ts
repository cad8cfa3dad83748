import { createHash } from 'node:crypto';
import type { KubeObject } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { timestamp } from '../writer.ts';
import { events, nameOf, uidOf } from './shapes.ts';

/** What an Event tells, and of which object. */
export interface Occurrence {
  readonly about: KubeObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** The controller that says it. */
  readonly component: string;
}

/** Records an Event (core/v1); the same one again raises its count. */
export function record(controlPlane: ControlPlane, occurrence: Occurrence): void {
  const { about, type, reason, message, component } = occurrence;
  const { namespace = '' } = about.metadata;
  const name = eventName(occurrence);
  const now = timestamp(controlPlane.clock.now());
  const previous = controlPlane.get(events, namespace, name);
  if (previous !== undefined) {
    const count = Number(previous['count']) + 1;
    controlPlane.update(events, { ...previous, count, lastTimestamp: now });
    return;
  }
  controlPlane.create(events, {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: {
      apiVersion: about.apiVersion,
      kind: about.kind,
      name: nameOf(about),
      namespace,
      uid: uidOf(about),
    },
    type,
    reason,
    message,
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
    source: { component },
    reportingComponent: component,
  });
}

function eventName({ about, reason, message }: Occurrence): string {
  const text = `${uidOf(about)} ${reason} ${message}`;
  return `${nameOf(about)}.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
