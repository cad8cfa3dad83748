import type { Clock } from '../clock.ts';
import { WaitingError } from '../errors.ts';
import { ApplyMemory, type Verdict } from './apply-memory.ts';
import type { Cache } from './cache.ts';
import { type ApiError, type Client, isApiError, isRefusal } from './client.ts';
import {
  type Difference,
  differences,
  type InPlaceOptions,
  otherManagerOf,
  type SameScalar,
} from './in-place.ts';
import {
  controllerOf,
  isControlledBy,
  type KubeObject,
  type OwnerReference,
  type Resource,
} from './objects.ts';
import { RefusedBodies } from './refused-bodies.ts';
import { Repetitions } from './repetitions.ts';

/** What is stored under a name, as far as we know; undefined where there is nothing. */
export type Live = KubeObject | undefined;

/** What an apply did to the world. */
export type Outcome = 'created' | 'updated' | 'replaced' | 'unchanged';

/** The name is taken: the object under it is not controlled by the owner that we act for. */
export class NotOursError extends Error {
  override readonly name = 'NotOursError';
  readonly resource: Resource;
  readonly namespace: string;
  readonly objectName: string;
  /** Who controls the object; undefined where nobody does. */
  readonly owner: OwnerReference | undefined;

  constructor(resource: Resource, live: KubeObject) {
    const owner = controllerOf(live);
    const holder = owner ? `belongs to ${owner.kind} ${owner.name}` : 'has no controlling owner';
    super(`${nameOf(resource, live)} exists and ${holder}: it is left alone`);
    this.resource = resource;
    this.namespace = live.metadata.namespace ?? '';
    this.objectName = live.metadata.name ?? '';
    this.owner = owner;
  }
}

/** On whose behalf and by which rules an {@link Applier} writes. */
export interface ApplierOptions {
  readonly client: Client;
  readonly fieldManager: string;
  /** What is cached, by kind; objects that no cache has are read from the server. */
  readonly caches: ReadonlyMap<Resource, Pick<Cache, 'get' | 'observe'>>;
  readonly clock: Clock;
  /** Where the server stores another spelling of a value, for example of a quantity. */
  readonly sameScalar?: SameScalar;
  /**
   * The label that the caches select by: an object that is stored without it would change, and go, and
   * nobody would be told.
   */
  readonly selectedBy?: string;
  /**
   * Claims that an object may be changed and removed on behalf of the owner with this uid: that it
   * controls the object, unless another rule is given.
   */
  readonly isOurs?: (live: KubeObject, ownerUid: string) => boolean;
}

/** Where somebody else wants something else, and how long that is left as it is. */
interface Contention {
  readonly contested: Pick<Difference, 'path' | 'steps'>;
  readonly waitMs: number;
}

/** What is to be applied, for whom, and on top of what. */
export interface ApplyRequest {
  readonly resource: Resource;
  /** The full desired object, without uid and resourceVersion. */
  readonly body: KubeObject;
  /** The uid of the owner on whose behalf the object is changed. */
  readonly ownerUid: string;
  /** The object under that name, as `observe` returned it. */
  readonly live: Live;
  /**
   * The merge patch, if any, that has to come first: it takes away what the server refuses beside the
   * body, and server-side apply leaves as nobody has applied it.
   */
  readonly clearing?: (live: KubeObject) => object | undefined;
  /** What must not stay beside the body, and server-side apply leaves as somebody else has put it there. */
  readonly trimming?: Trimming;
  /**
   * The fields, as the server spells them, for which the object is deleted and made anew where it is
   * refused because of nothing else: those that nobody can change.
   */
  readonly fixed?: readonly string[];
}

/** What is taken away from an object that is as its body says. */
export interface Trimming {
  /** Where that is, for people. */
  readonly field: string;
  /** The merge patch that takes it away; undefined where there is nothing of it. */
  readonly patch: (live: KubeObject) => object | undefined;
}

/** The reason while an object of that name is being deleted. */
const waitingForDeletion = 'WaitingForDeletion';
/** The reason while somebody else keeps undoing what was applied. */
const contended = 'Contended';

/** An object that changes under each of so many looks is left for the run that its events lead to. */
const looksBeforeRemoval = 3;

/** The end of a deletion is an event as well; this only bounds the wait should it be missed. */
const deletionRetryMs = 10_000;

/** The first wait for an object that was stored without the label by which its events would come. */
const unseenRetryMs = 1_000;

/**
 * Makes owned objects what they should be by server-side apply under one field manager. It never
 * writes to an object that is not its owner's, sends nothing where nothing would change,
 * and neither fights an admission plug-in nor races another writer.
 */
export class Applier {
  readonly #client: Client;
  readonly #caches: ApplierOptions['caches'];
  readonly #inPlace: InPlaceOptions;
  readonly #isOurs: NonNullable<ApplierOptions['isOurs']>;
  readonly #selectedBy: string | undefined;
  readonly #memory: ApplyMemory;
  readonly #refused: RefusedBodies;
  readonly #repetitions: Repetitions;

  constructor(options: ApplierOptions) {
    const { client, fieldManager, caches, clock, sameScalar, selectedBy, isOurs } = options;
    this.#client = client;
    this.#isOurs = isOurs ?? isControlledBy;
    this.#selectedBy = selectedBy;
    this.#caches = caches;
    this.#inPlace = { manager: fieldManager, ...(sameScalar && { sameScalar }) };
    this.#memory = new ApplyMemory(clock);
    this.#refused = new RefusedBodies(clock);
    this.#repetitions = new Repetitions(clock);
  }

  /** The object under a name: from the cache, or from the server where the cache has none. */
  async observe(resource: Resource, namespace: string, name: string): Promise<Live> {
    const cached = this.#caches.get(resource)?.get(namespace, name);
    const live = cached ?? (await this.#client.get(resource, namespace, name));
    if (live === undefined) this.#memory.forget(idOf(resource, { namespace, name }));
    return live;
  }

  /** The object under a name as the server has it now. */
  ask(resource: Resource, namespace: string, name: string): Promise<Live> {
    return this.#client.get(resource, namespace, name);
  }

  /**
   * Creates the object or makes it what the body says, anew where it cannot be changed to that.
   *
   * @throws NotOursError where the name belongs to somebody else; nothing is written then
   * @throws WaitingError `WaitingForDeletion` while the present object is being deleted,
   *   `Contended` while somebody keeps changing it back
   * @throws RefusedError where the server does not take the body, or is not asked again yet
   * @throws ApiError where it cannot be asked
   */
  async apply(request: ApplyRequest): Promise<Outcome> {
    const { resource, body, live } = request;
    const id = `${idOf(resource, body.metadata)}/${live?.metadata.uid ?? ''}`;
    const known = this.#refused.of(id, body);
    if (known) throw known;
    try {
      const outcome = await this.#put(request);
      this.#refused.taken(id);
      return outcome;
    } catch (error) {
      throw isRefusal(error) ? this.#refused.refused(id, body, error) : error;
    }
  }

  async #put(request: ApplyRequest): Promise<Outcome> {
    const { resource, body, live } = request;
    try {
      return await this.#attempt(request);
    } catch (error) {
      if (!mayHaveMoved(error, live)) throw error;
      const { namespace = '', name = '' } = body.metadata;
      const now = await this.#client.get(resource, namespace, name);
      if (error.code !== 422 || now === undefined || now.metadata.uid !== live?.metadata.uid) {
        return await this.#attempt({ ...request, live: now });
      }
      // Still the same object: the server refuses the body, not our idea of what is there.
      const field = fixedFieldOf(error, request.fixed);
      if (field === undefined) throw error;
      return await this.#replace(request, now, field);
    }
  }

  async #replace(request: ApplyRequest, live: KubeObject, field: string): Promise<Outcome> {
    const { resource, ownerUid } = request;
    const { namespace = '', name = '' } = live.metadata;
    const id = idOf(resource, live.metadata);
    this.#refuseRepeated(resource, live, { id, field });
    this.#repetitions.count(id);
    await this.remove(resource, live, ownerUid);
    // A finalizer may keep it, and whoever brought it may have been quicker.
    const left = await this.#client.get(resource, namespace, name);
    const outcome = await this.#attempt({ ...request, live: left });
    return outcome === 'created' ? 'replaced' : outcome;
  }

  /**
   * Deletes the object if the server still has this very one and its owner controls it; the server
   * is asked first, as a cache may be late, and again where the object has changed before it could be
   * deleted. False where it was gone, replaced, on its way out, has come to somebody else, or changes
   * all the time.
   */
  async remove(resource: Resource, object: KubeObject, ownerUid: string): Promise<boolean> {
    const { namespace = '', name = '', uid } = object.metadata;
    for (let look = 0; look < looksBeforeRemoval; look += 1) {
      const live = await this.#client.get(resource, namespace, name);
      if (live === undefined || live.metadata.uid !== uid) return false;
      if (!this.#isOurs(live, ownerUid)) return false;
      this.#memory.forget(idOf(resource, live.metadata));
      if (live.metadata.deletionTimestamp !== undefined) return false;
      const asSeen = { propagationPolicy: 'Background', ifUnchanged: true } as const;
      if (await this.#client.remove(resource, live, asSeen)) return true;
    }
    return false;
  }

  async #attempt(request: ApplyRequest): Promise<Outcome> {
    const { resource, body, ownerUid, live, clearing, trimming } = request;
    if (live === undefined) {
      // Without force, at a version that no object has: what appeared meanwhile is not adopted.
      const stored = await this.#send(resource, body, { resourceVersion: '1' });
      this.#learn(resource, body, stored);
      return 'created';
    }
    refuseGoing(resource, live);
    if (!this.#isOurs(live, ownerUid)) throw new NotOursError(resource, live);

    if (this.#memory.isInPlace(live, body)) return 'unchanged';
    const found = differences(body, live, this.#inPlace);
    if (found.length === 0 && trimming?.patch(live) === undefined) {
      this.#memory.foundInPlace(live, body);
    }
    const verdict = this.#memory.judge(idOf(resource, live.metadata), { live, body }, found);
    if (verdict.open.length === 0) return await this.#trim(request, live);
    this.#refuseContended(resource, live, verdict);
    await this.#patch(resource, live, clearing?.(live));
    const stored = await this.#send(resource, body, { uid: live.metadata.uid ?? '' });
    const isSame = stored.metadata.resourceVersion === live.metadata.resourceVersion;
    this.#learn(resource, body, stored, isSame ? [] : verdict.open);
    const trimmed = await this.#trim(request, stored);
    return isSame ? trimmed : 'updated';
  }

  async #trim({ resource, trimming }: ApplyRequest, live: KubeObject): Promise<Outcome> {
    const patch = trimming?.patch(live);
    if (trimming === undefined || patch === undefined) return 'unchanged';
    const { field } = trimming;
    const id = `${idOf(resource, live.metadata)}/${field}`;
    this.#refuseRepeated(resource, live, { id, field });
    await this.#patch(resource, live, patch);
    this.#repetitions.count(id);
    return 'updated';
  }

  #refuseContended(
    resource: Resource,
    live: KubeObject,
    { contested, waitMs }: Pick<Verdict | Contention, 'contested' | 'waitMs'>,
  ): void {
    if (contested === undefined || waitMs === 0) return;
    throw this.#contention(resource, live, { contested, waitMs });
  }

  #refuseRepeated(
    resource: Resource,
    live: KubeObject,
    { id, field }: { readonly id: string; readonly field: string },
  ): void {
    const waitMs = this.#repetitions.untilNext(id);
    this.#refuseContended(resource, live, { contested: placeOf(field), waitMs });
  }

  #contention(
    resource: Resource,
    live: KubeObject,
    { contested, waitMs }: Contention,
  ): WaitingError {
    const manager = otherManagerOf(live, contested, this.#inPlace) ?? 'somebody';
    // No number in it that changes: the message ends up in a condition.
    const message = `${manager} keeps changing ${contested.path} of ${nameOf(resource, live)}, which is put right again at growing intervals`;
    return new WaitingError(contended, waitMs, message);
  }

  async #send(
    resource: Resource,
    body: KubeObject,
    identity: Pick<KubeObject['metadata'], 'uid' | 'resourceVersion'>,
  ): Promise<KubeObject> {
    const identified = { ...body, metadata: { ...body.metadata, ...identity } };
    const stored = await this.#client.apply(resource, identified, {
      fieldManager: this.#inPlace.manager,
      force: identity.resourceVersion === undefined,
    });
    this.#caches.get(resource)?.observe(stored);
    return stored;
  }

  async #patch(resource: Resource, live: KubeObject, patch: object | undefined): Promise<void> {
    if (patch === undefined) return;
    const { manager: fieldManager } = this.#inPlace;
    const stored = await this.#client.mergePatch(resource, live, patch, { fieldManager });
    this.#caches.get(resource)?.observe(stored);
  }

  /**
   * Remembers what the server made of the body. That an object is not to have the label it is selected by
   * is no answer to settle for.
   *
   * @throws WaitingError `Contended` where it was stored without that label
   */
  #learn(
    resource: Resource,
    body: KubeObject,
    stored: KubeObject,
    repaired: readonly Difference[] = [],
  ): void {
    const id = idOf(resource, stored.metadata);
    const found = differences(body, stored, this.#inPlace);
    const lost = found.find((one) => this.#isLossOfSelection(one));
    const answer = found.filter((one) => one !== lost);
    this.#memory.applied(id, { stored, body }, answer, lost ? [...repaired, lost] : repaired);
    if (lost === undefined) return;
    const { waitMs } = this.#memory.judge(id, { live: stored, body }, [lost]);
    throw this.#contention(resource, stored, { contested: lost, waitMs: waitMs || unseenRetryMs });
  }

  #isLossOfSelection({ steps, found }: Difference): boolean {
    const label = `f:metadata/f:labels/f:${this.#selectedBy}`;
    return found === undefined && steps.join('/') === label;
  }
}

/**
 * Claims that the server may know another object under the name than we do: 409 says that ours is
 * gone, or that there is one where we saw none, 422 that its uid is another one.
 */
function mayHaveMoved(error: unknown, live: Live): error is ApiError {
  return isApiError(error, 409) || (live !== undefined && isApiError(error, 422));
}

/** The field that cannot be changed, where the server refuses a body for such fields alone. */
function fixedFieldOf({ status }: ApiError, fixed: readonly string[] = []): string | undefined {
  const fields = (status.details?.causes ?? []).map(({ field = '' }) => field);
  return fields.every((field) => fixed.includes(field)) ? fields[0] : undefined;
}

function placeOf(field: string): Contention['contested'] {
  return { path: field, steps: field.split('.').map((name) => `f:${name}`) };
}

function refuseGoing(resource: Resource, live: KubeObject): void {
  if (live.metadata.deletionTimestamp === undefined) return;
  const message = `${nameOf(resource, live)} is being deleted and will be made anew`;
  throw new WaitingError(waitingForDeletion, deletionRetryMs, message);
}

function nameOf({ kind }: Resource, { metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}

function idOf(
  { group, plural }: Resource,
  { namespace = '', name = '' }: KubeObject['metadata'],
): string {
  return `${plural}.${group}/${namespace}/${name}`;
}
