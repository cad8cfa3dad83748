import { reasons as findingReasons } from '../src/api/reasons.ts';
import { thisProcess } from '../src/metrics/process-figures.ts';
import { Metrics } from '../src/metrics.ts';
import { causes } from '../src/status/causes.ts';
import { conditionTypes, reasons } from '../src/status/conditions.ts';
import { ManualClock } from './manual-clock.ts';
import {
  dashboardQueries,
  documented,
  metricsIn,
  read,
  rules,
  type Told,
} from './metrics-documents.ts';

/** Everything that an operator tells which has seen everything once. */
async function scraped(): Promise<ReadonlyMap<string, Told>> {
  const metrics = new Metrics({ clock: new ManualClock(), version: '1', process: thisProcess() });
  const queue = metrics.queueObserver('c');
  queue.added();
  queue.taken(1);
  const sizes = () => ({ queued: 0, processing: 0, delayed: 0 });
  metrics.countController('c', { workers: 1, sizes });
  metrics.ran('c', { result: 'success', durationMs: 1 });
  metrics.exchanged({ verb: 'get', resource: '', method: 'GET', code: 200, durationMs: 1 });
  metrics.countCaches(() => [{ resource: 'pods', hasSynced: true }]);
  metrics.cacheObserver('pods', 'a');
  metrics.countLeader('lease', () => true);
  metrics.puller('n/a', {
    imagesDesired: 1,
    imagesReady: 1,
    imagesFailing: 0,
    nodesDesired: 1,
    nodesReady: 1,
    incompleteSince: undefined,
  });
  metrics.pulled('n/a', 1);
  const text = await metrics.text();
  return new Map(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [
      name,
      { type, labels: labelsIn(text, type === 'histogram' ? `${name}_count` : name) },
    ]),
  );
}

function labelsIn(text: string, sample: string): readonly string[] {
  const [, labels] = new RegExp(`^${sample}(\\{.*\\})? \\S+$`, 'm').exec(text) ?? [
    '',
    `no sample of ${sample}`,
  ];
  return [...(labels ?? '').matchAll(/(\w+)=/g)].map(([, label = '']) => label).sort();
}

describe('docs/metrics.md', () => {
  it('has a row for every metric, with its type and labels, and for nothing else', async () => {
    const told = await scraped();
    expect(told.size).toBeGreaterThan(30);
    expect(Object.fromEntries(documented())).toEqual(Object.fromEntries(told));
  });
});

describe('the alerts', () => {
  it('read metrics that exist', async () => {
    const known = await scraped();
    const queried = rules().flatMap(({ expr }) => metricsIn(expr));
    expect(queried.length).toBeGreaterThan(4);
    expect(queried.filter((name) => !known.has(name))).toEqual([]);
  });

  it('each say what, why, and where the runbook tells what to do', () => {
    const runbook = read('docs/runbook.md');
    expect(rules()).toHaveLength(4);
    for (const { alert, annotations } of rules()) {
      expect(Object.keys(annotations).sort()).toEqual(['description', 'runbook_url', 'summary']);
      expect(annotations['runbook_url']).toMatch(
        new RegExp(`/docs/runbook\\.md#${alert.toLowerCase()}$`),
      );
      expect(runbook).toContain(`\n## ${alert}\n`);
    }
  });
});

describe('the runbook', () => {
  const runbook = read('docs/runbook.md');

  it('knows conditions by the reasons that they have', () => {
    const known: ReadonlySet<string> = new Set([
      ...Object.values(reasons),
      ...Object.values(conditionTypes),
      ...Object.keys(findingReasons),
    ]);
    const words = [...runbook.matchAll(/`([A-Z][a-z]+(?:[A-Z][a-z]+)*)`/g)];
    const named = words.map(([, word = '']) => word);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((word) => !known.has(word))).toEqual([]);
  });

  /** The first cells of the rows of a table, by what stands in the first cell of its head. */
  const firstCells = (head: string) => {
    const [, rows = ''] =
      new RegExp(`\n\\| ${head} \\| do \\|\n\\|-.*\n((?:\\|.*\n)+)`).exec(runbook) ?? [];
    return [...rows.matchAll(/^\| (.*?) \| /gm)].map(([, cell = '']) => cell);
  };

  it('has what to do about every reason for which a puller is not Ready', () => {
    const fine: ReadonlySet<string> = new Set([
      reasons.allResourcesReady,
      reasons.noImages,
      reasons.noMatchingNodes,
    ]);
    const [, ofStates = ''] =
      /\n## Reasons\n(.*)### Reasons about/s.exec(read('docs/status.md')) ?? [];
    const ofReady = [...ofStates.matchAll(/^\| `(\w+)` \| [^|]*\bReady\b/gm)]
      .map(([, reason = '']) => reason)
      .filter((reason) => !fine.has(reason));
    expect(ofReady.length).toBeGreaterThan(15);
    const told = new Set(firstCells('reason').join().match(/\w+/g));
    expect(ofReady.filter((reason) => !told.has(reason))).toEqual([]);
  });

  it('has what to do about every cause of a failure, in the words that tell it', () => {
    const told = firstCells('it says').flatMap((cell) => cell.split('; '));
    expect(told.toSorted()).toEqual([...new Set(causes.map(({ says }) => says))].sort());
  });
});

describe('the dashboard', () => {
  it('reads metrics that exist, and draws each of them', async () => {
    const known = [...(await scraped()).keys()];
    const queried = new Set(dashboardQueries().flatMap(metricsIn));
    expect([...queried].sort()).toEqual(known.sort());
  });
});
