import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from './clock.ts';
import type { FinishedRun } from './kube/controller.ts';
import type { Exchange } from './kube/exchange.ts';
import { type Key, splitKey } from './kube/objects.ts';
import type { QueueObserver, QueueSizes } from './kube/work-queue.ts';
import type { ProcessFigures } from './metrics/process-figures.ts';
import type { PullerFigures } from './status/figures.ts';

/** What metrics are made from. */
export interface MetricsOptions {
  readonly clock: Clock;
  /** Of the program. */
  readonly version: string;
  readonly process: ProcessFigures;
}

/** A controller and its queue, as far as they are counted. */
export interface CountedController {
  readonly workers: number;
  /** Read at each scrape. */
  readonly sizes: () => QueueSizes;
}

type CountedExchange = Omit<Exchange, 'answeredAt'>;

/** A cache of what the API server holds, as far as it is counted. */
export interface CountedCache {
  /** The plural of its kind. */
  readonly resource: string;
  readonly hasSynced: boolean;
}

/**
 * How ends of runs are called: as in controller-runtime
 * (kubernetes-sigs/controller-runtime: pkg/internal/controller/controller.go).
 */
const results: Readonly<Record<FinishedRun['result'], string>> = {
  success: 'success',
  requeued: 'requeue_after',
  waiting: 'requeue_after',
  terminal: 'error',
  failed: 'error',
};

/** From an answer of a neighbour up to the time limit of a reconcile, in seconds. */
const shortTimes = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** From images that are on the disk to many gigabytes over a slow line, in seconds. */
const pullTimes = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 3_600];

// Not `namespace` and `name`: Prometheus would rename them where it knows the Pod's own by these names.
const pullerLabels = ['puller_namespace', 'puller_name'];
/** One cache each, as one that is broken is not seen in a sum: there are as many as WATCH_NAMESPACE has names. */
const startLabels = ['resource', 'watched_namespace'];
const pullerCounts = {
  imagesDesired: ['image_puller_images_desired', 'Images in the list'],
  imagesReady: ['image_puller_images_ready', 'Images that every reachable node holds'],
  imagesFailing: ['image_puller_images_failing', 'Images that a node cannot get or run'],
  nodesDesired: ['image_puller_nodes_desired', 'Nodes that are to hold the images'],
  nodesReady: ['image_puller_nodes_ready', 'Nodes that hold every image of the present list'],
} as const;

/**
 * Everything that the program counts, in a registry of its own, with labels that are bounded: of
 * users' words only the namespace and name of a puller, as long as it exists. What each metric says is
 * in docs/metrics.md.
 */
export class Metrics {
  readonly #clock: Clock;
  readonly #registry = new Registry();
  readonly #readers: (() => void)[] = [];
  readonly #pullers = new Map<Key, PullerFigures>();

  readonly #runs = this.#counter(
    'controller_runtime_reconcile_total',
    'Reconciles by result: success, requeue_after or error',
    ['controller', 'result'],
  );
  readonly #failedRuns = this.#counter(
    'controller_runtime_reconcile_errors_total',
    'Reconciles that ended with an error',
    ['controller'],
  );
  readonly #terminalRuns = this.#counter(
    'controller_runtime_terminal_reconcile_errors_total',
    'Reconciles that ended with an error that only a change can mend',
    ['controller'],
  );
  readonly #runTimes = this.#histogram(
    'controller_runtime_reconcile_time_seconds',
    'How long a reconcile took',
    { labelNames: ['controller'], buckets: shortTimes },
  );
  readonly #runningNow = this.#gauge(
    'controller_runtime_active_workers',
    'Reconciles that go on at the moment',
    ['controller'],
  );
  readonly #workers = this.#gauge(
    'controller_runtime_max_concurrent_reconciles',
    'Reconciles that may go on at once',
    ['controller'],
  );
  readonly #queued = this.#gauge('workqueue_depth', 'Keys that wait for a worker', [
    'name',
    'controller',
  ]);
  readonly #adds = this.#counter(
    'workqueue_adds_total',
    'Keys that were added, each once until a worker takes it',
    ['name', 'controller'],
  );
  readonly #retries = this.#counter(
    'workqueue_retries_total',
    'Keys that come back because their reconcile failed',
    ['name', 'controller'],
  );
  readonly #waits = this.#histogram(
    'workqueue_queue_duration_seconds',
    'How long a key waited for a worker',
    { labelNames: ['name', 'controller'], buckets: shortTimes },
  );

  readonly #requests = this.#counter(
    'rest_client_requests_total',
    'Requests to the API server by HTTP status, which is <error> where no answer came',
    ['method', 'verb', 'resource', 'code'],
  );
  readonly #requestTimes = this.#histogram(
    'rest_client_request_duration_seconds',
    'How long the API server took to begin its answer',
    { labelNames: ['verb', 'resource'], buckets: shortTimes },
  );
  readonly #starts = {
    list: this.#counter(
      'image_puller_list_starts_total',
      'Full lists that caches asked for: at the start, every ten minutes (of pods every hour) and after trouble',
      startLabels,
    ),
    watch: this.#counter(
      'image_puller_watch_starts_total',
      'Watches that caches asked for; a healthy one lives for five to ten minutes',
      startLabels,
    ),
  };
  readonly #caches = this.#gauge('image_puller_caches', 'Caches that are kept by a watch', [
    'resource',
  ]);
  readonly #syncedCaches = this.#gauge(
    'image_puller_caches_synced',
    'Caches that have once held a full list',
    ['resource'],
  );
  readonly #leader = this.#gauge(
    'leader_election_master_status',
    '1 while this process is the one that works, 0 while it stands by',
    ['name'],
  );

  readonly #counts = Object.entries(pullerCounts).map(
    ([figure, [name, help]]) =>
      [figure as keyof typeof pullerCounts, this.#gauge(name, help, pullerLabels)] as const,
  );
  readonly #sinceComplete = this.#gauge(
    'image_puller_since_complete_seconds',
    'For how long the puller has not been Ready; 0 while it is',
    pullerLabels,
  );
  readonly #pulls = this.#histogram(
    'image_puller_pull_duration_seconds',
    'How long a node took to get the images of one pod and start their containers',
    { labelNames: pullerLabels, buckets: pullTimes },
  );

  constructor({ clock, version, process }: MetricsOptions) {
    this.#clock = clock;
    this.#gauge('image_puller_build_info', 'Always 1; says which version runs', ['version']).set(
      { version },
      1,
    );
    this.#readers.push(() => this.#readPullers());
    this.#countProcess(process);
  }

  /** Of what `text` gives. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics as they are now, in Prometheus' text format. */
  text(): Promise<string> {
    for (const read of this.#readers) read();
    return this.#registry.metrics();
  }

  /** For the queue of the controller of this name. */
  queueObserver(name: string): QueueObserver {
    const labels = { name, controller: name };
    return {
      added: () => this.#adds.inc(labels),
      retried: () => this.#retries.inc(labels),
      taken: (waitedMs) => this.#waits.observe(labels, waitedMs / 1_000),
    };
  }

  /** Counts what a controller does; its runs come by `ran`. */
  countController(name: string, { workers, sizes }: CountedController): void {
    const labels = { name, controller: name };
    this.#workers.set({ controller: name }, workers);
    // A rate needs a first value: what has not happened yet is counted as none.
    for (const result of Object.values(results)) this.#runs.inc({ controller: name, result }, 0);
    this.#failedRuns.inc({ controller: name }, 0);
    this.#terminalRuns.inc({ controller: name }, 0);
    this.#retries.inc(labels, 0);
    this.#readers.push(() => {
      this.#queued.set(labels, sizes().queued);
      this.#runningNow.set({ controller: name }, sizes().processing);
    });
  }

  /** A run of a controller has ended. */
  ran(controller: string, { result, durationMs }: FinishedRun): void {
    this.#runs.inc({ controller, result: results[result] });
    this.#runTimes.observe({ controller }, durationMs / 1_000);
    if (result === 'failed' || result === 'terminal') this.#failedRuns.inc({ controller });
    if (result === 'terminal') this.#terminalRuns.inc({ controller });
  }

  /** A request was sent to the API server. */
  exchanged({ verb, resource, method, code, durationMs }: CountedExchange): void {
    // The word of client-go for no answer (kubernetes/client-go: rest/request.go).
    this.#requests.inc({ method, verb, resource, code: code ?? '<error>' });
    this.#requestTimes.observe({ verb, resource }, durationMs / 1_000);
  }

  /** For a cache of a kind, in one namespace or, where that is empty, in all: told of each list and watch. */
  cacheObserver(resource: string, namespace: string): (what: 'list' | 'watch') => void {
    const labels = { resource, ...(namespace && { watched_namespace: namespace }) };
    // A cache that may not even list counts like one that does: both have both figures from the start.
    for (const starts of Object.values(this.#starts)) starts.inc(labels, 0);
    return (what) => this.#starts[what].inc(labels);
  }

  /** Counts the caches that there are at each scrape. */
  countCaches(caches: () => readonly CountedCache[]): void {
    this.#readers.push(() => {
      this.#caches.reset();
      this.#syncedCaches.reset();
      for (const { resource, hasSynced } of caches()) {
        this.#caches.inc({ resource });
        this.#syncedCaches.inc({ resource }, hasSynced ? 1 : 0);
      }
    });
  }

  /** Reads at each scrape whether this process is the one that works. */
  countLeader(leaseName: string, isLeading: () => boolean): void {
    this.#readers.push(() => this.#leader.set({ name: leaseName }, isLeading() ? 1 : 0));
  }

  /** What is known of a puller from now on; undefined once it is gone, and all that was counted with it. */
  puller(key: Key, figures: PullerFigures | undefined): void {
    if (figures) {
      this.#pullers.set(key, figures);
    } else if (this.#pullers.delete(key)) {
      this.#pulls.remove(labelsOf(key));
    }
  }

  /** A node has got its images for a puller; counts for those that are known. */
  pulled(key: Key, seconds: number): void {
    if (this.#pullers.has(key)) this.#pulls.observe(labelsOf(key), seconds);
  }

  #readPullers(): void {
    for (const [, gauge] of this.#counts) gauge.reset();
    this.#sinceComplete.reset();
    for (const [key, figures] of this.#pullers) this.#readPuller(labelsOf(key), figures);
  }

  #readPuller(labels: Record<string, string>, figures: PullerFigures): void {
    for (const [figure, gauge] of this.#counts) {
      const count = figures[figure];
      if (count !== undefined) gauge.set(labels, count);
    }
    const now = this.#clock.now();
    const sinceMs = now - (figures.incompleteSince ?? now);
    this.#sinceComplete.set(labels, Math.max(0, sinceMs / 1_000));
  }

  /** By the names that prom-client and others use, so that ready-made dashboards find them. */
  #countProcess(process: ProcessFigures): void {
    const gauge = (name: string, help: string) => this.#gauge(name, help, []);
    const cpu = this.#counter('process_cpu_seconds_total', 'CPU time since the start', []);
    const start = gauge('process_start_time_seconds', 'When the process started, in Unix time');
    const resident = gauge('process_resident_memory_bytes', 'Memory that the process occupies');
    const heap = gauge('nodejs_heap_size_used_bytes', 'Memory that JavaScript objects occupy');
    const external = gauge(
      'nodejs_external_memory_bytes',
      'Memory that they hold outside the heap',
    );
    const lag = (word: string, help: string) => gauge(`nodejs_eventloop_lag_${word}_seconds`, help);
    const p50 = lag('p50', 'Median delay of the event loop since the last scrape');
    const p99 = lag('p99', '99th percentile of the delay of the event loop since the last scrape');
    const max = lag('max', 'Longest delay of the event loop since the last scrape');
    start.set(this.#clock.now() / 1_000 - process.uptimeSeconds());
    this.#readers.push(() => {
      const memory = process.memory();
      const delay = process.eventLoopDelay();
      cpu.reset();
      cpu.inc(process.cpuSeconds());
      resident.set(memory.resident);
      heap.set(memory.heap);
      external.set(memory.external);
      p50.set(delay.p50);
      p99.set(delay.p99);
      max.set(delay.max);
    });
  }

  #counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, labelNames: readonly string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(
    name: string,
    help: string,
    shape: { readonly labelNames: readonly string[]; readonly buckets: number[] },
  ): Histogram {
    return new Histogram({ name, help, ...shape, registers: [this.#registry] });
  }
}

function labelsOf(key: Key) {
  const { namespace, name } = splitKey(key);
  return { puller_namespace: namespace, puller_name: name };
}
