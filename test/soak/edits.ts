import type { RawSpec } from '../../src/api/types.ts';
import { fakeNodeName } from '../cluster/real/fake-nodes.ts';

/** How many nodes each puller selects; no two pullers share one. */
export const nodesEach = 4;

const names = Array.from({ length: 10 }, (_, number) => `image-${number}`);

/** What the puller of this number asks for before it is edited. */
export function firstSpec(puller: number): RawSpec {
  const nodes = Array.from({ length: nodesEach }, (_, at) =>
    fakeNodeName(nodesEach * puller + at + 1),
  );
  const requirement = { key: 'kubernetes.io/hostname', operator: 'In', values: nodes };
  const required = { nodeSelectorTerms: [{ matchExpressions: [requirement] }] };
  return {
    images: listOf(names.slice(0, 3)),
    affinity: JSON.stringify({
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required },
    }),
  };
}

/** The same after a person's edit: mostly of the list, now and then of a name or a limit. */
export function edited(spec: RawSpec, random: () => number): RawSpec {
  const one = <Choice>(choices: readonly Choice[]) =>
    choices[Math.floor(random() * choices.length)] as Choice; // random is below 1
  const edits: readonly (() => RawSpec)[] = [
    ...Array.from({ length: 6 }, () => () => {
      const some = names.filter(() => random() < 0.4);
      return { images: listOf(some.length > 0 ? some : names.slice(0, 1)) };
    }),
    () => ({ daemonsetName: one(['cache', 'other-cache']) }),
    () => ({ configMapName: one(['settings', 'other-settings']) }),
    () => ({ deploymentName: one(['app', 'other-app']) }),
    () => ({ cachingMemoryLimit: one(['20Mi', '30Mi']) }),
  ];
  return { ...spec, ...one(edits)() };
}

function listOf(some: readonly string[]): string {
  return some.map((name) => `${name}=registry.test/${name}:1`).join(';');
}
