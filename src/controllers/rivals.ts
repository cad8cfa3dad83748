import { holdOf } from '../api/findings.ts';
import { type ParseSettings, parseSpec } from '../api/parse.ts';
import type { RawSpec } from '../api/types.ts';
import type { Cache } from '../kube/cache.ts';
import type { Client } from '../kube/client.ts';
import {
  controllerOf,
  type Key,
  type KubeObject,
  keyOf,
  type OwnerReference,
  type Resource,
} from '../kube/objects.ts';
import type { Change } from '../kube/store.ts';
import { type ChildName, childNames, nameId } from '../manifests/children.ts';
import type { PullerIdentity } from '../manifests/input.ts';
import { conditionOf, conditionTypes, reasons } from '../status/conditions.ts';
import { imagePullers, isPuller } from './keys.ts';
import { isOurs, ownerUidOf } from './ownership.ts';
import { generationOf, statusOf } from './subject.ts';

/** Where pullers and what they own are looked up. */
export interface RivalsOptions {
  readonly client: Pick<Client, 'get'>;
  readonly pullers: Pick<Cache, 'get' | 'list'>;
  readonly children: ReadonlyMap<Resource, Pick<Cache, 'get'>>;
  readonly settings: ParseSettings;
}

/** The names that a puller wants, by {@link nameId}. */
type Names = ReadonlyMap<string, ChildName>;

/** Who else in the namespace of a puller wants or has what names. */
export class Rivals {
  readonly #the: RivalsOptions;
  /** By uid: a list of a thousand images is read once for each change of its spec. */
  readonly #known = new Map<string, { readonly generation: number; readonly names: Names }>();

  constructor(options: RivalsOptions) {
    this.#the = options;
  }

  /** Claims that the puller of an ownerReference exists; where our cache does not know it, the server is asked. */
  async exists(namespace: string, { name, uid }: OwnerReference): Promise<boolean> {
    const { pullers, client } = this.#the;
    const cached = pullers.get(namespace, name);
    if (cached?.metadata.uid === uid) return true;
    const live = await client.get(imagePullers, namespace, name);
    return live?.metadata.uid === uid;
  }

  /**
   * Who is to get the names that nobody has, in place of this puller, by {@link nameId}: of those that
   * want one, the oldest (creation time, then uid). An object that is gone for a moment does not change
   * whose its name is. One that waits for another puller claims nothing: it could not use it, and two
   * could wait for each other.
   */
  claims({ namespace, name }: PullerIdentity): ReadonlyMap<string, string> {
    const claims = new Map<string, string>();
    const self = this.#the.pullers.get(namespace, name);
    if (self === undefined) return claims;
    const rank = this.#rankOf(self);
    const before = this.#others(self)
      .map((puller) => ({ puller, rank: this.#rankOf(puller), names: this.#namesOf(puller) }))
      .filter((other) => other.rank < rank)
      .sort((a, b) => (a.rank < b.rank ? -1 : 1));
    for (const { puller, names } of before) {
      const waitsForPuller = [...names].some(
        ([id, wanted]) => claims.has(id) || this.#isKeptFrom(puller, wanted),
      );
      if (waitsForPuller) continue;
      for (const id of names.keys()) claims.set(id, puller.metadata.name ?? '');
    }
    return claims;
  }

  /** Claims that a puller other than its owner wants the name of this object. */
  isAwaited(resource: Resource, object: KubeObject): boolean {
    return this.#contenders(resource, object).some(
      ({ metadata }) => !isOurs(object, metadata.uid ?? ''),
    );
  }

  /**
   * The pullers that want the name of an object and may get it by this change: it went, or another one
   * has it now. What else becomes of it is nothing to those that wait.
   */
  wokenBy(resource: Resource, change: Change): readonly Key[] {
    const mayFree =
      change.type === 'deleted' ||
      (change.type === 'updated' && hasNewOwner(change.previous, change.object));
    return mayFree ? this.#contenders(resource, change.object).map(keyOf) : [];
  }

  /** The pullers that may get names by what has happened to another one. */
  freedBy(change: Change): readonly Key[] {
    if (change.type === 'added') return [];
    const before = change.type === 'updated' ? change.previous : change.object;
    if (change.type === 'updated' && !hasNewWishes(before, change.object)) return [];
    const names = this.#namesOf(before);
    const freed = this.#others(before).filter((other) =>
      [...this.#namesOf(other).keys()].some((id) => names.has(id)),
    );
    this.#known.delete(before.metadata.uid ?? '');
    return freed.map(keyOf);
  }

  #contenders(resource: Resource, { metadata }: KubeObject): readonly KubeObject[] {
    const id = nameId(resource, metadata.name ?? '');
    return this.#the.pullers
      .list(metadata.namespace ?? '')
      .filter((puller) => this.#namesOf(puller).has(id));
  }

  #others({ metadata }: KubeObject): readonly KubeObject[] {
    return this.#the.pullers
      .list(metadata.namespace ?? '')
      .filter((other) => other.metadata.uid !== metadata.uid);
  }

  /** None of one that goes, or whose spec nothing is done for. */
  #namesOf({ metadata, spec }: KubeObject): Names {
    if (metadata.deletionTimestamp !== undefined) return none;
    const { uid = '', generation = 0 } = metadata;
    const known = this.#known.get(uid);
    if (known?.generation === generation) return known.names;
    const parsed = parseSpec((spec ?? {}) as RawSpec, this.#the.settings);
    const wanted = holdOf(parsed.findings) ? [] : childNames(parsed.spec);
    const names = new Map(wanted.map((each) => [nameId(each.resource, each.name), each]));
    this.#known.set(uid, { generation, names });
    return names;
  }

  /** Sorts by who comes first. The server tells times in whole seconds, so the uid decides as well. */
  #rankOf(puller: KubeObject): string {
    const { creationTimestamp = '', uid = '' } = puller.metadata;
    return `${this.#isEstablished(puller) ? 0 : 1} ${creationTimestamp} ${uid}`;
  }

  /** Claims that a puller was given all the names that its present spec asks for, and has some of them. */
  #isEstablished(puller: KubeObject): boolean {
    const status = statusOf(puller);
    const ready = conditionOf(status, conditionTypes.ready);
    return (
      status.observedGeneration === generationOf(puller) &&
      ready !== undefined &&
      !waitingReasons.has(ready.reason) &&
      [...this.#namesOf(puller).values()].some((wanted) => {
        const object = this.#holderOf(wanted, puller);
        return object !== undefined && isOurs(object, puller.metadata.uid ?? '');
      })
    );
  }

  /** Claims that another puller has a name and wants it: what else has it goes, or is no puller that waits. */
  #isKeptFrom(puller: KubeObject, wanted: ChildName): boolean {
    const object = this.#holderOf(wanted, puller);
    const owner = object && controllerOf(object);
    if (!owner || owner.uid === puller.metadata.uid || !isPuller(owner)) return false;
    const keeper = this.#the.pullers.get(puller.metadata.namespace ?? '', owner.name);
    const id = nameId(wanted.resource, wanted.name);
    return keeper?.metadata.uid === owner.uid && this.#namesOf(keeper).has(id);
  }

  /** The object that has a name, as far as our caches know. */
  #holderOf({ resource, name }: ChildName, { metadata }: KubeObject): KubeObject | undefined {
    return this.#the.children.get(resource)?.get(metadata.namespace ?? '', name);
  }
}

/** What a puller says of itself while it has not all its names. */
const waitingReasons: ReadonlySet<string> = new Set([
  reasons.nameConflict,
  reasons.waitingForDeletion,
]);

const none: Names = new Map();

/** Its status and its labels are no wishes. */
function hasNewWishes({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean {
  return a.generation !== b.generation || a.deletionTimestamp !== b.deletionTimestamp;
}

function hasNewOwner(before: KubeObject, after: KubeObject): boolean {
  return (
    controllerOf(before)?.uid !== controllerOf(after)?.uid ||
    ownerUidOf(before) !== ownerUidOf(after)
  );
}
