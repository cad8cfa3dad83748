import { cpus } from 'node:os';
import { type Bench, lists, nowhere, puller } from './bench-client.ts';
import { type Figures, spoken } from './figure.ts';
import { goOperator } from './go-operator.ts';
import { isAside, isWrite } from './rig.ts';
import type { Launcher, Subject } from './subject.ts';

/** How many requests the administrator has on their way at a time. */
const atATime = 20;

export const crowdName = (index: number) => `crowd-${index}`;

/** Many pullers, each in a namespace of its own, that come at once and then are all looked at anew. */
export async function* crowdFigures(bench: Bench, subject: Subject, size: number): Figures {
  const names = Array.from({ length: size }, (_, index) => crowdName(index));
  await inParallel(names, (name) => bench.makeNamespace(name));
  await bench.quiet();
  const since = bench.rig.position();
  const cpuBefore = subject.cpuSeconds();
  const machineBefore = machineSeconds();
  const times = await bench.newChildren(size, () =>
    inParallel(names, (name) => bench.apply(puller(name, { images: lists.two, ...nowhere }))),
  );
  const lastedMs = Math.max(...times);
  const cpu = subject.cpuSeconds() - cpuBefore;
  const machine = machineSeconds() - machineBefore;
  for (const [index, { kind }] of bench.lastChildren.entries()) {
    yield {
      what: `${size} pullers created at once until the ${kind} of each exists`,
      asked: kind === 'DaemonSet' ? '<= 12 s' : '-',
      measured: spoken.seconds((times[index] ?? Number.NaN) / 1000),
      go: kind === 'DaemonSet' ? goOperator.crowdDaemonSets : goOperator.crowdDeployments,
    };
  }
  yield {
    what: 'processor time of everything on this machine until then',
    asked: '-',
    measured: `${spoken.seconds(machine)} of ${spoken.seconds((lastedMs / 1000) * cpus().length)}`,
  };
  await bench.deployed();
  await bench.quiet();
  const cpuAll = subject.cpuSeconds() - cpuBefore;
  yield {
    what: 'operator: cores until then, seconds of them, seconds until quiet',
    asked: '<= 1 core',
    measured: `${((cpu * 1000) / lastedMs).toFixed(2)} cores, ${spoken.seconds(cpu)}, ${spoken.seconds(cpuAll)}`,
    go: goOperator.crowdCpu,
  };
  const writes = (await bench.rig.requestsSince(since)).filter(isWrite).length;
  yield {
    what: 'API writes for each of them, Events aside',
    asked: '<= 9',
    measured: (writes / size).toFixed(1),
    go: goOperator.crowdWrites,
  };
  yield* crowdMemory(subject, size);
  yield* lookFigures(bench, subject, names);
}

async function* crowdMemory(subject: Subject, size: number): Figures {
  yield {
    what: `resident, ${size} pullers more`,
    asked: '<= 95 MB',
    measured: spoken.megabytes(subject.memory('VmRSS')),
  };
  yield {
    what: 'resident, peak',
    asked: '-',
    measured: spoken.megabytes(subject.memory('VmHWM')),
    go: goOperator.peakCrowd,
  };
}

/**
 * What it takes to look at every puller though there is nothing to do, as a resync does: an annotation of
 * each is changed, which concerns nobody and is news all the same.
 */
async function* lookFigures(bench: Bench, subject: Subject, names: readonly string[]): Figures {
  const since = bench.rig.position();
  const cpuBefore = subject.cpuSeconds();
  await inParallel(names, (name) => bench.annotate(name));
  await bench.quiet();
  const cpu = subject.cpuSeconds() - cpuBefore;
  const requests = (await bench.rig.requestsSince(since)).filter((request) => !isAside(request));
  const writes = requests.filter(isWrite).length;
  yield {
    what: 'each of them looked at anew, nothing to do',
    asked: '0 writes',
    measured: `${writes} writes, ${requests.length - writes} reads, ${cpu.toFixed(2)} s processor`,
  };
}

/**
 * An operator that starts where everything is in place, and one that starts where something is missing,
 * which tells when it works: ready it may be before. Returns the second one.
 */
export async function* restartFigures(
  bench: Bench,
  { launcher, kubeconfig, old }: { launcher: Launcher; kubeconfig: string; old: Subject },
): Figures<Subject> {
  await old.end('SIGTERM');
  const since = bench.rig.position();
  const idle = await launcher.launch(kubeconfig);
  const readyMs = await idle.ready();
  yield { what: 'started anew until ready', asked: '<= 5 s', measured: spoken.ms(readyMs) };
  await bench.quiet();
  const requests = await bench.rig.requestsSince(since);
  yield {
    what: 'API writes of that start, where nothing is to be changed',
    asked: '0',
    measured: String(requests.filter(isWrite).length),
    go: goOperator.restartWrites,
  };
  yield {
    what: 'resident after it',
    asked: '<= 95 MB',
    measured: spoken.megabytes(idle.memory('VmRSS')),
    go: goOperator.residentRestarted,
  };
  await idle.end('SIGTERM');
  await bench.removeConfigMap(crowdName(0));
  const begun = performance.now();
  const busy = await launcher.launch(kubeconfig);
  await bench.configMapAgain(crowdName(0));
  yield {
    what: 'started anew until it has put back a ConfigMap that is missing',
    asked: '<= 5 s',
    measured: spoken.ms(performance.now() - begun),
    go: goOperator.restart,
  };
  return busy;
}

async function inParallel(names: readonly string[], act: (name: string) => Promise<void>) {
  const waiting = names[Symbol.iterator]();
  const worker = async () => {
    for (const name of waiting) await act(name);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

/** What all processors have worked since the machine began; a control plane of the same machine is most of it. */
function machineSeconds(): number {
  const busy = cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return busy.reduce((sum, each) => sum + each, 0) / 1000;
}
