import type { ProcessFigures } from '../src/metrics/process-figures.ts';
import { Metrics } from '../src/metrics.ts';
import type { PullerFigures } from '../src/status/figures.ts';
import { ManualClock } from './manual-clock.ts';

const aProcess: ProcessFigures = {
  cpuSeconds: () => 1.5,
  uptimeSeconds: () => 60,
  memory: () => ({ resident: 100, heap: 50, external: 5 }),
  eventLoopDelay: () => ({ p50: 0.001, p99: 0.02, max: 0.3 }),
};

const figures: PullerFigures = {
  imagesDesired: 5,
  imagesReady: 3,
  imagesFailing: 1,
  nodesDesired: 40,
  nodesReady: 38,
  incompleteSince: undefined,
};

let clock: ManualClock;
let metrics: Metrics;

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2026, 0, 1));
  metrics = new Metrics({ clock, version: '1.2.3', process: aProcess });
});

/** The samples whose names begin so, each as it stands in the text. */
async function samples(prefix: string): Promise<readonly string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith(prefix));
}

const ofPuller = (name: string) => `{puller_namespace="n",puller_name="${name}"}`;

describe('the metrics of a puller', () => {
  it('are its counts as they were told last', async () => {
    metrics.puller('n/a', figures);
    metrics.puller('n/a', { ...figures, imagesReady: 4 });
    expect(await samples('image_puller_images')).toEqual([
      `image_puller_images_desired${ofPuller('a')} 5`,
      `image_puller_images_ready${ofPuller('a')} 4`,
      `image_puller_images_failing${ofPuller('a')} 1`,
    ]);
    expect(await samples('image_puller_nodes')).toEqual([
      `image_puller_nodes_desired${ofPuller('a')} 40`,
      `image_puller_nodes_ready${ofPuller('a')} 38`,
    ]);
  });

  it('leave out what is not known, also where it was known before', async () => {
    metrics.puller('n/a', figures);
    await metrics.text();
    metrics.puller('n/a', { ...figures, imagesReady: undefined });
    expect(await samples('image_puller_images_ready')).toEqual([]);
  });

  it('say since when the cache is not complete, at the time of the scrape', async () => {
    metrics.puller('n/a', figures);
    metrics.puller('n/b', { ...figures, incompleteSince: clock.now() - 60_000 });
    await clock.advance(30_000);
    expect(await samples('image_puller_since_complete_seconds')).toEqual([
      `image_puller_since_complete_seconds${ofPuller('a')} 0`,
      `image_puller_since_complete_seconds${ofPuller('b')} 90`,
    ]);
  });

  it('never say less than nothing where clocks differ', async () => {
    metrics.puller('n/a', { ...figures, incompleteSince: clock.now() + 60_000 });
    expect(await samples('image_puller_since_complete_seconds')).toEqual([
      `image_puller_since_complete_seconds${ofPuller('a')} 0`,
    ]);
  });

  it('tell how long pulls took, by the puller they were for', async () => {
    metrics.puller('n/a', figures);
    metrics.pulled('n/a', 3);
    metrics.pulled('n/a', 45);
    const bucket = (bound: string) =>
      `image_puller_pull_duration_seconds_bucket{le="${bound}",puller_namespace="n",puller_name="a"}`;
    const told = await samples('image_puller_pull_duration_seconds');
    expect(told).toEqual(
      expect.arrayContaining([
        `${bucket('2')} 0`,
        `${bucket('5')} 1`,
        `${bucket('60')} 2`,
        `image_puller_pull_duration_seconds_sum${ofPuller('a')} 48`,
      ]),
    );
  });

  it('go when the puller does, and pulls that are told late do not bring them back', async () => {
    metrics.puller('n/a', figures);
    metrics.pulled('n/a', 3);
    await metrics.text();
    metrics.puller('n/a', undefined);
    metrics.pulled('n/a', 3);
    expect(await metrics.text()).not.toContain('puller_name="a"');
  });
});

describe('the metric of the leader', () => {
  it('says at each scrape whether this process is the one', async () => {
    let isLeading = false;
    metrics.countLeader('lease', () => isLeading);
    expect(await samples('leader')).toEqual(['leader_election_master_status{name="lease"} 0']);
    isLeading = true;
    expect(await samples('leader')).toEqual(['leader_election_master_status{name="lease"} 1']);
  });
});

describe('the metrics of a controller', () => {
  it('count runs as controller-runtime does, and begin at zero', async () => {
    const sizes = () => ({ queued: 2, processing: 1, delayed: 7 });
    metrics.countController('c', { workers: 4, sizes });
    const runs = 'controller_runtime_reconcile_total';
    expect(await samples(runs)).toEqual([
      `${runs}{controller="c",result="success"} 0`,
      `${runs}{controller="c",result="requeue_after"} 0`,
      `${runs}{controller="c",result="error"} 0`,
    ]);
    for (const result of ['success', 'requeued', 'waiting', 'terminal', 'failed'] as const) {
      metrics.ran('c', { result, durationMs: 20 });
    }
    expect(await samples(runs)).toEqual([
      `${runs}{controller="c",result="success"} 1`,
      `${runs}{controller="c",result="requeue_after"} 2`,
      `${runs}{controller="c",result="error"} 2`,
    ]);
    expect(await samples('controller_runtime_')).toEqual(
      expect.arrayContaining([
        'controller_runtime_reconcile_errors_total{controller="c"} 2',
        'controller_runtime_terminal_reconcile_errors_total{controller="c"} 1',
        'controller_runtime_reconcile_time_seconds_count{controller="c"} 5',
        'controller_runtime_active_workers{controller="c"} 1',
        'controller_runtime_max_concurrent_reconciles{controller="c"} 4',
      ]),
    );
    expect(await samples('workqueue_depth')).toEqual([
      'workqueue_depth{name="c",controller="c"} 2',
    ]);
  });

  it('count what its queue tells', async () => {
    const observer = metrics.queueObserver('c');
    observer.added();
    observer.added();
    observer.retried();
    observer.taken(70);
    expect(await samples('workqueue_')).toEqual(
      expect.arrayContaining([
        'workqueue_adds_total{name="c",controller="c"} 2',
        'workqueue_retries_total{name="c",controller="c"} 1',
        'workqueue_queue_duration_seconds_bucket{le="0.05",name="c",controller="c"} 0',
        'workqueue_queue_duration_seconds_bucket{le="0.1",name="c",controller="c"} 1',
      ]),
    );
  });
});

describe('the metrics of the API server', () => {
  it('count requests by verb, resource and code, also those without an answer', async () => {
    const request = { verb: 'list', resource: 'pods', method: 'GET', durationMs: 7 };
    metrics.exchanged({ ...request, code: 200 });
    metrics.exchanged({ ...request, code: undefined });
    expect(await samples('rest_client_requests_total')).toEqual([
      'rest_client_requests_total{method="GET",verb="list",resource="pods",code="200"} 1',
      'rest_client_requests_total{method="GET",verb="list",resource="pods",code="<error>"} 1',
    ]);
    expect(await samples('rest_client_request_duration_seconds_sum')).toEqual([
      'rest_client_request_duration_seconds_sum{verb="list",resource="pods"} 0.014',
    ]);
  });

  it('count what caches ask for, and which there are', async () => {
    let caches = [
      { resource: 'pods', hasSynced: true },
      { resource: 'pods', hasSynced: false },
      { resource: 'roles', hasSynced: true },
    ];
    metrics.countCaches(() => caches);
    const starts = metrics.cacheObserver('pods', '');
    for (const what of ['list', 'watch', 'watch'] as const) starts(what);
    metrics.cacheObserver('pods', 'a')('list');
    expect(await samples('image_puller_')).toEqual(
      expect.arrayContaining([
        'image_puller_list_starts_total{resource="pods"} 1',
        'image_puller_watch_starts_total{resource="pods"} 2',
        'image_puller_list_starts_total{resource="pods",watched_namespace="a"} 1',
        'image_puller_watch_starts_total{resource="pods",watched_namespace="a"} 0',
        'image_puller_caches{resource="pods"} 2',
        'image_puller_caches_synced{resource="pods"} 1',
        'image_puller_caches_synced{resource="roles"} 1',
      ]),
    );
    caches = [];
    expect(await samples('image_puller_caches')).toEqual([]);
  });
});

describe('the metrics of the process', () => {
  it('are by the names that ready-made dashboards know', async () => {
    const start = Date.UTC(2026, 0, 1) / 1_000 - 60;
    expect(await samples('process_')).toEqual([
      'process_cpu_seconds_total 1.5',
      `process_start_time_seconds ${start}`,
      'process_resident_memory_bytes 100',
    ]);
    expect(await samples('nodejs_')).toEqual([
      'nodejs_heap_size_used_bytes 50',
      'nodejs_external_memory_bytes 5',
      'nodejs_eventloop_lag_p50_seconds 0.001',
      'nodejs_eventloop_lag_p99_seconds 0.02',
      'nodejs_eventloop_lag_max_seconds 0.3',
    ]);
    expect(await samples('image_puller_build')).toEqual([
      'image_puller_build_info{version="1.2.3"} 1',
    ]);
  });

  it('do not add up from scrape to scrape', async () => {
    await metrics.text();
    expect(await samples('process_cpu')).toEqual(['process_cpu_seconds_total 1.5']);
  });

  it('are kept apart from those of another operator in the same process', async () => {
    const other = new Metrics({ clock, version: '2', process: aProcess });
    other.puller('n/a', figures);
    expect(await metrics.text()).not.toContain('puller_name="a"');
  });
});
