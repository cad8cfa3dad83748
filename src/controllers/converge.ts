import type { Clock } from '../clock.ts';
import type { Applier, Live } from '../kube/applier.ts';
import { NotOursError } from '../kube/applier.ts';
import type { Cache } from '../kube/cache.ts';
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
  log: Log,
): Promise<number | undefined> {
  const ownerUid = input.puller.uid ?? '';
  const desired = children(input);
  const present = await Promise.all(desired.map((child) => look(child, the)));
  refuseForeign(present, ownerUid);

  for (const step of steps(present)) {
    await all(step.map((child) => put(child, ownerUid, the, log)));
  }
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
  const wanted = new Set(desired.map(({ resource, body }) => id(resource, body)));
  let lookAgainMs: number | undefined;
  for (const [resource, cache] of the.children) {
    for (const object of cache.list(puller.namespace)) {
      if (!isControlledBy(object, puller.uid ?? '') || wanted.has(id(resource, object))) continue;
      const successor =
        resource === daemonSets ? cache.get(puller.namespace, spec.daemonsetName) : undefined;
      const waitMs = successor === undefined ? 0 : untilReplaced(successor, the.clock);
      if (waitMs > 0) {
        lookAgainMs = waitMs;
      } else if (await the.applier.remove(resource, object, puller.uid ?? '')) {
        log.info('removed', { kind: object.kind, name: object.metadata.name });
      }
    }
  }
  return lookAgainMs;
}

/** How long a predecessor still has to hold the cache for this DaemonSet. */
function untilReplaced(successor: KubeObject, clock: Clock): number {
  if (rolloutOf(successor).complete) return 0;
  const born = Date.parse(successor.metadata.creationTimestamp ?? '');
  return Math.max(0, born + successorDeadlineMs - clock.now());
}

function id(resource: Resource, object: KubeObject): string {
  return `${resource.plural}/${object.metadata.name}`;
}
