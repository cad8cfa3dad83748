import { conditionsOf, frame, progressOf } from '../../../src/cli/status/progress.ts';
import { plainStyle } from '../../../src/cli/style.ts';
import { aCondition, pulling, ready, reportOf, stalled } from './scenes.ts';

const failing = reportOf({ bad: 'xx.#', java: '####', tools: '##.#' }, { conditions: stalled });
const other = reportOf({ java: '##', tools: '#.' }, { conditions: pulling, name: 'other' });

describe('progress in a line', () => {
  it('counts copies, nodes and failures', () => {
    expect(progressOf(failing)).toBe('8 of 12 copies, 1 of 4 nodes ready, 2 failing');
    expect(progressOf(other)).toBe('3 of 4 copies, 1 of 2 nodes ready');
  });

  it('counts nodes alone where there are no copies', () => {
    expect(progressOf(reportOf({}))).toBe('0 of 0 nodes ready');
  });

  it('has the conditions', () => {
    expect(conditionsOf(reportOf({}, { conditions: ready }))).toBe(
      'Ready True AllResourcesReady; Progressing False ReconcileComplete; Degraded False ReconcileComplete',
    );
    expect(conditionsOf(reportOf({}, { conditions: [] }))).toBe('the operator has not spoken yet');
  });
});

describe('a frame', () => {
  const drawn = (width: number, height: number, pullers = [failing, other]) =>
    frame(pullers, { width, height }, plainStyle);

  it('says what is wrong, and has a bar for each image, failing ones first', () => {
    expect(drawn(80, 20)).toEqual([
      'workspaces/puller  ImagesFailing  8 of 12 copies, 1 of 4 nodes ready, 2 failing',
      '  bad (quay.io/example/bad:1) cannot be pulled',
      '  bad    #####xxxxxxxxxx.....  1/4, 2 failing',
      '  java   ####################  4/4',
      '  tools  ###############.....  3/4',
      'workspaces/other  ImagesPulling  3 of 4 copies, 1 of 2 nodes ready',
      '  java   ####################  2/2',
      '  tools  ##########..........  1/2',
    ]);
  });

  it('leaves out of many images what is on every node', () => {
    expect(drawn(80, 7)).toEqual([
      expect.stringMatching(/^workspaces\/puller /),
      '  bad (quay.io/example/bad:1) cannot be pulled',
      expect.stringMatching(/^ {2}bad /),
      '  and 2 more images',
      expect.stringMatching(/^workspaces\/other /),
      expect.stringMatching(/^ {2}java /),
      expect.stringMatching(/^ {2}tools /),
    ]);
  });

  it('leaves out the images of pullers that are Ready where others need the room', () => {
    const complete = reportOf({ java: '##', tools: '##' }, { conditions: ready, name: 'complete' });
    const head = 'workspaces/complete  AllResourcesReady  4 of 4 copies, 2 of 2 nodes ready';
    expect(drawn(80, 6, [complete, failing])).toEqual([
      head,
      expect.stringMatching(/^workspaces\/puller /),
      '  bad (quay.io/example/bad:1) cannot be pulled',
      expect.stringMatching(/^ {2}bad /),
      expect.stringMatching(/^ {2}java /),
      expect.stringMatching(/^ {2}tools /),
    ]);
    expect(drawn(80, 8, [complete, failing])).toHaveLength(8);
  });

  it('leaves out of many pullers the last', () => {
    const many = Array.from({ length: 9 }, (_, index) =>
      reportOf({ java: '#' }, { name: `p${index}` }),
    );
    const lines = drawn(80, 4, many);
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toBe('and 6 more pullers');
  });

  it.each([40, 60, 80, 200])('is no wider than a terminal of %i columns', (width) => {
    const name = 'a-long-name-'.repeat(20);
    const long = reportOf(
      { java: 'x.' },
      { name, conditions: [aCondition('Ready', 'False', 'R'.repeat(500))] },
    );
    const widest = Math.max(...drawn(width, 20, [failing, long]).map((line) => line.length));
    expect(widest).toBeLessThanOrEqual(width);
  });

  it('shows one failure among many nodes', () => {
    const many = reportOf({ java: `${'#'.repeat(999)}x` }, { conditions: stalled });
    expect(drawn(80, 20, [many])[2]).toBe('  java  ###################x  999/1000, 1 failing');
  });

  it('means nothing to a terminal', () => {
    const evil = '\u001b[2J\u009b31m';
    const puller = reportOf(
      { java: '#' },
      {
        spec: { images: `${evil}=quay.io/example/java:1` },
        conditions: [aCondition('Ready', 'False', evil)],
      },
    );
    expect(drawn(80, 20, [puller]).join('')).toMatch(/^[ -~]*$/);
  });
});
