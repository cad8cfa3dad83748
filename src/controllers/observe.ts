import { holdOf } from '../api/findings.ts';
import type { CachedImage } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import type { Cache } from '../kube/cache.ts';
import {
  daemonSets,
  deployments,
  isControlledBy,
  type KubeObject,
  type Resource,
} from '../kube/objects.ts';
import { errorChain } from '../log.ts';
import { sleeperImage } from '../manifests/config-map.ts';
import type { ManifestInput } from '../manifests/input.ts';
import { conditionOf, conditionTypes } from '../status/conditions.ts';
import { isSettled, type Observed } from '../status/facts.ts';
import { idlePods } from '../status/idle-pods.ts';
import { lingering } from '../status/lingering.ts';
import { listOf, observation } from '../status/observation.ts';
import type { PodRecord } from '../status/pods.ts';
import { failureOf, notSynced } from './failure.ts';
import { knownPods } from './known-pods.ts';
import type { Patience } from './patience.ts';
import type { PodReadings } from './pod-readings.ts';
import { hasPod } from './puller-place.ts';
import type { Refusals } from './refusals.ts';
import type { StartTroubles } from './start-troubles.ts';
import { generationOf, type Subject, statusOf } from './subject.ts';

/** Where what is seen of a puller is read. */
export interface ObserveDependencies {
  readonly children: ReadonlyMap<Resource, Cache>;
  /** Of the pods of caches, as projected records. */
  readonly pods: Cache;
  readonly podReadings: PodReadings;
  readonly refusals: Refusals;
  readonly startTroubles: StartTroubles;
  readonly patience: Patience;
  readonly clock: Clock;
}

/** Everything a status is made of, and when to look again though nothing happens. */
export interface Seen {
  readonly observed: Observed;
  readonly againMs: readonly (number | undefined)[];
}

/**
 * Reads all that there is to be seen of a puller; after it nothing is read any more. `error` is why its
 * children could not be made what they should be; `deleted` are the uids of DaemonSets that were deleted just
 * now, of whose end, and that of their pods, nobody has told yet.
 *
 * @throws WaitingError while its pods are not known yet
 */
export async function observe(
  subject: Subject,
  { error, deleted }: { readonly error?: Error; readonly deleted: readonly string[] },
  the: ObserveDependencies,
): Promise<Seen> {
  const { key, puller, parsed, input } = subject;
  const { spec, findings } = parsed;
  const { patience } = the;
  const stored = statusOf(puller);
  // The spec has no say while it is held: the list is what the DaemonSets hold.
  const list = holdOf(findings) ? undefined : spec.images;
  const present = daemonSetsOf(input, list, the).filter(
    ({ metadata }) => !deleted.includes(metadata.uid ?? ''),
  );
  const pods = podsOf(subject, present, the);
  const wasTold = conditionOf(stored, conditionTypes.degraded)?.status === 'True';
  const refused = await the.refusals.of(key, {
    daemonSets: present,
    pods: pods.records,
    wasTold,
  });
  const lingers = lingering(ownDaemonSets(input, the), the.clock.now());
  const seen = observation({
    images: list ?? listOf(present),
    daemonSets: present,
    pods: pods.records,
    refusals: refused.value,
    isSettled: isSettled(stored, generationOf(puller)),
    now: the.clock.now(),
  });
  const idle = idlePods(present, pods.records ?? [], the.clock.now());
  const startTrouble = await the.startTroubles.of(key, idle.pods);
  const stalled = patience.stalled(key, seen, stored);
  const deployment = deploymentOf(input, the);
  const unavailable = patience.unavailable(deployment);
  const failure = patience.told(key, error && failureOf(error), stored);
  return {
    observed: {
      spec,
      findings,
      sleeperImage: sleeperImage(input),
      observation: seen,
      startTrouble: startTrouble.value,
      lingering: lingers.daemonSets,
      stalled: stalled.value,
      podsUnreadable: pods.unreadable,
      isPullerToCome: deployment === undefined || !hasPod(deployment),
      pullerUnavailable: unavailable.value,
      failure: failure.value,
    },
    againMs: [
      seen.againMs,
      refused.againMs,
      idle.againMs,
      startTrouble.againMs,
      lingers.againMs,
      stalled.againMs,
      unavailable.againMs,
      failure.againMs,
      pods.againMs,
    ],
  };
}

/** How soon pods that cannot be read are tried again: nobody tells when that has passed, if none has changed. */
const unreadableRetryMs = 10_000;

interface Pods {
  /** Undefined where they cannot be read. */
  readonly records?: readonly PodRecord[] | undefined;
  readonly unreadable?: string;
  readonly againMs?: number;
}

/** @throws WaitingError while they are not known, for a while */
function podsOf(
  { key, input }: Subject,
  present: readonly KubeObject[],
  { pods, podReadings, patience }: ObserveDependencies,
): Pods {
  const { namespace } = input.puller;
  const { records, error, isRefused, isAsNewAs } = knownPods(namespace, pods);
  if (records) {
    patience.seesPods(key);
    return { records: podReadings.read(key, present, records, isAsNewAs).pods };
  }
  if (error && (isRefused || patience.isBlindForLong(key))) {
    return { unreadable: errorChain(error), againMs: unreadableRetryMs };
  }
  throw notSynced(`no pods of ${namespace} are known yet`);
}

/** One that was removed just now, as the list is empty, may still be in the cache. */
function daemonSetsOf(
  input: ManifestInput,
  list: readonly CachedImage[] | undefined,
  the: ObserveDependencies,
): readonly KubeObject[] {
  return list?.length === 0 ? [] : ownDaemonSets(input, the);
}

function ownDaemonSets(
  { puller }: ManifestInput,
  { children }: ObserveDependencies,
): readonly KubeObject[] {
  const all = children.get(daemonSets)?.list(puller.namespace) ?? [];
  return all.filter((daemonSet) => isControlledBy(daemonSet, puller.uid ?? ''));
}

function deploymentOf(
  { puller, spec }: ManifestInput,
  { children }: ObserveDependencies,
): KubeObject | undefined {
  const deployment = children.get(deployments)?.get(puller.namespace, spec.deploymentName);
  return deployment && isControlledBy(deployment, puller.uid ?? '') ? deployment : undefined;
}
