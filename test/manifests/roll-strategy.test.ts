import { type Roll, type RollObstacles, strategyFor } from '../../src/manifests/roll-strategy.ts';

const none: RollObstacles = {
  ...{ stuck: 0, stuckAlone: 0, crowded: 0, lost: 0, refusing: 0, refused: 0 },
  isQuotaFull: false,
};

/** A roll of ten nodes of which six are left, and what holds it up. */
function aRoll(obstacles: Partial<RollObstacles>, more: Partial<Roll> = {}): Roll {
  return {
    desired: 10,
    outdated: 6,
    present: { maxSurge: '10%', maxUnavailable: 0 },
    obstacles: { ...none, ...obstacles },
    ...more,
  };
}

const inPlace = { maxSurge: 0, maxUnavailable: 1 };
const present = inPlace;

describe('a strategy', () => {
  it.each<[string, Roll | undefined, object]>([
    ['is that of the settings where nothing is replaced', undefined, { maxSurge: '10%' }],
    ['stays so where nothing holds a roll up', aRoll({}), { maxSurge: '10%' }],
    ['makes up for pods that are stuck', aRoll({ stuck: 2 }), { maxSurge: 3 }],
    [
      'makes up for pods without room, as long as others can go on',
      aRoll({ stuck: 1, crowded: 4 }),
      { maxSurge: 6 },
    ],
    ['reaches all nodes at most', aRoll({ stuck: 9 }, { outdated: 10 }), { maxSurge: '100%' }],
    [
      'asks for no more where it reaches all anyway',
      aRoll({ stuck: 1 }, { desired: 1, outdated: 1 }),
      { maxSurge: '10%' },
    ],
    ['goes on in place where only nodes without room are left', aRoll({ crowded: 6 }), inPlace],
    ['goes on in place past the stuck ones too', aRoll({ stuck: 4, crowded: 2 }), inPlace],
    ['stays gapless where all that are left are stuck', aRoll({ stuck: 6 }), { maxSurge: 7 }],
    ['goes on in place where a quota is full', aRoll({ isQuotaFull: true }), inPlace],
    ['stays in place to the end of the roll', aRoll({}, { present, outdated: 1 }), inPlace],
    [
      'makes up for stuck pods in place as well',
      aRoll({ stuckAlone: 2 }, { present }),
      { maxSurge: 0, maxUnavailable: 3 },
    ],
    [
      'takes all nodes at once at most',
      aRoll({ stuckAlone: 10 }, { present }),
      { maxSurge: 0, maxUnavailable: '100%' },
    ],
    [
      'goes on in place beside nodes that do not answer',
      aRoll({ lost: 2 }, { present }),
      { maxSurge: 0, maxUnavailable: 3 },
    ],
    [
      'does so where all of those come beside the last one that answers',
      aRoll({ lost: 2, stuckAlone: 1 }, { present, desired: 2, outdated: 1 }),
      { maxSurge: 0, maxUnavailable: 4 },
    ],
    [
      'asks for no more surge for nodes that do not answer',
      aRoll({ lost: 2 }),
      { maxSurge: '10%' },
    ],
    [
      'is left alone where pods cannot be seen',
      { ...aRoll({}, { present }), obstacles: undefined },
      inPlace,
    ],
  ])('%s', (_what, roll, expected) => {
    expect(strategyFor('10%', roll)).toEqual({ maxUnavailable: 0, ...expected });
  });

  it('counts from a plain number as from a percentage, which is rounded up', () => {
    expect(strategyFor(2, aRoll({ stuck: 1 }))).toEqual({ maxSurge: 3, maxUnavailable: 0 });
    const roll = aRoll({ stuck: 1 }, { desired: 11 });
    expect(strategyFor('10%', roll)).toEqual({ maxSurge: 3, maxUnavailable: 0 });
  });

  it('begins anew from the settings where none can be read off', () => {
    const roll = { ...aRoll({}), present: undefined, obstacles: undefined };
    expect(strategyFor('10%', roll)).toEqual({ maxSurge: '10%', maxUnavailable: 0 });
  });

  it('changes nothing by being applied', () => {
    for (const obstacles of [none, { ...none, stuck: 2 }, { ...none, crowded: 6 }]) {
      const roll = aRoll(obstacles);
      const decided = strategyFor('10%', roll);
      expect(strategyFor('10%', { ...roll, present: decided })).toEqual(decided);
    }
  });

  it('has no surge while a node refuses its pods and nothing is replaced', () => {
    const rest = { desired: 10, bringsList: false, replacesPods: () => false };
    expect(strategyFor('10%', undefined, { ...rest, refusing: 2 })).toEqual(inPlace);
    expect(strategyFor('10%', undefined, { ...rest, refusing: 0 })).toMatchObject({
      maxSurge: '10%',
    });
  });

  it.each([
    ['while nothing is replaced', undefined],
    ['in the middle of a roll in place', aRoll({ refusing: 2, refused: 100 }, { present })],
  ])(
    'is gapless from when another list is written past nodes that refuse their pods, %s',
    (_when, roll) => {
      const moment = { desired: 10, refusing: 2, bringsList: true, replacesPods: () => true };
      expect(strategyFor('10%', roll, moment)).toEqual({ maxSurge: 3, maxUnavailable: 0 });
    },
  );

  it.each([
    [
      'is gapless between two pods that a node refuses',
      false,
      { maxSurge: '10%', maxUnavailable: 0 },
    ],
    ['goes on in place where pods of a former list are replaced so', true, inPlace],
  ])('of a write that brings another list %s', (_what, isReplacing, expected) => {
    const moment = { desired: 10, refusing: 0, bringsList: true, replacesPods: () => isReplacing };
    expect(strategyFor('10%', aRoll({}, { present }), moment)).toEqual(expected);
    const unseen = { ...aRoll({}, { present }), obstacles: undefined };
    expect(strategyFor('10%', unseen, moment)).toEqual(expected);
  });

  it.each<[string, Roll, object]>([
    [
      'begins gapless and makes up for those nodes',
      aRoll({ refusing: 2 }, { present }),
      { maxSurge: 3, maxUnavailable: 0 },
    ],
    [
      'goes on so as long as they have refused few pods',
      aRoll({ refusing: 2, refused: 99 }),
      { maxSurge: 3, maxUnavailable: 0 },
    ],
    [
      'goes on in place beside them when they have refused many',
      aRoll({ refusing: 2, refused: 100 }),
      { maxSurge: 0, maxUnavailable: 3 },
    ],
    [
      'stays in place while those pods go',
      aRoll({ refusing: 2, refused: 1 }, { present: { maxSurge: 0, maxUnavailable: 3 } }),
      { maxSurge: 0, maxUnavailable: 3 },
    ],
  ])('of a roll past nodes that refuse their pods %s', (_what, roll, expected) => {
    expect(strategyFor('10%', roll)).toEqual(expected);
  });
});
