import type { Condition, Finding, PullerSpec, Verdict } from '../../src/api/types.ts';
import { condition, messageLimit } from '../../src/status/conditions.ts';
import { meansTheSame, saysTheSame } from '../../src/status/due.ts';
import type { Observed } from '../../src/status/facts.ts';
import type { Observation } from '../../src/status/observation.ts';
import type { Rollout } from '../../src/status/rollout.ts';
import { summary, worstOf } from '../../src/status/summarize.ts';

const now = Date.parse('2026-01-01T12:00:00.500Z');
const context = { previous: {}, generation: 3, now, progressDeadlineMs: 600_000 };

const spec = {
  deploymentName: 'kubernetes-image-puller',
  images: [
    { container: 'a', reference: 'quay.io/example/a:1', names: ['a'] },
    { container: 'b', reference: 'quay.io/example/b:1', names: ['b'] },
  ],
} as unknown as PullerSpec; // of the spec, a status reads only these two fields

/** What DaemonSets say of two images on five nodes where pods cannot be read, or other numbers. */
function counted(numbers: Partial<Rollout> = {}): Observation {
  const rollout = {
    identity: 'd1 1',
    changedAt: 0,
    images: 2,
    desired: 5,
    ready: 5,
    complete: true,
    observed: true,
    pods: { desired: 5, ready: 5 },
    ...numbers,
  };
  return {
    hasPods: false,
    rollout,
    rolls: { isInPlace: false, refusing: 0, passed: 0 },
    nodesDesired: rollout.desired,
    nodesReady: rollout.ready,
    images: [],
    blocked: { failing: 0, failingExcused: 0, failures: [] },
    lagging: [],
    crowded: [],
    unreachable: { count: 0, first: [] },
    missing: 0,
    refusals: [],
    nodes: new Map(),
    againMs: undefined,
  };
}

const pulling = counted({ ready: 2, complete: false });
const nothing = counted({ identity: '', desired: 0, ready: 0, complete: false, observed: false });

/** Two images on all of five nodes and nothing to complain about, or with other facts. */
function seen(facts: Partial<Observed> = {}): Observed {
  return {
    spec,
    findings: [],
    sleeperImage: 'registry.example/sleeper:1',
    observation: counted(),
    startTrouble: undefined,
    lingering: [],
    stalled: false,
    podsUnreadable: undefined,
    isPullerToCome: false,
    pullerUnavailable: undefined,
    failure: undefined,
    ...facts,
  };
}

function aFinding(verdict: Verdict, reason: string, message = `${reason} it is`): Finding {
  return { verdict, reason, message, field: 'images', count: 1 };
}

/** The three conditions, each as "status reason". */
function told(observed: Observed): Record<string, string> {
  const { conditions = [] } = summary(observed, context).status;
  return Object.fromEntries(conditions.map((one) => [one.type, `${one.status} ${one.reason}`]));
}

function messageOf(observed: Observed, type: string): string {
  const { conditions = [] } = summary(observed, context).status;
  return conditions.find((one) => one.type === type)?.message ?? '';
}

describe('a roll in place', () => {
  it.each([
    [0, 'there is no room for two pods at once, on a node or in the quota'],
    [1, '1 node refuses its pods'],
    [2, '2 nodes refuse their pods'],
  ])('beside %i nodes that refuse pods is told with its cause', (refusing, cause) => {
    const observation = { ...pulling, rolls: { isInPlace: true, refusing, passed: 0 } };
    const { conditions = [] } = summary(seen({ observation }), context).status;
    expect(conditions.find(({ type }) => type === 'Progressing')?.message).toBe(
      `2 of 5 nodes hold all 2 images; ${cause}, so one node after another loses its images for a moment`,
    );
  });
});

describe('the conditions', () => {
  it.each<[string, Observed, string, string, string]>([
    [
      'all is well',
      seen(),
      'True AllResourcesReady',
      'False ReconcileComplete',
      'False ReconcileComplete',
    ],
    [
      'nodes are pulling',
      seen({ observation: pulling }),
      'False ImagesPulling',
      'True ImagesPulling',
      'False ReconcileComplete',
    ],
    [
      'there is no DaemonSet yet',
      seen({ observation: nothing }),
      'False ImagesPulling',
      'True ImagesPulling',
      'False ReconcileComplete',
    ],
    [
      'the list is empty on purpose',
      seen({ spec: { ...spec, images: [] }, observation: nothing }),
      'True NoImages',
      'False ReconcileComplete',
      'False ReconcileComplete',
    ],
    [
      'no node matches',
      seen({ observation: counted({ desired: 0, ready: 0 }) }),
      'True NoMatchingNodes',
      'False ReconcileComplete',
      'False ReconcileComplete',
    ],
    [
      'the roll-out stalls',
      seen({ observation: pulling, stalled: true }),
      'False ImagesPulling',
      'False RolloutStalled',
      'True RolloutStalled',
    ],
    [
      'an entry was skipped',
      seen({ findings: [aFinding('skip', 'InvalidImages')] }),
      'False InvalidImages',
      'False ReconcileComplete',
      'True InvalidImages',
    ],
    [
      'all entries were skipped',
      seen({
        spec: { ...spec, images: [] },
        observation: nothing,
        findings: [aFinding('skip', 'InvalidImages')],
      }),
      'False InvalidImages',
      'False ReconcileComplete',
      'True InvalidImages',
    ],
    [
      'a pull secret was dropped',
      seen({
        findings: [{ ...aFinding('skip', 'InvalidImagePullSecrets'), field: 'imagePullSecrets' }],
      }),
      'True AllResourcesReady',
      'False ReconcileComplete',
      'True InvalidImagePullSecrets',
    ],
    [
      'a field fell back to its default',
      seen({ findings: [aFinding('default', 'InvalidField')] }),
      'True AllResourcesReady',
      'False ReconcileComplete',
      'True InvalidField',
    ],
    [
      'a value was mended',
      seen({ findings: [aFinding('fix', 'MendedInput')] }),
      'True AllResourcesReady',
      'False ReconcileComplete',
      'False ReconcileComplete',
    ],
    [
      'the spec is held',
      seen({ findings: [aFinding('hold', 'InvalidNodeSelector')] }),
      'False InvalidNodeSelector',
      'False InvalidNodeSelector',
      'True InvalidNodeSelector',
    ],
    [
      'a name is taken',
      seen({ failure: { reason: 'NameConflict', message: 'taken' } }),
      'False NameConflict',
      'False NameConflict',
      'True NameConflict',
    ],
    [
      'the puller is not available',
      seen({ pullerUnavailable: 'no pod' }),
      'True AllResourcesReady',
      'False ReconcileComplete',
      'True DeploymentNotAvailable',
    ],
    [
      'bad values and a stalled roll-out meet',
      seen({ observation: pulling, stalled: true, findings: [aFinding('skip', 'InvalidImages')] }),
      'False InvalidImages',
      'False RolloutStalled',
      'True InvalidImages',
    ],
  ])('when %s', (_when, observed, ready, progressing, degraded) => {
    expect(told(observed)).toMatchObject({
      Ready: ready,
      Progressing: progressing,
      Degraded: degraded,
    });
  });

  it('say how far the nodes are', () => {
    expect(messageOf(seen({ observation: pulling }), 'Ready')).toBe(
      '2 of 5 nodes hold all 2 images',
    );
    expect(messageOf(seen(), 'Ready')).toBe('all 2 images on all 5 nodes');
  });

  it('name in Ready what was mended, and in Degraded what was lost', () => {
    const observed = seen({
      findings: [
        aFinding('default', 'InvalidField', 'lost'),
        aFinding('fix', 'MendedInput', 'mended'),
      ],
    });
    expect(messageOf(observed, 'Ready')).toBe('all 2 images on all 5 nodes. mended.');
    expect(messageOf(observed, 'Degraded')).toBe('lost');
  });

  it('tell in Degraded of everything that is wrong', () => {
    const observed = seen({
      observation: pulling,
      stalled: true,
      findings: [aFinding('skip', 'InvalidImages', 'skipped')],
      pullerUnavailable: 'no pod',
    });
    expect(messageOf(observed, 'Degraded')).toMatch(
      /^skipped\. The roll-out .* The puller's .*no pod\.$/,
    );
  });

  it('tell in Degraded of images that are lost or lacking before the fields that a default stands in for', () => {
    const observed = seen({
      observation: pulling,
      stalled: true,
      findings: [
        aFinding('skip', 'InvalidImages', 'skipped'),
        aFinding('default', 'InvalidField', 'defaulted'),
      ],
    });
    expect(messageOf(observed, 'Degraded')).toMatch(/^skipped\. The roll-out .* defaulted\.$/);
  });

  it('speak of the generation they were made from', () => {
    const { conditions = [], observedGeneration } = summary(seen(), context).status;
    expect([observedGeneration, ...conditions.map((one) => one.observedGeneration)]).toEqual([
      3, 3, 3, 3,
    ]);
  });
});

describe('the counts', () => {
  it('are those of the DaemonSet that is still there while the spec is held', () => {
    const findings = [aFinding('hold', 'TooManyImages')];
    expect(
      summary(seen({ findings, observation: counted({ images: 7 }) }), context).status,
    ).toMatchObject({
      imagesDesired: 7,
      nodesDesired: 5,
      nodesReady: 5,
    });
  });
});

describe('a condition', () => {
  const turning = { previous: undefined, generation: 3, now };
  const previous: readonly Condition[] = [
    {
      type: 'Ready',
      status: 'True',
      reason: 'AllResourcesReady',
      message: 'all',
      lastTransitionTime: '2025-12-31T00:00:00Z',
      observedGeneration: 2,
    },
  ];

  it('keeps its transition time while the status stays, whatever else changes', () => {
    const claim = { status: 'True', reason: 'NoImages', message: 'none' } as const;
    expect(condition('Ready', claim, { ...turning, previous }).lastTransitionTime).toBe(
      '2025-12-31T00:00:00Z',
    );
  });

  it('moves its transition time with the status, in whole seconds', () => {
    const claim = { status: 'False', reason: 'ImagesPulling', message: '' } as const;
    expect(condition('Ready', claim, { ...turning, previous }).lastTransitionTime).toBe(
      '2026-01-01T12:00:00Z',
    );
  });

  it('never has a message longer than the limit', () => {
    const claim = { status: 'False', reason: 'Rejected', message: 'x'.repeat(40_000) } as const;
    expect(condition('Ready', claim, turning).message).toHaveLength(messageLimit);
  });
});

describe('the worst of many messages', () => {
  const many = (number: number, length: number) =>
    Array.from({ length: number }, (_, index) => ({
      reason: 'InvalidImages',
      message: `${index} `.padEnd(length, 'x'),
    }));

  it('are ten, and how many more there are', () => {
    expect(worstOf(many(12, 10))).toMatch(/^0 x+\. .* 9 x+\. \.\.\. and 2 more$/);
  });

  it.each([1, 9, 10, 11, 1000])('fit the limit for %i long messages', (number) => {
    expect(worstOf(many(number, 300)).length).toBeLessThanOrEqual(messageLimit);
  });

  it('are whole, so that none is cut in the middle', () => {
    expect(worstOf(many(5, 300))).toMatch(/^0 x+\. 1 x+\. 2 x+\. \.\.\. and 2 more$/);
  });
});

describe('a status that is written again', () => {
  const stored = summary(seen({ observation: pulling }), context).status;

  it('is not, where it says the same', () => {
    expect(saysTheSame(stored, summary(seen({ observation: pulling }), context).status)).toBe(true);
  });

  it('may wait where only counts have moved', () => {
    const next = summary(
      seen({ observation: counted({ ready: 3, complete: false }) }),
      context,
    ).status;
    expect([saysTheSame(stored, next), meansTheSame(stored, next)]).toEqual([false, true]);
  });

  it.each([
    ['a condition turns', summary(seen(), { ...context, previous: stored }).status],
    [
      'the spec has changed',
      summary(seen({ observation: pulling }), { ...context, generation: 4 }).status,
    ],
  ])('does not wait when %s', (_when, next) => {
    expect(meansTheSame(stored, next)).toBe(false);
  });

  it('is repaired where somebody else has changed it', () => {
    const forged = { ...stored, nodesReady: 5 };
    expect(saysTheSame(forged, stored)).toBe(false);
  });
});
