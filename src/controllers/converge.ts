import type { Clock } from '../clock.ts';
import { type Applier, type Live, NotOursError } from '../kube/applier.ts';
import type { Cache } from '../kube/cache.ts';
import type { ReconcileContext } from '../kube/controller.ts';
import {
  daemonSets,
  isControlledBy,
  type KubeObject,
  type Resource,
  roleBindings,
} from '../kube/objects.ts';
import type { Log } from '../log.ts';
import { type Child, children } from '../manifests/children.ts';
import type { ManifestInput } from '../manifests/input.ts';
import { rolloutOf } from '../status/rollout.ts';

export interface ConvergeDependencies {
  readonly applier: Applier;
  readonly children: ReadonlyMap<Resource, Cache>;
  readonly clock: Clock;
}

/** A DaemonSet under a former name is kept until its successor is complete, yet not for ever. */
const successorDeadlineMs = 30 * 60_000;

/**
 * Makes the children what they should be and removes those that should be no more. Every name is
 * looked at before anything is written, so that a conflict leaves no half of a puller behind.
 *
 * @returns milliseconds after which to look again though nothing happens, where there is such a time
 * @throws NotOursError, ApiError, WaitingError
 */
export async function converge(
  input: ManifestInput,
  the: ConvergeDependencies,
  { log, signal }: ReconcileContext,
): Promise<number | undefined> {
  const ownerUid = input.puller.uid ?? '';
  const desired = children(input);
  const present = await Promise.all(desired.map((child) => look(child, the)));
  refuseForeign(present, ownerUid);

  for (const step of steps(present)) {
    signal.throwIfAborted();
    await all(step.map((child) => put(child, ownerUid, the, log)));
  }
  signal.throwIfAborted();
  return removeOthers(desired, input, the, log);
}

/** A child and the object that has its name today, if there is one. */
interface PresentChild extends Child {
  readonly live: Live;
}

async function look(child: Child, { applier }: ConvergeDependencies): Promise<PresentChild> {
  const { namespace = '', name = '' } = child.body.metadata;
  return { ...child, live: await applier.observe(child.resource, namespace, name) };
}

function refuseForeign(present: readonly PresentChild[], ownerUid: string): void {
  for (const { resource, live } of present) {
    if (live && !isControlledBy(live, ownerUid)) throw new NotOursError(resource, live);
  }
}

/**
 * The DaemonSet goes first, as it is what users wait for and the body most likely to be refused; a
 * RoleBinding comes after its Role, without which the server answers 404.
 */
function steps(present: readonly PresentChild[]): readonly (readonly PresentChild[])[] {
  const order = ({ resource }: Child) =>
    resource === daemonSets ? 0 : resource === roleBindings ? 2 : 1;
  return [0, 1, 2].map((step) => present.filter((child) => order(child) === step));
}

async function put(
  { resource, body, live }: PresentChild,
  ownerUid: string,
  { applier }: ConvergeDependencies,
  log: Log,
): Promise<void> {
  const outcome = await applier.apply({ resource, body, ownerUid, live });
  if (outcome !== 'unchanged') {
    log.info(outcome, { kind: body.kind, name: body.metadata.name });
  }
}

/** Runs to the end of all of them, then throws the first failure: one child does not hold up another. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

/** Removes children that this puller owns under names it wants no more, now that their successors are there. */
async function removeOthers(
  desired: readonly Child[],
  { puller, spec }: ManifestInput,
  the: ConvergeDependencies,
  log: Log,
): Promise<number | undefined> {
  const ownerUid = puller.uid ?? '';
  const wanted = new Set(desired.map(({ resource, body }) => id(resource, body)));
  const others = [...the.children].flatMap(([resource, cache]) =>
    cache
      .list(puller.namespace)
      .filter((object) => isControlledBy(object, ownerUid) && !wanted.has(id(resource, object)))
      .map((object) => ({ resource, object })),
  );
  const hasSuccessor = desired.some(({ resource }) => resource === daemonSets);
  const daemonSet = the.children.get(daemonSets)?.get(puller.namespace, spec.daemonsetName);
  const waitMs = untilReplaced(hasSuccessor ? daemonSet : undefined, the.clock);
  const mayGo = others.filter(({ resource }) => resource !== daemonSets || waitMs === 0);
  for (const { resource, object } of mayGo) {
    if (await the.applier.remove(resource, object, ownerUid)) {
      log.info('removed', { kind: object.kind, name: object.metadata.name });
    }
  }
  return mayGo.length < others.length ? waitMs : undefined;
}

/** How long a predecessor still has to hold the cache for this DaemonSet. */
function untilReplaced(successor: KubeObject | undefined, clock: Clock): number {
  if (successor === undefined || rolloutOf(successor).complete) return 0;
  const born = Date.parse(successor.metadata.creationTimestamp ?? '');
  return Math.max(0, born + successorDeadlineMs - clock.now());
}

function id(resource: Resource, object: KubeObject): string {
  return `${resource.plural}/${object.metadata.name}`;
}
