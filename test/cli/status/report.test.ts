import type { RawSpec } from '../../../src/api/types.ts';
import {
  keyOf,
  nodeLosses,
  type PullerReport,
  type Report,
  report,
} from '../../../src/cli/status/report.ts';
import type { Seen } from '../../../src/cli/status/seen.ts';
import { aPuller } from '../../pullers.ts';
import {
  aCondition,
  changed,
  failedCreate,
  now,
  pulling,
  reading,
  ready,
  reportOf,
  type SceneOptions,
  seenOf,
  stalled,
} from './scenes.ts';

describe('what is to become of a puller', () => {
  const notReady = aCondition('Ready', 'False', 'Forbidden');
  const degraded = aCondition('Degraded', 'True', 'Forbidden');

  it.each<[string, string, SceneOptions]>([
    ['ready', 'when Ready is True', { conditions: ready }],
    ['underway', 'while it progresses', { conditions: pulling }],
    ['stuck', 'when it is Stalled', { conditions: stalled }],
    ['stuck', 'when it is Degraded and nothing moves', { conditions: [notReady, degraded] }],
    [
      'underway',
      'while it is Degraded and something moves',
      { conditions: [notReady, degraded, aCondition('Progressing', 'True', 'ImagesPulling')] },
    ],
    ['underway', 'before the operator has spoken', { conditions: [] }],
    ['underway', 'when the operator spoke of an earlier spec', { generation: 2 }],
    [
      'underway',
      'while it is being deleted',
      { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
    ],
  ])('is to be %s %s', (outcome, _when, options) => {
    expect(reportOf({ java: '##' }, options).outcome).toBe(outcome);
  });
});

/** Why pods of the first puller do not exist. */
const messages = ({ pullers: [puller] }: Report) =>
  puller?.observation.refusals.map(({ message }) => message);

describe('what is told of pullers', () => {
  it('is in the order of their namespaces and names', () => {
    const seen = seenOf({});
    const named = (namespace: string, name: string) => aPuller({}, { namespace, name });
    const pullers = reading([named('b', 'a'), named('a', 'z'), named('a', 'b')]);
    expect(report({ ...seen, pullers }, now).pullers.map(keyOf)).toEqual(['a/b', 'a/z', 'b/a']);
  });

  it('is told of each by its own objects', () => {
    const [mine, other] = [
      seenOf({ java: '#.' }, { name: 'mine', spec: { daemonsetName: 'mine' } }),
      seenOf({ java: '##', tools: '##' }, { name: 'other', spec: { daemonsetName: 'other' } }),
    ];
    const both = Object.fromEntries(
      (Object.keys(mine) as (keyof Seen)[]).map((kind) => [
        kind,
        reading([...mine[kind].objects, ...other[kind].objects]),
      ]),
    ) as unknown as Seen;
    const alone = [...report(mine, now).pullers, ...report(other, now).pullers];
    expect(report(both, now).pullers).toEqual(alone);
  });

  it('is about the images of the DaemonSets where a spec that the operator does not know yet cannot be followed', () => {
    const seen = seenOf({ java: '##' }, { generation: 2 });
    const [puller = aPuller()] = seen.pullers.objects;
    const edited = {
      ...puller,
      spec: { images: 'tools=quay.io/example/tools:1', nodeSelector: 'x' },
    };
    const [told] = report({ ...seen, pullers: reading([edited]) }, now).pullers;
    expect(told?.images.map(({ row }) => row.container)).toEqual(['java']);
  });

  it('is about those of the DaemonSets where the operator says that it does not follow it', () => {
    const conditions = [aCondition('Ready', 'False', 'TooManyImages')];
    const seen = seenOf({ java: '##' }, { conditions });
    const [puller = aPuller()] = seen.pullers.objects;
    const edited = { ...puller, spec: { images: 'a=quay.io/a:1;b=quay.io/b:1' } };
    const [told] = report({ ...seen, pullers: reading([edited]) }, now).pullers;
    expect(told?.images.map(({ row }) => row.container)).toEqual(['java']);
  });

  describe('where the operator and the spec by itself do not say the same', () => {
    const told = (images: string, options: SceneOptions, spec: RawSpec = {}) => {
      const seen = seenOf({ java: '##' }, options);
      const [puller = aPuller()] = seen.pullers.objects;
      const edited = { ...puller, spec: { ...spec, images } };
      const [one] = report({ ...seen, pullers: reading([edited]) }, now).pullers;
      return one;
    };
    const containers = (one: PullerReport | undefined) =>
      one?.images.map(({ row }) => row.container);
    const refused = 'java=quay.io/example/java:1;evil=evil.example/evil:1';

    it('is about the images that it has taken', () => {
      const one = told(refused, { status: { imagesDesired: 1 } });
      expect(containers(one)).toEqual(['java']);
      expect(one?.observation.nodesReady).toBe(2);
      const both = told(refused, { status: { imagesDesired: 2 } });
      expect(containers(both)).toEqual(['evil', 'java']);
      expect(both?.cost?.formula.memory).toBe(2n * (one?.cost?.formula.memory ?? 0n));
    });

    it('is about those of the spec while it has spoken of an earlier one only', () => {
      const one = told(refused, { status: { imagesDesired: 1 }, generation: 2 });
      expect(containers(one)).toEqual(['evil', 'java']);
    });

    it('is about those of the spec where it follows what seems to be no spec here', () => {
      expect(containers(told(refused, {}, { affinity: '{' }))).toEqual(['evil', 'java']);
    });
  });

  it('begins with the images that fail', () => {
    const { images } = reportOf({ a: '##', b: 'x#', c: 'xx' });
    expect(images.map(({ row }) => [row.name, row.nodesReady, row.nodesFailing])).toEqual([
      ['c', 0, 2],
      ['b', 1, 1],
      ['a', 2, 0],
    ]);
  });

  it('says why pods do not exist, in the newest words, as long as they do not', () => {
    const seen = seenOf({ java: '#' }, { nodesWithoutPod: 1 });
    const [daemonSet = aPuller()] = seen.daemonSets.objects;
    const events = reading([
      failedCreate(daemonSet, 'the newest', '2026-01-01T11:00:00Z'),
      failedCreate(daemonSet, 'an older one', '2026-01-01T10:00:00Z'),
      failedCreate(aPuller({}, { uid: 'somebody-elses' }), 'of another', '2026-01-01T11:30:00Z'),
    ]);
    const refusals = (of: Seen) => messages(report({ ...of, events }, now));
    expect(refusals(seen)).toEqual(['the newest']);
    expect(refusals(seenOf({ java: '##' }))).toEqual([]);
  });

  it('says nothing in a roll of what was refused before its DaemonSet was changed and had pods', () => {
    const seen = seenOf({ java: '##' }, { conditions: pulling });
    const [daemonSet = aPuller()] = seen.daemonSets.objects.map((set) => ({
      ...changed(set, '2026-01-01T11:30:00Z'),
      status: { ...(set['status'] as object), updatedNumberScheduled: 1 },
    }));
    const refusals = (at: string) => {
      const events = reading([failedCreate(daemonSet, 'exceeded quota: q', at)]);
      return messages(report({ ...seen, daemonSets: reading([daemonSet]), events }, now));
    };
    expect(refusals('2025-12-31T23:50:00Z')).toEqual([]);
    expect(refusals('2026-01-01T11:30:00Z')).toEqual(['exceeded quota: q']);
  });
});

describe('where something cannot be read', () => {
  const forbidden = { objects: [], error: new Error('list things: you may not') };
  const status = {
    nodesDesired: 7,
    nodesReady: 3,
    images: [
      {
        name: 'java',
        container: 'java',
        reference: 'quay.io/example/java:1',
        digest: 'sha256:1',
        nodesReady: 6,
        nodesFailing: 1,
      },
    ],
  };
  const without = (...kinds: (keyof Seen)[]) => {
    const seen = seenOf({ java: '##' }, { status });
    return report({ ...seen, ...Object.fromEntries(kinds.map((kind) => [kind, forbidden])) }, now);
  };

  it('says what is missing for want of it', () => {
    expect(without('daemonSets', 'deployments', 'pods', 'events').unread).toEqual([
      'the counts are those of the operator, and costs are not told: list things: you may not',
      "the costs have the puller's own pod as it usually is: list things: you may not",
      "the images are told as in the operator's status, the nodes only counted: list things: you may not",
      'why pods are missing is not told: list things: you may not',
    ]);
    expect(without().unread).toEqual([]);
  });

  it('without pods, counts as the DaemonSets do and tells the images of the status', () => {
    const [told] = without('pods').pullers;
    expect(told?.observation).toMatchObject({ hasPods: false, nodesDesired: 2, nodesReady: 2 });
    expect(told?.images).toEqual([{ row: status.images[0], seen: undefined }]);
    expect(told?.cost?.allNodes.pods).toBe(2);
  });

  it('without DaemonSets, counts as the operator does and tells no costs', () => {
    const [told] = without('daemonSets').pullers;
    expect(told?.observation).toMatchObject({ nodesDesired: 7, nodesReady: 3 });
    expect(told?.images.map(({ row }) => row.nodesReady)).toEqual([6]);
    expect(told?.cost).toBeUndefined();
  });

  it('says of a node only what that takes away', () => {
    const seen = seenOf({ java: '##' }, { status });
    const blind = { ...seen, pods: forbidden, events: forbidden, deployments: forbidden };
    expect(report(blind, now, nodeLosses).unread).toEqual([
      'what the pods on the node hold is not known: list things: you may not',
    ]);
  });

  it("without Deployments, counts the puller's own pod as the operator makes it", () => {
    const [told] = without('deployments').pullers;
    expect(told?.cost).toEqual(without().pullers[0]?.cost);
  });

  it('tells what was known before, where it was once read', () => {
    const seen = seenOf({ java: '#.' });
    const pods = { ...seen.pods, error: new Error('lost') };
    const [told] = report({ ...seen, pods }, now).pullers;
    expect(told?.observation).toMatchObject({ hasPods: true, nodesReady: 1 });
    expect(report({ ...seen, pods }, now).unread).toEqual([
      'what is told of pods may be outdated: lost',
    ]);
  });
});

it('a puller without any object of its own has no costs, as nobody knows its nodes', () => {
  const seen = seenOf(
    { java: '##' },
    { conditions: [aCondition('Ready', 'False', 'NameConflict')] },
  );
  const nothing = reading([]);
  const others = { ...seen, daemonSets: nothing, deployments: nothing, pods: nothing };
  expect(report(others, now).pullers[0]?.cost).toBeUndefined();
});

it('a puller without images has no DaemonSet and costs what its own pod does', () => {
  const { cost, images, outcome } = reportOf(
    {},
    { conditions: [aCondition('Ready', 'True', 'NoImages')] },
  );
  expect([outcome, images, cost?.allNodes.pods, cost?.quota.pods]).toEqual(['ready', [], 0, 1]);
});
