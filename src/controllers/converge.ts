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
import { type HandOver, handOver } from '../manifests/hand-over.ts';
import type { ManifestInput } from '../manifests/input.ts';
import { partsOf } from '../manifests/shards.ts';
import type { RefusedPod } from '../status/roll.ts';
import { rolloutOf } from '../status/rollout.ts';
import { nodeHoldings, podsIn } from './node-holdings.ts';
import { withStrategies } from './roll-strategies.ts';

export interface ConvergeDependencies {
  readonly applier: Applier;
  readonly children: ReadonlyMap<Resource, Cache>;
  /** Of the caches, as projected records; only hand-overs and rolls look at them, and do without. */
  readonly pods: Cache;
  /** What is known of pods that could not be created, by the uid of their DaemonSet. */
  readonly refusals: ReadonlyMap<string, RefusedPod>;
  readonly clock: Clock;
}

/**
 * Makes the children what they should be and removes those that should be no more. Every name is
 * looked at before anything is written, so that a conflict leaves no half of a puller behind. A child
 * that cannot be written holds up no other one; only removals wait until everything is in place.
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
  const known = await lookForParts(input, the);
  const next = nextStep(input, [...known.values()], the);
  const desired = children(input, next.parts);
  const present = await Promise.all(desired.map((child) => look(child, known, the)));
  refuseForeign(present, ownerUid);

  const outcomes: PromiseSettledResult<void>[] = [];
  for (const step of steps(present)) {
    signal.throwIfAborted();
    const writes = step.map((child) => put(child, ownerUid, the, log));
    outcomes.push(...(await Promise.allSettled(writes)));
  }
  signal.throwIfAborted();
  throwFirst(outcomes);
  for (const { resource, object } of [...formerChildren(desired, input, the), ...released(next)]) {
    if (await the.applier.remove(resource, object, ownerUid)) {
      log.info('removed', { kind: object.kind, name: object.metadata.name });
    }
  }
  return next.againMs;
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
  { children, pods, refusals, clock }: ConvergeDependencies,
): HandOver {
  const cached = children.get(daemonSets)?.list(puller.namespace) ?? [];
  const byName = new Map([...cached, ...known].map((live) => [live?.metadata.name, live]));
  const owned = [...byName.values()].flatMap((live) =>
    live && isControlledBy(live, puller.uid ?? '') ? [live] : [],
  );
  const now = clock.now();
  const records = podsIn(puller.namespace, pods);
  const next = handOver({
    spec,
    present: owned.map((object) => ({ object, rollout: rolloutOf(object) })),
    nodes: () => records && nodeHoldings(owned, records, now),
    now,
  });
  return withStrategies(next, { owned, pods: records, refusals, maxSurge: settings.maxSurge, now });
}

/** A child and the object that has its name today, if there is one. */
interface PresentChild extends Child {
  readonly live: Live;
}

async function look(
  child: Child,
  known: ReadonlyMap<string, Live>,
  { applier }: ConvergeDependencies,
): Promise<PresentChild> {
  const { namespace = '', name = '' } = child.body.metadata;
  const isKnown = child.resource === daemonSets && known.has(name);
  const live = isKnown ? known.get(name) : await applier.observe(child.resource, namespace, name);
  return { ...child, live };
}

function refuseForeign(present: readonly PresentChild[], ownerUid: string): void {
  for (const { resource, live } of present) {
    if (live && !isControlledBy(live, ownerUid)) throw new NotOursError(resource, live);
  }
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
  ownerUid: string,
  { applier }: ConvergeDependencies,
  log: Log,
): Promise<void> {
  const outcome = await applier.apply({ resource, body, ownerUid, live });
  if (outcome !== 'unchanged') {
    log.info(outcome, { kind: body.kind, name: body.metadata.name });
  }
}

function throwFirst(outcomes: readonly PromiseSettledResult<void>[]): void {
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

/** An object that is to be removed. */
interface Former {
  readonly resource: Resource;
  readonly object: KubeObject;
}

/** Children that the puller owns under names it wants no more; their successors are there by now. */
function formerChildren(
  desired: readonly Child[],
  { puller }: ManifestInput,
  the: ConvergeDependencies,
): readonly Former[] {
  const wanted = new Set(desired.map(({ resource, body }) => id(resource, body)));
  return [...the.children]
    .filter(([resource]) => resource !== daemonSets)
    .flatMap(([resource, cache]) =>
      cache.list(puller.namespace).map((object) => ({ resource, object })),
    )
    .filter(
      ({ resource, object }) =>
        isControlledBy(object, puller.uid ?? '') && !wanted.has(id(resource, object)),
    );
}

function released({ released }: HandOver): readonly Former[] {
  return released.map((object) => ({ resource: daemonSets, object }));
}

function id(resource: Resource, object: KubeObject): string {
  return `${resource.plural}/${object.metadata.name}`;
}
