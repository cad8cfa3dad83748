import { imagePullers } from '../../src/controllers/image-puller.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { childResources } from '../../src/manifests/children.ts';
import type { World } from './world.ts';

/** What a run has led to: by `Kind/name` the object in JSON, and by node what runs there. */
export type State = ReadonlyMap<string, string>;

/**
 * Everything that users see of the pullers, without what may differ between two runs that went equally
 * well: resourceVersions, uids, times, managed fields, and how often a child's spec was written. An
 * owner is shown by its name, so that one that is gone is seen. `isFresh` also leaves out how often the
 * pullers were, as where another world is asked for the same.
 */
export function stateOf(world: World, { isFresh = false } = {}): State {
  const pullers = world.list(imagePullers);
  const names = new Map(pullers.map(({ metadata }) => [metadata.uid ?? '', metadata.name ?? '']));
  const objects = [...pullers, ...childResources.flatMap((resource) => world.list(resource))];
  const shown = objects.map((object) => {
    const hidesGeneration = isFresh || object.kind !== imagePullers.kind;
    return [
      `${object.kind}/${object.metadata.name}`,
      masked(object, hidesGeneration, names),
    ] as const;
  });
  const nodes = world.cluster.workloads.nodes.map(
    (node) =>
      [`node/${node}`, [...world.cluster.workloads.runningOn(node)].sort().join(' ')] as const,
  );
  return new Map([...shown, ...nodes]);
}

const hidden = new Set([
  'resourceVersion',
  'uid',
  'managedFields',
  'creationTimestamp',
  // The old name of serviceAccountName, which the model fills in at the first change only.
  'serviceAccount',
]);
const generations = new Set(['generation', 'observedGeneration']);
/** Its hash is one of the whole template, what is hidden here included. */
const replicaSet = /ReplicaSet \\"[^"\\]*\\"/g;
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
/** How often a template was written, once more. */
const templates = new Set([
  'deployment.kubernetes.io/revision',
  'deprecated.daemonset.template.generation',
]);

function masked(
  object: KubeObject,
  hidesGeneration: boolean,
  names: ReadonlyMap<string, string>,
): string {
  const text = JSON.stringify(object, (key, value) => {
    if (key === 'ownerReferences') {
      return (value as { readonly uid: string }[]).map(
        ({ uid }) => `owner ${names.get(uid) ?? uid}`,
      );
    }
    // Those that are hidden may be the only ones.
    const isEmpty =
      key === 'annotations' && Object.keys(value).every((each) => templates.has(each));
    const isHidden =
      isEmpty || hidden.has(key) || templates.has(key) || (hidesGeneration && generations.has(key));
    return isHidden ? undefined : sorted(value);
  })
    .replace(time, '<time>')
    .replace(replicaSet, '<ReplicaSet>');
  return [...names].reduce((shown, [uid, name]) => shown.replaceAll(uid, `<uid of ${name}>`), text);
}

/** The order of fields is that in which they came to be there. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Where two states differ, in words; empty where they are the same. */
export function differencesBetween(wanted: State, found: State): readonly string[] {
  const keys = [...new Set([...wanted.keys(), ...found.keys()])].sort();
  return keys.flatMap((key) => {
    const [left, right] = [wanted.get(key), found.get(key)];
    if (left === right) return [];
    if (left === undefined) return [`${key} is there, and should not be`];
    if (right === undefined) return [`${key} is missing`];
    return [`${key} differs: ${firstDifference(left, right)}`];
  });
}

function firstDifference(wanted: string, found: string): string {
  let at = 0;
  while (wanted[at] === found[at]) at += 1;
  const from = Math.max(0, at - 60);
  return `wanted …${wanted.slice(from, at + 60)}…, found …${found.slice(from, at + 60)}…`;
}
