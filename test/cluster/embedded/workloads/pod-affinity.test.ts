import type { V1PodAffinityTerm } from '@kubernetes/client-node';
import { aNode, aPod, type PodOptions } from './builders.ts';
import { Neighbours } from './pod-affinity.ts';
import type { Pod } from './shapes.ts';

const inZone = (name: string, zone: string) => aNode(name, { labels: { name, zone } });
const nodes = [inZone('a', 'east'), inZone('b', 'east'), inZone('c', 'west'), aNode('bare')];
const namespaces: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  default: {},
  team: { kind: 'users' },
};

/** The pods with the label `app: web`, within a zone. */
const web: V1PodAffinityTerm = {
  labelSelector: { matchLabels: { app: 'web' } },
  topologyKey: 'zone',
};

type Rule = 'podAffinity' | 'podAntiAffinity';

function aPodWith(rule: Rule, terms: readonly V1PodAffinityTerm[], options: PodOptions = {}): Pod {
  const affinity = { [rule]: { requiredDuringSchedulingIgnoredDuringExecution: terms } };
  return aPod('p', { ...options, spec: { affinity } });
}

function aWeb(node: string, options: PodOptions = {}): Pod {
  return aPod(`web-${node}`, { node, labels: { app: 'web' }, ...options });
}

/** The nodes to which nobody objects for the pod, where there are these others. */
function open(pod: Pod, ...others: readonly Pod[]): string {
  const labelsOfNamespace = (name: string) => namespaces[name];
  const neighbours = new Neighbours({ nodes, labelsOfNamespace });
  for (const other of others) neighbours.add(other);
  const free = nodes.filter((node) => neighbours.objection(pod, node) === undefined);
  return free.map(({ metadata }) => metadata.name).join(' ');
}

describe('a pod that must be near others', () => {
  it('goes where they are, as the term divides the world', () => {
    expect(open(aPodWith('podAffinity', [web]), aWeb('b'))).toBe('a b');
    const onNode = { ...web, topologyKey: 'name' };
    expect(open(aPodWith('podAffinity', [web, onNode]), aWeb('b'))).toBe('b');
  });

  it('goes nowhere while there are none, unless it is one of them', () => {
    expect(open(aPodWith('podAffinity', [web]))).toBe('');
    expect(open(aPodWith('podAffinity', [web], { labels: { app: 'web' } }))).toBe('a b c');
    expect(open(aPodWith('podAffinity', [web], { labels: { app: 'web' } }), aWeb('c'))).toBe('c');
  });

  it('is told why not', () => {
    const neighbours = new Neighbours({ nodes, labelsOfNamespace: () => undefined });
    expect(neighbours.objection(aPodWith('podAffinity', [web]), inZone('a', 'east'))).toBe(
      "node(s) didn't match pod affinity rules",
    );
  });
});

describe('a pod that must not be near others', () => {
  it('goes where they are not, and where nobody knows the place', () => {
    expect(open(aPodWith('podAntiAffinity', [web]), aWeb('b'))).toBe('c bare');
    expect(open(aPodWith('podAntiAffinity', [web]), aWeb('bare'))).toBe('a b c bare');
  });

  it('keeps them away once it is there', () => {
    const recluse = aPodWith('podAntiAffinity', [web], { node: 'c' });
    expect(open(aWeb('', {}), recluse)).toBe('a b bare');
    expect(open(aPod('other'), recluse)).toBe('a b c bare');
  });

  it.each<[string, Partial<V1PodAffinityTerm>, string]>([
    ['its own', {}, 'a b c bare'],
    ['those that are named', { namespaces: ['team'] }, 'c bare'],
    ['those that are named, and no others', { namespaces: ['default'] }, 'a b c bare'],
    ['all', { namespaceSelector: {} }, 'c bare'],
    ['those with a label', { namespaceSelector: { matchLabels: { kind: 'users' } } }, 'c bare'],
    ['those with another', { namespaceSelector: { matchLabels: { kind: 'x' } } }, 'a b c bare'],
  ])('means pods of namespaces: %s', (_, more, expected) => {
    const pod = aPodWith('podAntiAffinity', [{ ...web, ...more }]);
    expect(open(pod, aWeb('a', { namespace: 'team' }))).toBe(expected);
  });

  it.each<[string, Partial<V1PodAffinityTerm>, string]>([
    ['the same', { matchLabelKeys: ['version'] }, 'c bare'],
    ['another', { mismatchLabelKeys: ['version'] }, 'a b bare'],
    ['any, if it has none itself', { matchLabelKeys: ['nobody-has-it'] }, 'bare'],
  ])('can mean those with %s value of a label', (_, more, expected) => {
    const pod = aPodWith('podAntiAffinity', [{ ...web, ...more }], { labels: { version: '1' } });
    const others = [aWeb('a', { labels: { app: 'web', version: '1' } })];
    others.push(aWeb('c', { labels: { app: 'web', version: '2' } }));
    expect(open(pod, ...others)).toBe(expected);
  });

  it('means nobody without a selector, and everybody with an empty one', () => {
    expect(open(aPodWith('podAntiAffinity', [{ topologyKey: 'zone' }]), aWeb('a'))).toBe(
      'a b c bare',
    );
    const all = { topologyKey: 'zone', labelSelector: {} };
    expect(open(aPodWith('podAntiAffinity', [all]), aPod('x', { node: 'a' }))).toBe('c bare');
  });
});
