import { PassThrough } from 'node:stream';
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
