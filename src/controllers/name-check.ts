import type { Live, NotOursError } from '../kube/applier.ts';
import type { Cache } from '../kube/cache.ts';
import { controllerOf, type OwnerReference, type Resource } from '../kube/objects.ts';
import { type Child, childNames, nameId } from '../manifests/children.ts';
import type { ManifestInput } from '../manifests/input.ts';
import type { Conflict, Hindrance } from './conflicts.ts';
import { isPuller } from './keys.ts';
import { isOurs } from './ownership.ts';
import type { Rivals } from './rivals.ts';

/** A child and the object that has its name today, if there is one. */
export interface PresentChild extends Child {
  readonly live: Live;
}

/** Who knows whose a name is. */
export interface NameCheckDependencies {
  readonly children: ReadonlyMap<Resource, Pick<Cache, 'get'>>;
  readonly rivals: Pick<Rivals, 'claims' | 'exists'>;
}

/** Finds out which of its names a puller cannot have, and why. */
export class NameCheck {
  readonly #input: ManifestInput;
  readonly #the: NameCheckDependencies;
  /** Whether the pullers exist that have names of this one, by uid: mostly it is one for all names. */
  readonly #existing = new Map<string, Promise<boolean>>();

  constructor(input: ManifestInput, dependencies: NameCheckDependencies) {
    this.#input = input;
    this.#the = dependencies;
  }

  /** Every name that is not the puller's own or free, in the order of its children. */
  async conflicts(present: readonly PresentChild[]): Promise<readonly Conflict[]> {
    const { puller } = this.#input;
    const isNew = present.some(({ live }) => live === undefined);
    const claims = isNew ? this.#the.rivals.claims(puller) : new Map<string, string>();
    const conflicts = present.map(async ({ resource, body, live }) => {
      const name = body.metadata.name ?? '';
      if (live === undefined) {
        const rival = claims.get(nameId(resource, name));
        // What becomes of it are events of the rival, and of the object that it makes.
        return rival === undefined
          ? undefined
          : this.#conflict(resource, name, { why: 'rival', puller: rival }, true);
      }
      if (isOurs(live, puller.uid ?? '')) return undefined;
      return this.#conflict(resource, name, await this.#hindrance(controllerOf(live)));
    });
    return (await Promise.all(conflicts)).filter((conflict) => conflict !== undefined);
  }

  /** The conflict that came to light only when the name was to be written to. */
  async late({ resource, objectName, owner }: NotOursError): Promise<Conflict> {
    return this.#conflict(resource, objectName, await this.#hindrance(owner));
  }

  async #hindrance(owner: OwnerReference | undefined): Promise<Hindrance> {
    if (owner === undefined) return { why: 'unowned' };
    if (!isPuller(owner)) return { why: 'foreign', owner };
    const { namespace } = this.#input.puller;
    const isThere = this.#existing.get(owner.uid) ?? this.#the.rivals.exists(namespace, owner);
    this.#existing.set(owner.uid, isThere);
    return { why: (await isThere) ? 'rival' : 'orphaned', puller: owner.name };
  }

  #conflict(
    resource: Resource,
    name: string,
    hindrance: Hindrance,
    isCached = this.#isCached(resource, name),
  ): Conflict {
    const { puller, spec } = this.#input;
    const id = nameId(resource, name);
    const wanted = childNames(spec).find((child) => nameId(child.resource, child.name) === id);
    // The stand-in of a DaemonSet is the only child that is no part of the list.
    const field = wanted?.field ?? 'daemonsetName';
    return { resource, namespace: puller.namespace, name, field, hindrance, isCached };
  }

  #isCached(resource: Resource, name: string): boolean {
    const { namespace } = this.#input.puller;
    return this.#the.children.get(resource)?.get(namespace, name) !== undefined;
  }
}
