import type { CachedImage, Condition } from '../../../src/api/types.ts';
import type { CopyState, Grid } from '../../../src/cli/demo/grid.ts';
import type { Look } from '../../../src/cli/demo/view.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';

/** An image under one name. */
export function anImage(name: string, reference = `quay.io/example/${name}:1`): CachedImage {
  return { container: name, reference, names: [name] };
}

const states: Readonly<Record<string, CopyState>> = {
  '.': 'missing',
  o: 'pulled',
  '#': 'held',
  x: 'failing',
};

/** A grid as it is drawn: for each image its copies, `.` missing, `o` pulled, `#` held, `x` failing. */
export function aGrid(drawn: Readonly<Record<string, string>>): Grid {
  const rows = Object.entries(drawn).map(([name, copies]) => ({
    image: anImage(name),
    copies: [...copies].map((sign) => states[sign] ?? 'missing'),
  }));
  const nodes = (rows[0]?.copies ?? []).map((_copy, index) => `node-${index + 1}`);
  return { nodes, rows };
}

export function aCondition(type: string, status: Condition['status'], reason: string): Condition {
  return {
    type,
    status,
    reason,
    message: `${reason} in words`,
    lastTransitionTime: '2026-01-01T00:00:00Z',
    observedGeneration: 1,
  };
}

export const pulling: readonly Condition[] = [
  aCondition('Ready', 'False', 'ImagesPulling'),
  aCondition('Progressing', 'True', 'ImagesPulling'),
  aCondition('Degraded', 'False', 'ReconcileComplete'),
];

export const ready: readonly Condition[] = [
  aCondition('Ready', 'True', 'AllResourcesReady'),
  aCondition('Progressing', 'False', 'ReconcileComplete'),
  aCondition('Degraded', 'False', 'ReconcileComplete'),
];

/** A look at a grid of two images on two nodes, one second after the beginning. */
export function aLook(changes: Partial<Look> = {}): Look {
  return {
    grid: aGrid({ java: '#o', tools: '..' }),
    conditions: pulling,
    heldFor: undefined,
    elapsedMs: 1000,
    stillMs: 0,
    ...changes,
  };
}

interface PodState {
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly running?: object;
}

/** A pod of the cache on a node, with the state of each container by its name. */
export function aCachePod(
  node: string,
  containers: Readonly<Record<string, PodState>>,
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `cache-${node}`, namespace: 'default' },
    spec: { nodeName: node },
    status: {
      containerStatuses: Object.entries(containers).map(([name, state]) => ({
        name,
        image: `quay.io/example/${name}:1`,
        state,
      })),
    },
  };
}
