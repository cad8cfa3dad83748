/** A mistake that somebody could make in the operator, as a change of its source. */
export interface PlantedBug {
  /** What goes wrong. */
  readonly name: string;
  /** Below src/. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly text: string;
  readonly instead: string;
  /** Where the simulation finds it: options of main.ts. */
  readonly foundBy: readonly string[];
  /** The oracle without which nobody would notice, where there is only one. */
  readonly seenOnlyBy?: string;
}

const inWorkload = (workload: string, only: string) => ['--workload', workload, '--only', only];

/** Each is planted alone, and has to be found. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'an object of somebody else is taken over',
    file: 'controllers/ownership.ts',
    text: "return pullerUid !== '' && ownerUidOf(object) === pullerUid;",
    instead: "return pullerUid !== '';",
    foundBy: inWorkload('a name that is taken', 'G0'),
  },
  {
    name: 'a creation adopts whatever has the name by then',
    file: 'kube/applier.ts',
    text: "const stored = await this.#send(resource, body, { resourceVersion: '1' });",
    instead: 'const stored = await this.#send(resource, body, {});',
    foundBy: inWorkload('create', 'G0'),
  },
  {
    name: 'an object is deleted by its name, without its uid',
    file: 'kube/http-client.ts',
    text: 'preconditions: { uid, ...(options.ifUnchanged && { resourceVersion }) },',
    instead: '',
    foundBy: inWorkload('rename', 'G0'),
  },
  {
    name: 'the retry of a run that failed is lost',
    file: 'kube/work-queue.ts',
    text: 'this.addAfter(key, delayMs);\n    return delayMs;',
    instead: 'return delayMs;',
    foundBy: inWorkload('a bad value and back', 'G2'),
  },
  {
    name: 'the retry of a run that met a conflict is lost',
    file: 'kube/controller.ts',
    text: 'return failureOf(asError(thrown));',
    instead: `return isApiError(thrown) && thrown.code === 409 ? { kind: 'success' } : failureOf(asError(thrown));`,
    foundBy: inWorkload('a child that is edited', 'G2'),
  },
  {
    name: 'the retry of a status that met a conflict is lost',
    file: 'controllers/image-puller.ts',
    text: 'if (isApiError(error, 409)) return statusConflictRetryMs;',
    instead: 'if (isApiError(error, 409)) return undefined;',
    foundBy: inWorkload('a bad value and back', 'G2'),
  },
  {
    name: 'a change during the work on a key is lost',
    file: 'kube/work-queue.ts',
    text: 'if (!this.#processing.delete(key) || !this.#dirty.has(key)) return;',
    instead: 'this.#processing.delete(key);\n    if (this.#dirty.delete(key) || true) return;',
    foundBy: inWorkload('a change of mind', 'G0'),
  },
  {
    name: 'the status is written before the children, and not after them',
    file: 'controllers/image-puller.ts',
    text: 'const writeAgainMs = await this.#write(subject, told, { isCalm, log: context.log });',
    instead:
      'const writeAgainMs = statusOf(puller).conditions ? undefined : await this.#write(subject, told, { isCalm, log: context.log });',
    foundBy: inWorkload('create', 'G0'),
  },
  {
    name: 'a status speaks of no generation but the first',
    file: 'controllers/image-puller.ts',
    text: 'generation: generationOf(puller),',
    instead: 'generation: 1,',
    foundBy: inWorkload('edit the list', 'G0'),
  },
  {
    name: 'a watch that is too old is opened again and again, without a list',
    file: 'kube/reflector.ts',
    text: 'if (!wasListing && asksForList(error)) this.#position = undefined;',
    instead: '',
    foundBy: inWorkload('edit the list', 'GW'),
  },
  {
    name: 'an old spec decides what is removed',
    file: 'controllers/converge.ts',
    text: "const fate = isLasting ? await the.fateOfSpec() : 'current';",
    instead: "const fate: string = 'current';",
    foundBy: inWorkload('rename', 'G3'),
  },
  {
    name: 'an image is let go before its new DaemonSet holds it',
    file: 'manifests/hand-over.ts',
    text: 'if (!receiver?.references.has(reference) || !receiver.rollout.observed) return false;',
    instead: 'if (!receiver?.references.has(reference)) return false;\n  return true;',
    foundBy: inWorkload('shards', 'G0'),
  },
  {
    name: 'a former DaemonSet goes before its successor is ready',
    file: 'manifests/hand-over.ts',
    text: 'return Math.max(0, ...waits);',
    instead: 'return 0 * waits.length;',
    foundBy: inWorkload('rename', 'G0'),
  },
  {
    name: 'nothing is listed anew while a watch goes on',
    file: 'kube/reflector.ts',
    text: 'this.#resyncAt = clock.monotonic() + resyncEveryMs * (1 - 0.2 * random());',
    instead: 'this.#resyncAt = clock.monotonic() + resyncEveryMs * (1_000 - 0.2 * random());',
    foundBy: inWorkload('edit the list', 'G5'),
  },
  {
    name: 'writes go on after the lease is lost',
    file: 'kube/leader-election.ts',
    text: 'const writeMs = 10_000;',
    instead: 'const writeMs = 100_000;',
    foundBy: inWorkload('two replicas', 'GP'),
  },
  {
    name: 'a run asks for another one at once, for ever',
    file: 'controllers/image-puller.ts',
    text: 'return given.length === 0 ? {} : { requeueAfterMs: Math.min(...given) };',
    instead: 'return { requeueAfterMs: Math.min(1, ...given) };',
    foundBy: inWorkload('create', 'G0'),
  },
  {
    name: 'a roll lets old pods go before new ones come',
    file: 'manifests/roll-strategy.ts',
    text: 'return { maxSurge, maxUnavailable: 0 };',
    instead: 'return { maxSurge: 0, maxUnavailable: maxSurge };',
    foundBy: inWorkload('edit the list', 'G0'),
  },
  {
    name: 'the counts of a status are written whenever they move',
    file: 'controllers/image-puller.ts',
    text: 'const dueMs = meansNothingNew ? this.#patience.untilCounts(key, status, isCalm) : 0;',
    instead: 'const dueMs = 0;',
    foundBy: inWorkload('create', 'G0'),
    seenOnlyBy: 'O5: patch kubernetesimagepullers/puller/status was done',
  },
  {
    name: 'the end of the operator takes the cache with it',
    file: 'operator.ts',
    text: "{ name: 'controllers', runnables: [telling(controller, recorder)] },",
    instead: `{ name: 'controllers', runnables: [telling(controller, recorder), {
      name: 'cleaner',
      start: async () => {},
      stop: async () => {
        for (const each of children.get(daemonSets)?.list() ?? []) await writer.remove(daemonSets, each);
      },
    }] },`,
    foundBy: inWorkload('create', 'G0'),
  },
];
