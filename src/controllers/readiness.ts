import type { Cache } from '../kube/cache.ts';
import { isRefusal } from '../kube/client.ts';

/**
 * Claims that an operator can do its work: everything is known of each namespace that it may read, and
 * there is one. A namespace that it may not read, as it was deleted with the rights in it for example,
 * holds up no other one; else a process that is replaced would never get Ready again, and a node with it
 * not be drained. The empty name stands for all namespaces.
 */
export function canWork(
  needed: readonly Pick<Cache, 'hasSynced' | 'lastError'>[],
  namespaces: readonly string[],
): boolean {
  const readable = namespaces.filter(
    (namespace) => !needed.some((cache) => isRefusal(cache.lastError(namespace))),
  );
  return (
    readable.length > 0 &&
    readable.every((namespace) => needed.every((cache) => cache.hasSynced(namespace)))
  );
}
