import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { bundle } from '../../.ci/image/bundle.ts';
import { parsedArgs, runProgram } from '../../src/command-line.ts';
import { UsageError } from '../../src/errors.ts';
import { imageEnvironment, imageFlags } from './image-flags.ts';
import { LargePods } from './large-pod.ts';
import type { Cost, Phase } from './pods-client.ts';

/**
 * What it costs to watch the pods of a large cache: as full objects that are projected line by line, or
 * as Tables (`includeObject=None`) for the progress and a full list after the roll. The server is this
 * process; each way runs in a process of its own, under the flags of the image.
 */
const scale = { pods: 5_000, containers: 40, eventsPerPod: 5 } as const;

/** Ways to watch, each with the size of its pages of full objects. */
const ways = ['full 500', 'full 100', 'full 25', 'full 10', 'table 25'];

const usage = `Usage: npm run bench:pods -- ['full N' | 'table N']...

Prints what it costs to watch ${scale.pods} pods of a large cache, as full objects or as tables; N is the size
of a page of full objects. Unless ways are given: ${ways.join(', ')}.

  --help  this text
`;

const owner = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  name: 'kubernetes-image-puller',
  uid: 'd-1',
  controller: true,
  blockOwnerDeletion: true,
} as const;

const containers = Array.from({ length: scale.containers }, (_, index) => ({
  name: `image-${index}`,
  image: `registry.example/team/developer-image-${index}:2026.1`,
  command: ['/kip/sleep', '87600h'],
  resources: {
    limits: { cpu: '200m', memory: '20Mi' },
    requests: { cpu: '50m', memory: '10Mi' },
  },
  volumeMounts: [{ name: 'kip', readOnly: true, mountPath: '/kip' }],
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  imagePullPolicy: 'IfNotPresent',
  securityContext: {
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
  },
}));

const labels = { test: 'daemonset-test' };
const pods = new LargePods({ metadata: { labels }, spec: { containers } }, owner);

/** A pod in its own JSON. */
function aPod(name: string, resourceVersion: number, running: number): string {
  const uid = `00000000-0000-0000-0000-${name.slice(-12).padStart(12, '0')}`;
  const node = name.replace('pod', 'node');
  const identity = { name, namespace: 'workspaces', uid, node, running };
  return JSON.stringify(pods.pod({ ...identity, resourceVersion: String(resourceVersion) }));
}

const podName = (index: number) => `pod-${String(index).padStart(5, '0')}`;
const readyAfter = (event: number) => Math.floor((scale.containers * event) / scale.eventsPerPod);

/** A row of a Table, as the server prints a pod. */
function aRow(name: string, ready: number): string {
  const cells = [name, `${ready}/${scale.containers}`, 'Running', 0, '9s', '10.1.2.3', name];
  return JSON.stringify({ cells: [...cells, '<none>', '<none>'], object: null });
}

function aTable(resourceVersion: number, rows: readonly string[]): string {
  return `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"${resourceVersion}"},"columnDefinitions":null,"rows":[${rows.join()}]}`;
}

/** Writes as fast as the reader takes it. */
async function send(response: ServerResponse, lines: Iterable<string>): Promise<void> {
  for (const line of lines) {
    if (!response.write(`${line}\n`)) await once(response, 'drain');
  }
}

function* rollEvents(isTable: boolean): Generator<string> {
  let resourceVersion = 1_000_000;
  for (let event = 1; event <= scale.eventsPerPod; event += 1) {
    // Nodes differ in nothing but their names: the text of one pod is that of all.
    const template = aPod('pod-NNNNN', 777_777_777, readyAfter(event));
    for (let index = 0; index < scale.pods; index += 1) {
      resourceVersion += 1;
      const name = podName(index);
      const object = isTable
        ? aTable(resourceVersion, [aRow(name, readyAfter(event))])
        : template
            .replaceAll('pod-NNNNN', name)
            .replace('node-NNNNN', name.replace('pod', 'node'))
            .replace('0000-000pod-NNNNN', `0000-000${name}`)
            .replace('777777777', String(resourceVersion));
      yield `{"type":"MODIFIED","object":${object}}`;
    }
  }
}

/** A server of nothing but these pods. */
async function serve(): Promise<{ readonly url: string; close(): void }> {
  let rolls = false;
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? '', 'http://server');
    const isTable = incoming.headers.accept?.includes('as=Table') === true;
    response.setHeader('content-type', 'application/json');
    if (url.pathname === '/roll') {
      rolls = true;
      response.end();
    } else if (url.searchParams.has('watch')) {
      response.flushHeaders();
      const begin = setInterval(() => {
        if (!rolls) return;
        clearInterval(begin);
        rolls = false;
        void send(response, rollEvents(isTable));
      }, 20);
      response.on('close', () => clearInterval(begin));
    } else if (isTable) {
      const rows = Array.from({ length: scale.pods }, (_, index) => aRow(podName(index), 0));
      response.end(aTable(1_000, rows));
    } else {
      const from = Number(url.searchParams.get('continue') ?? 0);
      const to = Math.min(scale.pods, from + Number(url.searchParams.get('limit') ?? scale.pods));
      const items = Array.from({ length: to - from }, (_, index) =>
        aPod(podName(from + index), 900, 0),
      );
      const more = to < scale.pods ? `,"continue":"${to}"` : '';
      const metadata = `{"resourceVersion":"1000"${more}}`;
      response.end(
        `{"kind":"PodList","apiVersion":"v1","metadata":${metadata},"items":[${items.join()}]}`,
      );
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Undefined where the heap is too small for it. */
async function inProcessOfItsOwn(program: string, way: string): Promise<Cost | undefined> {
  const server = await serve();
  const events = String(scale.pods * scale.eventsPerPod);
  const child = spawn(process.execPath, [...imageFlags(), program, way, server.url, events], {
    env: { ...process.env, ...imageEnvironment() },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const [code, signal] = await once(child, 'close');
  server.close();
  if (signal === 'SIGABRT') return undefined;
  if (code !== 0) throw new Error(`${way}: the process ended with ${code ?? signal}`);
  return JSON.parse(output) as Cost;
}

const spoken = ({ peak, stall, stall99, cpu }: Phase) =>
  `${peak} MB, ${stall99}/${stall} ms, ${(cpu / 1000).toFixed(1)} s`;

async function measure(asked: readonly string[]): Promise<void> {
  const table = new Table({
    head: ['way', 'idle', 'list: peak, stall 99 %/max, CPU', 'roll: the same', 'settled'],
    style: { head: [], border: [] },
  });
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    const program = join(directory, 'pods-client.mjs');
    writeFileSync(program, (await bundle('test/bench/pods-client.ts')).code);
    for (const way of asked) {
      const cost = await inProcessOfItsOwn(program, way);
      table.push(
        cost === undefined
          ? [way, '', 'out of memory', '', '']
          : [way, `${cost.idle} MB`, spoken(cost.list), spoken(cost.roll), `${cost.settled} MB`],
      );
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  process.stdout.write(
    `Node ${process.versions.node} under the flags of the image, ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}; ` +
      `${scale.pods} pods of ${aPod(podName(1), 1, 0).length} bytes, ${scale.eventsPerPod} events each\n${table.toString()}\n`,
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parsedArgs(
    { options: { help: { type: 'boolean', short: 'h' } }, allowPositionals: true },
    usage,
  );
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const odd = positionals.find((way) => !/^(full|table) [1-9]\d{0,4}$/.test(way));
  if (odd !== undefined) throw new UsageError(`there is no way "${odd}"\n\n${usage}`);
  await measure(positionals.length > 0 ? positionals : ways);
}

await runProgram(main);
