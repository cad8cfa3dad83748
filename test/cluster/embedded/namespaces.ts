import type { KubeObject } from '../../../src/kube/objects.ts';
import { asObject } from './json.ts';
import { configMaps, type Kinds, namespaces, serviceAccounts } from './kinds.ts';
import { qualified, StatusError } from './status-error.ts';
import type { Store } from './store.ts';
import type { Writer } from './writer.ts';

const manager = 'kube-controller-manager';

interface Parts {
  readonly store: Store;
  readonly kinds: Kinds;
  readonly writer: Writer;
}

/**
 * Gives every namespace its default service account and the ConfigMap of the cluster's CA, and
 * empties a deleted one before it goes.
 */
export function keepNamespaces({ store, kinds, writer }: Parts): void {
  store.onCommit(({ resource, type, object }) => {
    if (resource !== qualified(namespaces)) {
      if (type === 'DELETED') finish(object.metadata.namespace ?? '');
      return;
    }
    const { name = '', deletionTimestamp } = object.metadata;
    if (type === 'ADDED') furnish(name);
    else if (type === 'MODIFIED' && deletionTimestamp !== undefined) empty(name);
  });

  function furnish(namespace: string): void {
    const metadata = { name: 'default', namespace };
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata };
    const certificates = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-root-ca.crt', namespace },
      data: { 'ca.crt': '' },
    };
    ignoring(409, () => writer.create(serviceAccounts, namespace, account, { manager }));
    ignoring(409, () => writer.create(configMaps, namespace, certificates, { manager }));
  }

  function empty(namespace: string): void {
    for (const kind of kinds.all().filter(({ namespaced }) => namespaced)) {
      for (const { metadata } of store.list(kind, namespace)) {
        if (metadata.deletionTimestamp !== undefined) continue;
        const options = { manager, propagationPolicy: 'Background' } as const;
        ignoring(404, () => writer.remove(kind, namespace, metadata.name ?? '', options));
      }
    }
    finish(namespace);
  }

  /** The last content has gone: the namespace's own finalizer goes, and with it the namespace. */
  function finish(name: string): void {
    const namespace = name === '' ? undefined : store.get(namespaces, '', name);
    if (namespace?.metadata.deletionTimestamp === undefined || !isEmpty(name)) return;
    const next = (live: KubeObject) => ({
      ...live,
      spec: { ...asObject(live['spec']), finalizers: [] },
    });
    writer.update(namespaces, '', name, next, { manager });
  }

  function isEmpty(namespace: string): boolean {
    const kindsInside = kinds.all().filter(({ namespaced }) => namespaced);
    return kindsInside.every((kind) => store.list(kind, namespace).length === 0);
  }
}

function ignoring(code: number, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof StatusError && error.code === code)) throw error;
  }
}
