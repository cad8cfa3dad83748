import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import type { PullerReport, Report } from '../../../src/cli/status/report.ts';
import { DocumentView, LiveView, PlainView, type View } from '../../../src/cli/status/view.ts';
import { plainStyle } from '../../../src/cli/style.ts';
import { pulling, ready, reportOf } from './scenes.ts';

function toldOf(...pullers: readonly PullerReport[]): Report {
  return { pullers, unread: [] };
}

const begun = toldOf(reportOf({ java: '..' }, { conditions: pulling }));
const halfway = toldOf(reportOf({ java: '#.' }, { conditions: pulling }));
const done = toldOf(reportOf({ java: '##' }, { conditions: ready }));

/** What a view writes, for reports at these times and without a server where one is lost. */
function shown(
  create: (output: PassThrough) => View,
  looks: readonly (readonly [ms: number, report: Report, lost?: string])[],
): string {
  const output = new PassThrough();
  const view = create(output);
  for (const [elapsedMs, report, lost] of looks) view.show({ elapsedMs, report, lost });
  view.close();
  return String(output.read() ?? '');
}

describe('lines', () => {
  const plain = (output: PassThrough) => new PlainView(output);

  it('say what is new: progress at most once a second, conditions at once', () => {
    const text = shown(plain, [
      [0, begun],
      [200, halfway],
      [400, halfway],
      [1000, halfway],
      [1200, done],
      [1400, done],
      [5000, done],
    ]);
    expect(text.split('\n')).toEqual([
      '  0 s  workspaces/puller  0 of 2 copies, 0 of 2 nodes ready',
      '  0 s  workspaces/puller  Ready False ImagesPulling; Progressing True ImagesPulling; Degraded False ReconcileComplete; Reconciling True ImagesPulling',
      '  1 s  workspaces/puller  1 of 2 copies, 1 of 2 nodes ready',
      '  1 s  workspaces/puller  2 of 2 copies, 2 of 2 nodes ready',
      '  1 s  workspaces/puller  Ready True AllResourcesReady; Progressing False ReconcileComplete; Degraded False ReconcileComplete',
      '',
    ]);
  });

  it('say that the server is lost, and that it is back', () => {
    const lines = shown(plain, [
      [0, done],
      [1000, done, 'gone'],
      [2000, done, 'gone'],
      [3000, done],
    ]).split('\n');
    expect(lines.slice(2)).toEqual(['  1 s  gone', '  3 s  the API server answers again', '']);
  });
});

const forbidden = 'the nodes are only counted: list pods: you may not';
const blind: Report = { ...halfway, unread: [forbidden] };

describe('what cannot be read', () => {
  it('is told among the lines as soon as it is so, once, and that it is over', () => {
    const lines = shown(
      (output) => new PlainView(output),
      [
        [0, blind],
        [1000, blind],
        [2000, { ...blind, unread: [forbidden, 'another'] }, 'gone'],
        [3000, blind],
        [4000, halfway],
        [5000, halfway],
      ],
    ).split('\n');
    expect(lines[0]).toBe(`  0 s  ${forbidden}`);
    expect(lines.slice(3)).toEqual([
      '  2 s  gone',
      '  3 s  the API server answers again',
      '  4 s  everything can be read again',
      '',
    ]);
  });

  it('stands above the bars for as long as it is so, where there is a server', () => {
    const live = (...looks: Parameters<typeof shown>[1]) =>
      shown((output) => new LiveView(output, plainStyle), looks);
    expect(live([0, blind])).toContain(`  0 s\n${forbidden}\nworkspaces/puller  `);
    expect(live([0, blind, 'gone'])).not.toContain(forbidden);
  });

  it('leaves room for the bars, and does not get wider than the terminal', () => {
    const output = Object.assign(new PassThrough(), { columns: 40, rows: 6 });
    const many = { ...blind, unread: Array.from({ length: 9 }, () => 'w'.repeat(99)) };
    const view = new LiveView(output, plainStyle);
    view.show({ report: many, elapsedMs: 0, lost: undefined });
    const [first = ''] = String(output.read()).split('\u001b[?25h');
    const lines = stripVTControlCharacters(first).trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(6);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(40);
    expect(lines.at(-1)).toMatch(/^ {2}java .* 1\/2$/);
  });
});

describe('documents', () => {
  const documents = (output: PassThrough) =>
    new DocumentView(output, ({ pullers }) => `${pullers[0]?.observation.nodesReady}\n`);

  it('are written when they say something new, at most once a second, and the last one at the end', () => {
    const text = shown(documents, [
      [0, begun],
      [200, halfway],
      [1000, halfway],
      [2000, halfway],
      [2200, done],
    ]);
    expect(text).toBe('0\n1\n2\n');
  });

  it('are none where nothing was shown', () => {
    expect(shown(documents, [])).toBe('');
  });
});

describe('a live view', () => {
  it('draws over itself and leaves nothing', () => {
    const text = shown(
      (output) => new LiveView(output, plainStyle),
      [
        [0, begun],
        [1000, halfway, 'gone'],
      ],
    );
    expect(text).toContain('  java  ....................  0/2');
    expect(text).toContain('  1 s  gone\n');
    expect(text).toContain('  java  ##########..........  1/2');
    // The last frame of four lines is erased, and the cursor is where it began.
    const erasure = `${'\u001b[2K\u001b[1A'.repeat(3)}\u001b[2K\u001b[G`;
    expect(text.slice(text.lastIndexOf('1/2'))).toContain(erasure);
  });
});
