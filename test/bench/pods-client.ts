import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent } from 'undici';
import { systemClock } from '../../src/clock.ts';
import { createClient } from '../../src/kube/http-client.ts';
import { JsonLines } from '../../src/kube/json-lines.ts';
import { pods } from '../../src/kube/objects.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { silentLog } from '../../src/log.ts';
import { projectPod } from '../../src/status/pods.ts';

/** One way of watching pods, in a process of its own: `pods-client WAY URL EVENTS`, see pods.ts. */

/** What the process says of itself: memory in MB, time in milliseconds. */
export interface Cost {
  readonly idle: number;
  readonly list: Phase;
  readonly roll: Phase;
  readonly settled: number;
}

/** What some work took: the most memory until its end, the longest stalls of the event loop, processor time. */
export interface Phase {
  readonly peak: number;
  readonly stall: number;
  readonly stall99: number;
  readonly cpu: number;
}

/** Resident memory in MB: now, or the most there ever was. */
function memory(field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  const kibibytes = Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]);
  return Math.round((kibibytes * 1024) / 1e6);
}

async function costOf(work: () => Promise<void>): Promise<Phase> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const before = process.cpuUsage();
  delay.enable();
  await work();
  delay.disable();
  const { user, system } = process.cpuUsage(before);
  return {
    peak: memory('VmHWM'),
    stall: Math.round(delay.max / 1e6),
    stall99: Math.round(delay.percentile(99) / 1e6),
    cpu: Math.round((user + system) / 1e3),
  };
}

// The bundle has no more of undici than its pools of connections.
const agent = new Agent();

async function get(url: string, headers: Readonly<Record<string, string>> = {}) {
  const { origin, pathname, search } = new URL(url);
  return await agent.request({ origin, path: pathname + search, method: 'GET', headers });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** One way of watching: how it begins, and how it follows a roll to its end. */
interface Watching {
  list(): Promise<void>;
  roll(): Promise<void>;
}

interface Watched {
  readonly url: string;
  /** How many a roll gives. */
  readonly events: number;
  /** Full objects in one page of a list. */
  readonly pageSize: number;
}

function reflecting({ url, pageSize }: Watched): Reflector {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: 'bench', server: url, skipTLSVerify: false },
    { name: 'bench' },
  );
  return new Reflector({
    client: createClient(kubeConfig, { clock: systemClock, userAgent: 'bench' }),
    resource: pods,
    namespace: 'workspaces',
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    project: projectPod,
    pageSize,
  });
}

function watchingFull(watched: Watched): Watching {
  const reflector = reflecting(watched);
  let seen = 0;
  reflector.onChange(({ type }) => {
    if (type === 'updated') seen += 1;
  });
  return {
    list: () => reflector.start(),
    async roll() {
      await get(`${watched.url}/roll`);
      await until(() => seen === watched.events);
    },
  };
}

function watchingTable(watched: Watched): Watching {
  const { url, events } = watched;
  const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
  const path = `${url}/api/v1/namespaces/workspaces/pods?includeObject=None`;
  const progress = new Map<string, string>();
  const take = (table: unknown) => {
    for (const { cells } of (table as { rows: { cells: string[] }[] }).rows) {
      progress.set(cells[0] ?? '', cells[1] ?? '');
    }
  };
  return {
    async list() {
      const { body } = await get(path, headers);
      take(await body.json());
    },
    async roll() {
      const watch = await get(`${path}&watch=true`, headers);
      await get(`${url}/roll`);
      const lines = new JsonLines();
      let seen = 0;
      for await (const chunk of watch.body) {
        for (const event of lines.push(chunk)) {
          take((event as { object: unknown }).object);
          seen += 1;
        }
        if (seen === events) break;
      }
      // Rows tell no digest, no owner and no more than one reason: the objects are listed once.
      await reflecting(watched).start();
    },
  };
}

async function measure(way: string, url: string, events: number): Promise<Cost> {
  const [kind, pageSize] = way.split(' ');
  const watching = kind === 'full' ? watchingFull : watchingTable;
  const { list, roll } = watching({ url, events, pageSize: Number(pageSize) });
  const idle = memory('VmRSS');
  const listed = await costOf(list);
  const rolled = await costOf(roll);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  return { idle, list: listed, roll: rolled, settled: memory('VmRSS') };
}

const [way = '', url = '', events] = process.argv.slice(2);
const cost = await measure(way, url, Number(events));
process.stdout.write(JSON.stringify(cost), () => process.exit());
