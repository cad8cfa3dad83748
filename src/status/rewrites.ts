import { controllerOf, type KubeObject } from '../kube/objects.ts';
import { templateContainers } from '../manifests/template-images.ts';
import type { ContainerRecord, ContainerVector, PodRecord } from './pods.ts';
import { hasNoFormerPods, templateGenerationOf } from './rollout.ts';

/**
 * What templates asked for where pods say something else: a cluster may write other references into
 * pods than we gave it, those of a mirror or of a digest (a mutating webhook). Learned from pods of
 * which both are known, those of present templates; a reference that is left as it is stands for itself.
 */
export interface Rewrites {
  /** By the reference that pods have. */
  readonly byReference: ReadonlyMap<string, string>;
  /** By the container too: two references of one content can become the same. */
  readonly byContainer: ReadonlyMap<string, string>;
}

/** What is known before any pod was seen. */
export const noRewrites: Rewrites = { byReference: new Map(), byContainer: new Map() };

/** Pods in the words of their templates. */
export interface ReadPods {
  /**
   * Each container with the reference that the template of its pod had for it; with an empty one where
   * that is a former template which nobody remembers, in a cluster that is known to rewrite.
   */
  readonly pods: readonly PodRecord[];
  /** To be remembered for the next look: pods of former templates are read by it. */
  readonly rewrites: Rewrites;
  /** Claims that some pod told what this cluster does to references, or that none needs that. */
  readonly isCertain: boolean;
}

/** What else the reading of pods depends on. */
interface ReadOptions {
  /** What was known at the look before. */
  readonly before?: Rewrites | undefined;
  /**
   * Claims that the pods are known as they were when a DaemonSet was written, or later: of older ones nobody
   * can tell by its status which template they are of. Taken for granted unless given.
   */
  readonly isAsNewAs?: (daemonSet: KubeObject) => boolean;
}

/**
 * Reads the pods of DaemonSets by the names of their containers, which are ours, where they are of the
 * present template, and others by what is known of rewriting. Other pods stay as they are, and so does
 * the very list where nothing is rewritten.
 */
export function readPods(
  daemonSets: readonly KubeObject[],
  pods: readonly PodRecord[],
  { before = noRewrites, isAsNewAs = () => true }: ReadOptions = {},
): ReadPods {
  const templates = new Map(daemonSets.flatMap((each) => templateOf(each, isAsNewAs(each))));
  const readingOf = (pod: PodRecord) => {
    const template = templates.get(controllerOf(pod)?.uid ?? '');
    return template && (isPresent(pod, template) ? template.present : template.former);
  };
  for (const pod of pods) readingOf(pod)?.vectors.set(pod.containers, pod.containers);
  const readings = [...templates.values()].flatMap(({ present, former }) => [present, former]);
  const rewrites = learned(readings, before);
  const isHonest = [...rewrites.byReference].every(([said, meant]) => said === meant);
  if (!isHonest) for (const reading of readings) translate(reading, rewrites);
  return {
    pods: isHonest ? pods : pods.map((pod) => inWordsOf(readingOf(pod), pod)),
    rewrites,
    isCertain: rewrites.byReference.size > 0 || readings.every(({ vectors }) => vectors.size === 0),
  };
}

/** Some pods of a DaemonSet. */
interface Reading {
  /** What its template asks for, by container; undefined for pods of former templates. */
  readonly references: ReadonlyMap<string, string> | undefined;
  /** What they say, and how that is read. Thousands of pods share a few. */
  readonly vectors: Map<ContainerVector, ContainerVector>;
}

interface Template {
  readonly generation: number;
  /** Claims that no pod of a former template is among those that are read, whatever generation it was made at. */
  readonly isEverywhere: boolean;
  readonly present: Reading;
  readonly former: Reading;
}

/** Of a server that does not count templates pods are taken at their word. */
function templateOf(
  daemonSet: KubeObject,
  arePodsAsNew: boolean,
): readonly (readonly [string, Template])[] {
  const { uid = '' } = daemonSet.metadata;
  const generation = templateGenerationOf(daemonSet);
  if (generation === 0) return [];
  const references = new Map(
    templateContainers(daemonSet).map(({ name, image = '' }) => [name, image] as const),
  );
  const template = {
    generation,
    isEverywhere: arePodsAsNew && hasNoFormerPods(daemonSet),
    present: { references, vectors: new Map() },
    former: { references: undefined, vectors: new Map() },
  };
  return [[uid, template]];
}

/** An edit that is undone counts twice, and leaves pods that are as the present template again. */
function isPresent({ templateGeneration }: PodRecord, template: Template): boolean {
  return (
    templateGeneration === template.generation ||
    (template.isEverywhere && templateGeneration < template.generation)
  );
}

/** What these pods tell, and of what is known before what they still need. */
function learned(readings: readonly Reading[], before: Rewrites): Rewrites {
  const byReference = new Map<string, string>();
  const byContainer = new Map<string, string>();
  const learn = (container: ContainerRecord, meant: string | undefined) => {
    if (meant === undefined) return;
    byReference.set(container.reference, meant);
    byContainer.set(keyOf(container), meant);
  };
  for (const container of saidBy(readings, false)) learn(container, meantBy(container, before));
  for (const reading of readings) {
    for (const container of saidBy([reading], true)) {
      learn(container, reading.references?.get(container.name));
    }
  }
  return { byReference, byContainer };
}

/** The cached containers of pods of present or of former templates, equal ones once. */
function saidBy(readings: readonly Reading[], ofPresent: boolean): ReadonlySet<ContainerRecord> {
  const said = new Set<ContainerRecord>();
  for (const { references, vectors } of readings) {
    if ((references !== undefined) !== ofPresent) continue;
    for (const vector of vectors.keys()) {
      for (const container of vector) if (!container.isInit) said.add(container);
    }
  }
  return said;
}

function keyOf({ name, reference }: ContainerRecord): string {
  return `${name} ${reference}`;
}

function meantBy(container: ContainerRecord, { byReference, byContainer }: Rewrites) {
  return byContainer.get(keyOf(container)) ?? byReference.get(container.reference);
}

function translate({ references, vectors }: Reading, rewrites: Rewrites): void {
  const meant = (container: ContainerRecord): string => {
    if (references === undefined) return meantBy(container, rewrites) ?? '';
    // What a webhook has put beside ours is what it says.
    return references.get(container.name) ?? container.reference;
  };
  for (const vector of vectors.keys()) {
    vectors.set(
      vector,
      vector.map((one) => (one.isInit ? one : { ...one, reference: meant(one) })),
    );
  }
}

function inWordsOf(reading: Reading | undefined, pod: PodRecord): PodRecord {
  const containers = reading?.vectors.get(pod.containers);
  return containers === undefined ? pod : { ...pod, containers };
}
