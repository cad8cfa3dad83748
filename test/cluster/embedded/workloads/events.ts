import type { KubeObject } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { StatusError } from '../status-error.ts';
import { timestamp } from '../writer.ts';
import { events, nameOf, uidOf } from './shapes.ts';

/** What an Event tells, and of which object. */
export interface Occurrence {
  readonly about: KubeObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** One Event that is told again under its name. */
interface Told {
  readonly name: string;
  readonly count: number;
  readonly firstTimestamp: string;
}

/** The different messages of one reason within a while. */
interface Group {
  readonly messages: Set<string>;
  atMs: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** The limits of client-go: tools/record/events_cache.go. */
const similarMessages = 10;
const similarWithinMs = 600_000;
const burst = 25;
const refillMs = 300_000;

/**
 * Records Events (core/v1) as the recorder of one of the cluster's components does: the same one
 * again raises a count, many that differ in their message alone become one, and of an object only
 * so many are told. What cannot be stored is left out. (client-go: tools/record)
 */
export class EventRecorder {
  readonly #controlPlane: ControlPlane;
  readonly #component: string;
  readonly #told = new Map<string, Told>();
  readonly #groups = new Map<string, Group>();
  readonly #buckets = new Map<string, Bucket>();
  /** Tells Events of one moment apart, as nanoseconds do. */
  #serial = 0;

  /** `component` is who says it. */
  constructor(controlPlane: ControlPlane, component: string) {
    this.#controlPlane = controlPlane;
    this.#component = component;
  }

  record(occurrence: Occurrence): void {
    const { key, message } = this.#grouped(occurrence);
    const now = timestamp(this.#controlPlane.clock.now());
    const before = this.#told.get(key);
    const told: Told = {
      name: before?.name ?? this.#newName(occurrence.about),
      count: (before?.count ?? 0) + 1,
      firstTimestamp: before?.firstTimestamp ?? now,
    };
    this.#told.set(key, told);
    if (this.#isSpam(occurrence)) return;
    try {
      this.#write({ ...occurrence, message }, told, now);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
    }
  }

  /** The key under which it is counted, and what is said. */
  #grouped({ about, type, reason, message }: Occurrence) {
    const now = this.#controlPlane.clock.monotonic();
    const key = `${uidOf(about)} ${type} ${reason}`;
    const known = this.#groups.get(key);
    const isOld = known === undefined || now - known.atMs > similarWithinMs;
    const group: Group = isOld ? { messages: new Set(), atMs: now } : known;
    this.#groups.set(key, group);
    group.messages.add(message);
    group.atMs = now;
    if (group.messages.size < similarMessages) return { key: `${key} ${message}`, message };
    const [any = ''] = group.messages;
    group.messages.delete(any);
    return { key, message: `(combined from similar events): ${message}` };
  }

  #isSpam({ about, type }: Occurrence): boolean {
    const now = this.#controlPlane.clock.monotonic();
    const key = `${uidOf(about)} ${type}`;
    const { tokens, atMs } = this.#buckets.get(key) ?? { tokens: burst, atMs: now };
    const available = Math.min(burst, tokens + (now - atMs) / refillMs);
    const isSpam = available < 1;
    this.#buckets.set(key, { tokens: isSpam ? available : available - 1, atMs: now });
    return isSpam;
  }

  #write({ about, type, reason, message }: Occurrence, told: Told, now: string): void {
    const namespace = about.metadata.namespace ?? 'default';
    const { name, count, firstTimestamp } = told;
    const live = this.#controlPlane.get(events, namespace, name);
    if (live !== undefined) {
      this.#controlPlane.update(events, { ...live, count, message, lastTimestamp: now });
      return;
    }
    this.#controlPlane.create(events, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: referenceTo(about),
      type,
      reason,
      message,
      count,
      firstTimestamp,
      lastTimestamp: now,
      source: { component: this.#component },
      reportingComponent: this.#component,
    });
  }

  #newName(about: KubeObject): string {
    this.#serial += 1;
    const nanos = BigInt(Math.floor(this.#controlPlane.clock.now())) * 1_000_000n;
    return `${nameOf(about)}.${(nanos + BigInt(this.#serial)).toString(16)}`;
  }
}

function referenceTo(about: KubeObject): Record<string, unknown> {
  const { namespace, resourceVersion } = about.metadata;
  return {
    apiVersion: about.apiVersion,
    kind: about.kind,
    name: nameOf(about),
    ...(namespace && { namespace }),
    ...(resourceVersion && { resourceVersion }),
    uid: uidOf(about),
  };
}
