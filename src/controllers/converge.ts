import type { Clock } from '../clock.ts';
import { asError } from '../errors.ts';
import { type Applier, type Live, NotOursError, type Outcome } from '../kube/applier.ts';
import type { Cache } from '../kube/cache.ts';
import type { ReconcileContext } from '../kube/controller.ts';
import { NotLeadingError } from '../kube/leader-election.ts';
import {
  daemonSets,
  deployments,
  type KubeObject,
  type Resource,
  roleBindings,
} from '../kube/objects.ts';
import type { Log } from '../log.ts';
import { type Child, childNames, children, fixedFields, nameId } from '../manifests/children.ts';
import { containersTrimmed } from '../manifests/daemon-set.ts';
import { strategyCleared } from '../manifests/deployment.ts';
import { type HandOver, handOver } from '../manifests/hand-over.ts';
import type { ManifestInput } from '../manifests/input.ts';
import { partsOf } from '../manifests/shards.ts';
import { reasons } from '../status/conditions.ts';
import type { PodRecord } from '../status/pods.ts';
import type { ReadPods } from '../status/rewrites.ts';
import { rolloutOf } from '../status/rollout.ts';
import { type Conflict, NameConflictError } from './conflicts.ts';
import { BesideCacheError, failureOf } from './failure.ts';
import { type KnownPods, knownPods } from './known-pods.ts';
import { NameCheck, type NameCheckDependencies, type PresentChild } from './name-check.ts';
import { nodeHoldings } from './node-holdings.ts';
import { isOurs } from './ownership.ts';
import type { KnownRefusal } from './refusals.ts';
import type { Rivals } from './rivals.ts';
import { type Step, withStrategies } from './roll-strategies.ts';

/** Whom {@link converge} reads from, asks and writes through. */
export interface ConvergeDependencies extends NameCheckDependencies {
  readonly rivals: Pick<Rivals, 'claims' | 'exists' | 'isAwaited'>;
  readonly applier: Applier;
  readonly children: ReadonlyMap<Resource, Cache>;
  /** Of the caches, as projected records; only hand-overs and rolls look at them, and do without. */
  readonly pods: Cache;
  /** The pods of the DaemonSets of the puller, in the words of their templates. */
  readonly readPods: (
    daemonSets: readonly KubeObject[],
    pods: readonly PodRecord[],
    isAsNewAs: KnownPods['isAsNewAs'],
  ) => ReadPods;
  /** What is known of pods that could not be created, by the uid of their DaemonSet. */
  readonly refusals: ReadonlyMap<string, KnownRefusal>;
  readonly clock: Clock;
  /** Asks the server what has become of the spec that is acted on: our caches are not equally late. */
  readonly fateOfSpec: () => Promise<'current' | 'changed' | 'gone'>;
}

/** What came of a run. */
export interface Converged {
  /** After how many milliseconds to look again though nothing happens, where there is such a time. */
  readonly againMs: number | undefined;
  /** The uids of DaemonSets that were deleted: their pods go, whatever is known of them. */
  readonly deleted: readonly string[];
}

/** Nothing was deleted, and nothing is to be looked at again. */
export const nothingDone: Converged = { againMs: undefined, deleted: [] };

/** What was acted on, the spec or a DaemonSet, is not the newest: it is looked at soon. */
const outdated: Converged = { againMs: 1_000, deleted: [] };

/**
 * Makes the children what they should be and removes those that should be no more. Every name is
 * looked at before anything is written, and what a run made before one turned out to be taken is removed
 * again. Where the server does not take a DaemonSet nothing else is written, so that what there is fits
 * together. A child that cannot be written for another reason holds up no other one; only removals wait until
 * what they wait for is in place.
 *
 * @throws NameConflictError, BesideCacheError; ApiError and WaitingError about a DaemonSet
 */
export async function converge(
  input: ManifestInput,
  the: ConvergeDependencies,
  context: ReconcileContext,
): Promise<Converged> {
  const known = await lookForParts(input, the);
  const next = nextStep(input, [...known.values()], the);
  const desired = children(input, next.parts, next.puller);
  // Each pod of the cache is a reason to look; what comes after the last of them is looked for then.
  const isFilling = next.puller === 'waits' && [...known.values()].every((live) => live);
  const lookFor = (child: Child) => look(child, known, the, isFilling);
  const present = await Promise.all(desired.map(lookFor));
  const check = new NameCheck(input, the);
  const conflicts = await check.conflicts(present);
  if (conflicts.length > 0) await giveUp(desired, input, the, context.log);
  refuse(conflicts);
  const former = formerChildren(desired, input, the);
  const due = next.puller === 'waits' ? untilThePullerComes(present, former) : present;
  const removed = former.length + next.released.length;
  const isLasting = removed > 0 || due.some(({ live }) => live === undefined);
  const fate = isLasting ? await the.fateOfSpec() : 'current';
  // What an old spec has no use for may be what the new one asks for, and what is made for a puller that
  // is gone is taken away at once: its end would make it anew, again and again.
  if (fate !== 'current') return fate === 'changed' ? outdated : nothingDone;

  const written = await write(due, check, { input, the, context });
  context.signal.throwIfAborted();
  const [ofCache] = failuresOf(written.filter(isOfCache));
  if (ofCache) throw ofCache;
  const mayLetGo =
    next.released.length === 0 || (await areStillThere(written.filter(isOfCache), the));
  const deleted = mayLetGo ? await remove(released(next), input, the, context.log) : [];
  const [beside] = failuresOf(written);
  if (beside) throw new BesideCacheError(beside);
  if (!mayLetGo) return outdated;
  await remove(former, input, the, context.log);
  return { againMs: next.againMs, deleted };
}

/**
 * What is written before the puller comes: all but its Deployment, and for one that has nothing but its
 * cache yet nothing else, as only its pod needs that.
 */
function untilThePullerComes(
  present: readonly PresentChild[],
  former: readonly Former[],
): readonly PresentChild[] {
  const isNew =
    former.length === 0 && present.every(({ resource, live }) => resource === daemonSets || !live);
  return present.filter(
    ({ resource }) => resource === daemonSets || !(isNew || resource === deployments),
  );
}

/**
 * Writes the children in their order.
 *
 * @throws NameConflictError, NotLeadingError, and RefusedError where the server does not take a DaemonSet
 */
async function write(
  due: readonly PresentChild[],
  check: NameCheck,
  { input, the, context }: Run,
): Promise<readonly Written[]> {
  const written: Written[] = [];
  for (const step of steps(due)) {
    context.signal.throwIfAborted();
    const puts = step.map((child) => put(child, input, the, context.log));
    const outcomes = await Promise.allSettled(puts);
    written.push(...outcomes.map((outcome, at) => ({ child: step[at] as PresentChild, outcome })));
    const taken = failuresOf(written).filter((failure) => failure instanceof NotOursError);
    if (taken.length > 0) {
      await remove(await made(written, the), input, the, context.log);
      refuse(await Promise.all(taken.map((failure) => check.late(failure))));
    }
    const failures = failuresOf(written);
    const notLeading = failures.find((failure) => failure instanceof NotLeadingError);
    const final = notLeading ?? failuresOf(written.filter(isOfCache)).find(isRejected);
    if (final) throw final;
  }
  return written;
}

/** For whom, with what and in which run {@link write} does its work. */
interface Run {
  readonly input: ManifestInput;
  readonly the: ConvergeDependencies;
  readonly context: ReconcileContext;
}

/** What has the names of the parts of the list, by name. */
async function lookForParts(
  { puller, spec }: ManifestInput,
  { applier }: ConvergeDependencies,
): Promise<ReadonlyMap<string, Live>> {
  const looks = partsOf(spec).map(
    async ({ name }) => [name, await applier.observe(daemonSets, puller.namespace, name)] as const,
  );
  return new Map(await Promise.all(looks));
}

/** What the DaemonSets hold next, and how they get there, from those that the puller controls today. */
function nextStep(
  { puller, spec, settings }: ManifestInput,
  known: readonly Live[],
  { children, pods, readPods, refusals, clock }: ConvergeDependencies,
): Step {
  const cached = children.get(daemonSets)?.list(puller.namespace) ?? [];
  const byName = new Map([...cached, ...known].map((live) => [live?.metadata.name, live]));
  const owned = [...byName.values()].flatMap((live) =>
    live && isOurs(live, puller.uid ?? '') ? [live] : [],
  );
  const now = clock.now();
  const { records: lastKnown, error, isAsNewAs } = knownPods(puller.namespace, pods);
  // Nothing is handed over by what pods were like a while ago.
  const read = error === undefined && lastKnown ? readPods(owned, lastKnown, isAsNewAs) : undefined;
  const next = handOver({
    spec,
    present: owned.map((object) => ({ object, rollout: rolloutOf(object) })),
    nodes: () => (read?.isCertain ? nodeHoldings(owned, read.pods, now) : undefined),
    now,
  });
  return withStrategies(next, {
    owned,
    deployments: (children.get(deployments)?.list(puller.namespace) ?? []).filter((live) =>
      isOurs(live, puller.uid ?? ''),
    ),
    pods: read?.pods,
    refusals,
    maxSurge: settings.maxSurge,
    now,
  });
}

/** A child and what has its name; only as far as that is cached, where the server need not be asked. */
async function look(
  child: Child,
  known: ReadonlyMap<string, Live>,
  { applier, children }: ConvergeDependencies,
  isCacheEnough: boolean,
): Promise<PresentChild> {
  const { resource, body } = child;
  const { namespace = '', name = '' } = body.metadata;
  if (resource === daemonSets && known.has(name)) return { ...child, live: known.get(name) };
  const live = isCacheEnough
    ? children.get(resource)?.get(namespace, name)
    : await applier.observe(resource, namespace, name);
  return { ...child, live };
}

function refuse(conflicts: readonly Conflict[]): void {
  if (conflicts.length > 0) throw new NameConflictError(conflicts);
}

/**
 * DaemonSets go first, as they are what users wait for and the bodies most likely to be refused; a
 * RoleBinding comes after its Role, without which the server answers 404.
 */
function steps(present: readonly PresentChild[]): readonly (readonly PresentChild[])[] {
  const order = ({ resource }: Child) =>
    resource === daemonSets ? 0 : resource === roleBindings ? 2 : 1;
  return [0, 1, 2].map((step) => present.filter((child) => order(child) === step));
}

async function put(
  { resource, body, live }: PresentChild,
  { puller }: ManifestInput,
  { applier }: ConvergeDependencies,
  log: Log,
): Promise<Outcome> {
  const clearing = resource === deployments ? { clearing: strategyCleared } : {};
  const trimming = resource === daemonSets ? { trimming: containersTrimmed(body) } : {};
  const ownerUid = puller.uid ?? '';
  const fixed = fixedFields.get(resource) ?? [];
  const outcome = await applier.apply({
    resource,
    body,
    ownerUid,
    live,
    fixed,
    ...clearing,
    ...trimming,
  });
  if (outcome !== 'unchanged') {
    log.info(outcome, { kind: body.kind, name: body.metadata.name });
  }
  return outcome;
}

/** What became of a child. */
interface Written {
  readonly child: PresentChild;
  readonly outcome: PromiseSettledResult<Outcome>;
}

function isOfCache({ child }: Written): boolean {
  return child.resource === daemonSets;
}

/**
 * Asks the server whether the DaemonSets are those that the step was decided by. One that was deleted meanwhile
 * holds nothing any more, and one that was made anew nothing yet.
 */
async function areStillThere(
  written: readonly Written[],
  { applier }: ConvergeDependencies,
): Promise<boolean> {
  const looks = written.map(async ({ child: { resource, body, live } }) => {
    const { namespace = '', name = '' } = body.metadata;
    if (live === undefined) return true;
    const now = await applier.ask(resource, namespace, name);
    return now?.metadata.uid === live.metadata.uid;
  });
  return (await Promise.all(looks)).every((isSame) => isSame);
}

/** Claims that the server does not take a body for what it says. */
function isRejected(failure: Error): boolean {
  return failureOf(failure).reason === reasons.rejected;
}

function failuresOf(written: readonly Written[]): readonly Error[] {
  return written.flatMap(({ outcome }) =>
    outcome.status === 'rejected' ? [asError(outcome.reason)] : [],
  );
}

/** What did not exist before. */
async function made(
  written: readonly Written[],
  { applier }: ConvergeDependencies,
): Promise<readonly Former[]> {
  const looks = written.map(async ({ child: { resource, body }, outcome }) => {
    if (outcome.status === 'rejected' || outcome.value !== 'created') return [];
    const { namespace = '', name = '' } = body.metadata;
    const object = await applier.observe(resource, namespace, name);
    return object ? [{ resource, object }] : [];
  });
  return (await Promise.all(looks)).flat();
}

/** An object that is to be removed. */
interface Former {
  readonly resource: Resource;
  readonly object: KubeObject;
}

/** Returns the uids of those that were deleted. */
async function remove(
  former: readonly Former[],
  { puller }: ManifestInput,
  { applier }: ConvergeDependencies,
  log: Log,
): Promise<readonly string[]> {
  const deleted: string[] = [];
  for (const { resource, object } of former) {
    if (await applier.remove(resource, object, puller.uid ?? '')) {
      log.info('removed', { kind: object.kind, name: object.metadata.name });
      deleted.push(object.metadata.uid ?? '');
    }
  }
  return deleted;
}

/**
 * Removes what a puller that has to wait still has under names that it wants no more and others wait
 * for: its successor cannot come, and two that exchange their names would wait for each other for ever.
 */
async function giveUp(
  desired: readonly Child[],
  input: ManifestInput,
  the: ConvergeDependencies,
  log: Log,
): Promise<void> {
  // The name of a DaemonSet for which another one stands in is wanted all the same.
  const wished = childNames(input.spec).map(({ resource, name }) => nameId(resource, name));
  const wanted = new Set([...idsOf(desired), ...wished]);
  const awaited = ownedBeside(wanted, input, the).filter(({ resource, object }) =>
    the.rivals.isAwaited(resource, object),
  );
  if (awaited.length === 0 || (await the.fateOfSpec()) !== 'current') return;
  await remove(awaited, input, the, log);
}

/** Children that the puller owns under names it wants no more; their successors are there by now. */
function formerChildren(
  desired: readonly Child[],
  input: ManifestInput,
  the: ConvergeDependencies,
): readonly Former[] {
  const owned = ownedBeside(new Set(idsOf(desired)), input, the);
  return owned.filter(({ resource }) => resource !== daemonSets);
}

function idsOf(desired: readonly Child[]): readonly string[] {
  return desired.map(({ resource, body }) => nameId(resource, body.metadata.name ?? ''));
}

/** Everything that the puller owns under other names than these. */
function ownedBeside(
  wanted: ReadonlySet<string>,
  { puller }: ManifestInput,
  the: ConvergeDependencies,
): readonly Former[] {
  return [...the.children]
    .flatMap(([resource, cache]) =>
      cache.list(puller.namespace).map((object) => ({ resource, object })),
    )
    .filter(
      ({ resource, object }) =>
        isOurs(object, puller.uid ?? '') &&
        !wanted.has(nameId(resource, object.metadata.name ?? '')),
    );
}

function released({ released }: HandOver): readonly Former[] {
  return released.map((object) => ({ resource: daemonSets, object }));
}
