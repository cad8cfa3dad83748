import { type Clock, systemClock } from '../../../src/clock.ts';
import type { ControlPlane } from './control-plane.ts';
import { EmbeddedControlPlane } from './embedded-control-plane.ts';
import { Kinds, namespaces } from './kinds.ts';
import { Store } from './store.ts';
import { namespaceLifecycle, Writer } from './writer.ts';

export interface EmbeddedOptions {
  /** The time of the whole cluster; the machine's own by default. */
  readonly clock?: Clock;
  /** Further API groups that discovery shows, as `route.openshift.io/v1`. */
  readonly groups?: readonly string[];
  /** Commits kept for watches that resume; older ones answer 410. */
  readonly historyLimit?: number;
}

/** The API server's inside without HTTP: enough for controllers and their unit tests. */
export function createControlPlane(options: EmbeddedOptions = {}): ControlPlane {
  const clock = options.clock ?? systemClock;
  const kinds = new Kinds(options.groups);
  const store = new Store({ historyLimit: options.historyLimit ?? 10_000 });
  const writer = new Writer(store, clock, [namespaceLifecycle(store)]);
  const controlPlane = new EmbeddedControlPlane({ clock, kinds, store, writer });
  for (const name of ['default', 'kube-system']) {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    writer.create(kinds.of(namespaces), '', namespace, { manager: 'kube-apiserver' });
  }
  return controlPlane;
}
