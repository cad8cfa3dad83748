import { operatorConfig } from '../../src/config.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { childResources } from '../../src/manifests/children.ts';
import { isObject } from '../cluster/embedded/json.ts';
import { differsBySeed, differsByTrouble, timesWritten } from './mask.ts';
import type { World } from './world.ts';

/** What a run has led to: by `Kind/name` the object in JSON, and by node what runs there. */
export type State = ReadonlyMap<string, string>;

/**
 * Everything that users see of the pullers, without what the mask names; what a puller's own generation
 * is counts. `isFresh` also leaves out how often the pullers were written, as where another world is
 * asked for the same.
 */
export function stateOf(world: World, { isFresh = false } = {}): State {
  const ofChild = new Set([...differsBySeed, ...differsByTrouble, ...timesWritten]);
  const ofPuller = new Set([...differsBySeed, ...(isFresh ? timesWritten : [])]);
  const shown = [...objectsOf(world)].map(([key, object]) => {
    const mask = object.kind === imagePullers.kind ? ofPuller : ofChild;
    return [key, JSON.stringify(masked(object, mask)).replace(replicaSet, '<ReplicaSet>')] as const;
  });
  const { nodes, runningOn } = world.cluster.workloads;
  const held = nodes.map((node) => {
    const images = runningOn(node).filter((image) => image !== operatorImage);
    return [`node/${node}`, images.sort().join(' ')] as const;
  });
  return new Map([...shown, ...held]);
}

/** That of a puller's own pod: the cluster chooses its node. */
const { operatorImage } = operatorConfig({});

/** Its hash is one of the whole template, what is hidden here included. */
const replicaSet = /ReplicaSet \\"[^"\\]*\\"/g;

/** The pullers and their children, with names in place of the pullers' uids: so one that is gone is seen. */
function objectsOf(world: World): ReadonlyMap<string, KubeObject> {
  const pullers = world.list(imagePullers);
  const objects = [...pullers, ...childResources.flatMap((resource) => world.list(resource))];
  return new Map(
    objects.map((object) => {
      const text = pullers.reduce(
        (shown, { metadata: { uid = '', name } }) => shown.replaceAll(uid, `<uid of ${name}>`),
        JSON.stringify(object),
      );
      return [`${object.kind}/${object.metadata.name}`, JSON.parse(text) as KubeObject];
    }),
  );
}

/** Without the paths of the mask, and in one order: that of fields is the one in which they came to be there. */
function masked(value: unknown, mask: ReadonlySet<string>, path = ''): unknown {
  if (mask.has(path)) return undefined;
  if (Array.isArray(value)) return value.map((item) => masked(item, mask, `${path}[]`));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value)
    .map(([name, field]) => [name, masked(field, mask, below(path, name))] as const)
    .filter(([, field]) => field !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  // What is hidden may be all there is.
  const isHidden = fields.length === 0 && Object.keys(value).length > 0;
  return isHidden ? undefined : Object.fromEntries(fields);
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** The paths at which objects of two worlds differ; empty where one has no such object. */
export function differingPaths(one: World, other: World): readonly string[] {
  const others = objectsOf(other);
  const paths = [...objectsOf(one)].flatMap(([key, object]) =>
    pathsBetween(object, others.get(key)),
  );
  return [...new Set(paths)];
}

function pathsBetween(one: unknown, other: unknown, path = ''): readonly string[] {
  if (one === other) return [];
  if (Array.isArray(one) && Array.isArray(other)) {
    const [longer, shorter] = one.length > other.length ? [one, other] : [other, one];
    return longer.flatMap((item, index) => pathsBetween(item, shorter[index], `${path}[]`));
  }
  if (!isObject(one) || !isObject(other)) return [path];
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].flatMap((name) => pathsBetween(one[name], other[name], below(path, name)));
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
