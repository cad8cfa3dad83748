import type { KubeObject } from '../../src/kube/objects.ts';

/** What a server, or time, decides: equal clusters differ in it. */
const circumstances: ReadonlySet<string> = new Set([
  'uid',
  'resourceVersion',
  'generation',
  'observedGeneration',
  'creationTimestamp',
  'managedFields',
  // How often the template has changed (kubernetes/kubernetes: pkg/apis/apps/v1).
  'deprecated.daemonset.template.generation',
  'deployment.kubernetes.io/revision',
]);

/** What a cluster holds, by kind, namespace and name, without what differs between equal clusters. */
export function essenceOf(objects: readonly KubeObject[]): ReadonlyMap<string, string> {
  return new Map(
    objects.map((object) => {
      const { namespace, name } = object.metadata;
      // Of a Deployment the controller tells how it came about: its ReplicaSets are named by chance.
      const { status, ...others } = object;
      const told = object.kind === 'Deployment' ? others : object;
      return [`${object.kind} ${namespace}/${name}`, JSON.stringify(told, withoutCircumstances)];
    }),
  );
}

/** One line for each object in which two clusters differ, from where they do; none where they are equal. */
export function differences(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): readonly string[] {
  return [...new Set([...one.keys(), ...other.keys()])]
    .sort()
    .filter((key) => one.get(key) !== other.get(key))
    .map((key) => `${key}: ${excerpts(one.get(key) ?? 'absent', other.get(key) ?? 'absent')}`);
}

/** Both texts from a little before the place where they part. */
function excerpts(one: string, other: string): string {
  const shared = [...one].findIndex((character, at) => character !== other[at]);
  const from = Math.max(0, (shared < 0 ? one.length : shared) - 60);
  return `${one.slice(from, from + 160)} / ${other.slice(from, from + 160)}`;
}

function withoutCircumstances(key: string, value: unknown): unknown {
  if (circumstances.has(key)) return undefined;
  if (typeof value === 'string') return withoutChance(value);
  return isMap(value) ? sorted(value) : value;
}

function withoutChance(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'a uid')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'a time');
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(map: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
