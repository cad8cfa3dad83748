import type { Clock } from '../../../src/clock.ts';
import type { KubeObject, Resource } from '../../../src/kube/objects.ts';
import type { Change, ControlPlane, RemoveOptions } from './control-plane.ts';
import type { Kinds } from './kinds.ts';
import { qualified, StatusError } from './status-error.ts';
import type { Store } from './store.ts';
import type { Writer } from './writer.ts';

/** The name under which the cluster's own controllers write. */
const manager = 'kube-controller-manager';

/** The seam of the controllers inside the cluster, over the same store and rules as HTTP. */
export class EmbeddedControlPlane implements ControlPlane {
  readonly clock: Clock;
  readonly #kinds: Kinds;
  readonly #store: Store;
  readonly #writer: Writer;

  constructor(parts: { clock: Clock; kinds: Kinds; store: Store; writer: Writer }) {
    this.clock = parts.clock;
    this.#kinds = parts.kinds;
    this.#store = parts.store;
    this.#writer = parts.writer;
  }

  get(resource: Resource, namespace: string, name: string): KubeObject | undefined {
    return this.#store.get(resource, namespace, name);
  }

  list(resource: Resource, namespace?: string): readonly KubeObject[] {
    return this.#store.list(resource, namespace);
  }

  create(resource: Resource, object: KubeObject): KubeObject {
    const namespace = object.metadata.namespace ?? '';
    return this.#writer.create(this.#kinds.of(resource), namespace, object, { manager });
  }

  update(resource: Resource, object: KubeObject): KubeObject {
    const { namespace = '', name = '' } = object.metadata;
    return this.#writer.update(this.#kinds.of(resource), namespace, name, () => object, {
      manager,
    });
  }

  updateStatus(resource: Resource, object: KubeObject): KubeObject {
    const { namespace = '', name = '' } = object.metadata;
    return this.#writer.update(this.#kinds.of(resource), namespace, name, () => object, {
      manager,
      subresource: 'status',
    });
  }

  remove(resource: Resource, namespace: string, name: string, options?: RemoveOptions): boolean {
    try {
      this.#writer.remove(this.#kinds.of(resource), namespace, name, { manager, ...options });
      return true;
    } catch (error) {
      if (error instanceof StatusError && error.code === 404) return false;
      throw error;
    }
  }

  onChange(resource: Resource, handler: (change: Change) => void): () => void {
    const name = qualified(resource);
    return this.#store.onCommit((commit) => {
      if (commit.resource === name) handler({ type: commit.type, object: commit.object });
    });
  }
}
