import type { KubeObject, OwnerReference } from '../../../src/kube/objects.ts';
import type { Kind, Kinds } from './kinds.ts';
import type { Commit, Store } from './store.ts';
import type { Writer } from './writer.ts';

const manager = 'kube-controller-manager';
const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

interface Parts {
  readonly store: Store;
  readonly kinds: Kinds;
  readonly writer: Writer;
}

interface Item {
  readonly kind: Kind;
  readonly object: KubeObject;
}

/**
 * Deletes what nobody owns any more, by uid: dependents of deleted owners, in the background or
 * before a foreground deletion is done, and objects whose owners never were. Follows
 * kubernetes/kubernetes: pkg/controller/garbagecollector/garbagecollector.go, but acts at once.
 */
export function collectGarbage({ store, kinds, writer }: Parts): void {
  /** Dependents by the uid of each owner. Kept by uid alone: an owner may be gone, or not be yet. */
  const dependents = new Map<string, Map<string, Item>>();

  store.onCommit((commit) => {
    const kind = kindOf(commit);
    if (kind === undefined) return;
    index(kind, commit);
    if (commit.type === 'DELETED') ownerGone(commit.object);
    else look({ kind, object: commit.object });
  });

  function kindOf({ object }: Commit): Kind | undefined {
    return kinds.ofObject(object.apiVersion, object.kind);
  }

  function index(kind: Kind, { type, object, previous }: Commit): void {
    const { uid = '' } = object.metadata;
    for (const owner of ownersOf(previous)) dependents.get(owner.uid)?.delete(uid);
    if (type === 'DELETED') return;
    for (const owner of ownersOf(object)) {
      const items = dependents.get(owner.uid) ?? new Map<string, Item>();
      items.set(uid, { kind, object });
      dependents.set(owner.uid, items);
    }
  }

  function dependentsOf(owner: KubeObject): readonly Item[] {
    return [...(dependents.get(owner.metadata.uid ?? '')?.values() ?? [])];
  }

  function ownerGone(owner: KubeObject): void {
    for (const item of dependentsOf(owner)) look(item);
    dependents.delete(owner.metadata.uid ?? '');
    for (const reference of ownersOf(owner)) {
      const waiting = liveOwner(reference, owner.metadata.namespace ?? '');
      if (waiting !== undefined) look(waiting);
    }
  }

  /** Does what the state of an object asks for now. */
  function look({ kind, object }: Item): void {
    const live = store.get(kind, object.metadata.namespace ?? '', object.metadata.name ?? '');
    if (live === undefined || live.metadata.uid !== object.metadata.uid) return;
    if (live.metadata.deletionTimestamp === undefined) collectIfUnowned({ kind, object: live });
    else if (hasFinalizer(live, orphanFinalizer)) orphan({ kind, object: live });
    else if (hasFinalizer(live, foregroundFinalizer)) deleteInForeground({ kind, object: live });
  }

  /** With an owner left, only the references to absent ones go. */
  function collectIfUnowned(item: Item): void {
    const { namespace = '' } = item.object.metadata;
    const owners = ownersOf(item.object);
    if (owners.length === 0) return;
    const present = owners.filter((owner) => liveOwner(owner, namespace) !== undefined);
    const staying = present.filter((owner) => !isWaiting(liveOwner(owner, namespace)));
    if (present.length === 0) remove(item, 'Background');
    else if (staying.length === 0) remove(item, hasDependents(item) ? 'Foreground' : 'Background');
    else if (present.length < owners.length) keepOwners(item, present);
  }

  /** The owner is only waiting for its dependents to go. */
  function isWaiting(owner: Item | undefined): boolean {
    return (
      owner !== undefined &&
      hasFinalizer(owner.object, foregroundFinalizer) &&
      owner.object.metadata.deletionTimestamp !== undefined
    );
  }

  function hasDependents({ object }: Item): boolean {
    return dependentsOf(object).length > 0;
  }

  /** A reference reaches an owner of this uid in the dependent's own namespace or outside of all. */
  function liveOwner(reference: OwnerReference, namespace: string): Item | undefined {
    const kind = kinds.ofObject(reference.apiVersion, reference.kind);
    if (kind === undefined) return undefined;
    const object = store.get(kind, kind.namespaced ? namespace : '', reference.name);
    return object?.metadata.uid === reference.uid ? { kind, object } : undefined;
  }

  function deleteInForeground(owner: Item): void {
    for (const item of dependentsOf(owner.object)) look(item);
    const isBlocked = dependentsOf(owner.object).some(({ object }) =>
      ownersOf(object).some(
        ({ uid, blockOwnerDeletion }) => uid === owner.object.metadata.uid && blockOwnerDeletion,
      ),
    );
    if (!isBlocked) dropFinalizer(owner, foregroundFinalizer);
  }

  function orphan(owner: Item): void {
    const { uid } = owner.object.metadata;
    for (const item of dependentsOf(owner.object)) {
      keepOwners(
        item,
        ownersOf(item.object).filter((reference) => reference.uid !== uid),
      );
    }
    dropFinalizer(owner, orphanFinalizer);
  }

  function keepOwners(item: Item, ownerReferences: readonly OwnerReference[]): void {
    change(item, ({ ownerReferences: _, ...metadata }) =>
      ownerReferences.length === 0 ? metadata : { ...metadata, ownerReferences },
    );
  }

  function dropFinalizer(item: Item, finalizer: string): void {
    change(item, ({ finalizers = [], ...metadata }) => ({
      ...metadata,
      finalizers: finalizers.filter((one) => one !== finalizer),
    }));
  }

  function change(
    { kind, object }: Item,
    metadata: (live: KubeObject['metadata']) => KubeObject['metadata'],
  ): void {
    const { namespace = '', name = '' } = object.metadata;
    if (store.get(kind, namespace, name)?.metadata.uid !== object.metadata.uid) return;
    const next = (live: KubeObject) => ({ ...live, metadata: metadata(live.metadata) });
    writer.update(kind, namespace, name, next, { manager });
  }

  function remove({ kind, object }: Item, propagationPolicy: 'Background' | 'Foreground'): void {
    const { namespace = '', name = '' } = object.metadata;
    // A dependent that asks for its own way of deletion keeps it.
    const policy = hasFinalizer(object, orphanFinalizer) ? 'Orphan' : propagationPolicy;
    writer.remove(kind, namespace, name, { manager, propagationPolicy: policy });
  }
}

function ownersOf(object: KubeObject | undefined): readonly OwnerReference[] {
  return object?.metadata.ownerReferences ?? [];
}

function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}
