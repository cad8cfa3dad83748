import { follow } from '../../../src/cli/status/follow.ts';
import type { Report } from '../../../src/cli/status/report.ts';
import type { Seen } from '../../../src/cli/status/seen.ts';
import type { Look } from '../../../src/cli/status/view.ts';
import { ManualClock } from '../../manual-clock.ts';
import {
  pulling,
  reading,
  ready,
  type SceneOptions,
  seenOf,
  stalled,
  type unheard,
} from './scenes.ts';

interface Moment {
  readonly seen: Seen;
  readonly hasAsked?: boolean;
}

/** Follows what `at` says there is after so many milliseconds. */
async function followed(at: (ms: number) => Moment, interruptedAtMs = 60_000) {
  const clock = new ManualClock(Date.parse('2026-01-01T12:00:00Z'));
  const interruption = new AbortController();
  clock.after(interruptedAtMs, () => interruption.abort());
  const looks: Look[] = [];
  let ended: { readonly report: Report | undefined } | undefined;
  const watcher = {
    look: () => at(clock.monotonic()).seen,
    get hasAsked() {
      return at(clock.monotonic()).hasAsked ?? true;
    },
    changes: 0,
  };
  void follow(
    { watcher, clock, select: (seen) => seen, signal: interruption.signal },
    { show: (look) => looks.push(look), close() {} },
  ).then((report) => {
    ended = { report };
  });
  while (ended === undefined) await clock.advance(100);
  return { report: ended.report, looks, afterMs: clock.monotonic() };
}

function one(options: SceneOptions): Moment {
  return { seen: seenOf({ java: '#.' }, options) };
}

describe('a watch', () => {
  it('ends when all pullers are Ready, and shows that', async () => {
    const { report, looks, afterMs } = await followed((ms) =>
      one({ conditions: ms < 5000 ? pulling : ready }),
    );
    expect(report?.pullers.map(({ outcome }) => outcome)).toEqual(['ready']);
    expect(looks.at(-1)?.report).toBe(report);
    expect(afterMs).toBeLessThanOrEqual(6000);
  });

  it('ends when one cannot become Ready and no other is underway', async () => {
    const { report } = await followed(() => one({ conditions: stalled }));
    expect(report?.pullers[0]?.outcome).toBe('stuck');
    const two = (ms: number) => {
      const other = seenOf({}, { name: 'other', conditions: ms < 3000 ? pulling : ready });
      const { seen } = one({ conditions: stalled });
      const pullers = reading([...seen.pullers.objects, ...other.pullers.objects]);
      return { seen: { ...seen, pullers } };
    };
    expect((await followed(two)).afterMs).toBeGreaterThanOrEqual(3000);
  });

  it('ends when no puller is left', async () => {
    const { report } = await followed(() => ({
      seen: { ...one({}).seen, pullers: reading([]) },
    }));
    expect(report?.pullers).toEqual([]);
  });

  it('ends without a report when it is interrupted', async () => {
    const { report, afterMs } = await followed(() => one({ conditions: pulling }), 2000);
    expect(report).toBeUndefined();
    expect(afterMs).toBeLessThanOrEqual(2100);
  });

  it('waits until everything was asked for once', async () => {
    const { looks, afterMs } = await followed((ms) => ({
      ...one({ conditions: ready }),
      hasAsked: ms >= 1000,
    }));
    expect([looks.length, afterMs]).toEqual([1, 1000]);
  });

  it('goes on, and says so, while the server is lost', async () => {
    const { looks, afterMs } = await followed((ms) => {
      const { seen } = one({ conditions: ready });
      const error = ms < 3000 ? new Error('watch: ECONN\u001bREFUSED') : undefined;
      return { seen: { ...seen, pullers: { ...seen.pullers, error } } };
    });
    expect(looks[0]?.lost).toBe(
      'this is as it was before the API server was lost: watch: ECONN\\u001bREFUSED',
    );
    expect([looks.at(-1)?.lost, afterMs]).toEqual([undefined, 3000]);
  });

  it('sees within a second what time alone changes', async () => {
    const young = {
      conditions: pulling,
      pods: {
        'node-2': (pod: Parameters<typeof unheard>[0]) => ({
          ...pod,
          status: {
            conditions: [
              {
                type: 'PodScheduled',
                status: 'True',
                lastTransitionTime: '2026-01-01T11:59:05Z',
              },
            ],
          },
        }),
      },
    };
    const { looks } = await followed(() => one(young), 10_000);
    const unreachable = looks.find(
      ({ report }) => report.pullers[0]?.observation.unreachable.count === 1,
    );
    expect(unreachable?.elapsedMs).toBeGreaterThanOrEqual(5000);
    expect(unreachable?.elapsedMs).toBeLessThanOrEqual(6000);
  });
});
