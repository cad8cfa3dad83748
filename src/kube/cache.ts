import type { KubeObject } from './objects.ts';
import type { Reflector } from './reflector.ts';

/** What is known of one kind, as of the last event of its watch or the last own write. */
export interface Cache {
  get(namespace: string, name: string): KubeObject | undefined;
  list(namespace?: string): readonly KubeObject[];
  /** Takes in what a write returned, so that the next look sees it; older states are ignored. */
  observe(object: KubeObject): void;
  /** Takes in what a read returned before the watch told of it; whoever listens is told now. */
  learn(object: KubeObject): void;
  /** Claims that all objects of the namespace are known. */
  hasSynced(namespace: string): boolean;
  /** Everything up to this resourceVersion is known of the namespace; undefined while a full list is needed. */
  position(namespace: string): string | undefined;
  /** Why the objects of the namespace cannot be read at the moment, if they cannot. */
  lastError(namespace: string): Error | undefined;
}

/** One kind over several watched namespaces, each with a reflector of its own. */
export class NamespacesCache implements Cache {
  readonly #reflectors: ReadonlyMap<string, Reflector>;

  constructor(reflectors: ReadonlyMap<string, Reflector>) {
    this.#reflectors = reflectors;
  }

  get(namespace: string, name: string): KubeObject | undefined {
    return this.#of(namespace)?.get(namespace, name);
  }

  list(namespace?: string): readonly KubeObject[] {
    if (namespace !== undefined) return this.#of(namespace)?.list(namespace) ?? [];
    return [...this.#reflectors.values()].flatMap((reflector) => reflector.list());
  }

  observe(object: KubeObject): void {
    this.#of(object.metadata.namespace ?? '')?.observe(object);
  }

  learn(object: KubeObject): void {
    this.#of(object.metadata.namespace ?? '')?.learn(object);
  }

  hasSynced(namespace: string): boolean {
    return this.#of(namespace)?.hasSynced === true;
  }

  position(namespace: string): string | undefined {
    return this.#of(namespace)?.position;
  }

  lastError(namespace: string): Error | undefined {
    return this.#of(namespace)?.lastError;
  }

  /** The empty name stands for a reflector that watches all namespaces. */
  #of(namespace: string): Reflector | undefined {
    return this.#reflectors.get(namespace) ?? this.#reflectors.get('');
  }
}
