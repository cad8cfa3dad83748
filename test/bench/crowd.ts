import { cpus } from 'node:os';
import { type Bench, lists, nowhere, puller } from './bench-client.ts';
import { type Figure, spoken } from './figure.ts';
import { goOperator } from './go-operator.ts';
import { isWrite } from './rig.ts';
import type { Launcher, Subject } from './subject.ts';

/** How many requests the administrator has on their way at a time. */
const atATime = 20;

export const crowdName = (index: number) => `crowd-${index}`;

/** Many pullers, each in a namespace of its own, and a new start among them. */
export async function crowdFigures(
  bench: Bench,
  subject: Subject,
  size: number,
): Promise<readonly Figure[]> {
  const names = Array.from({ length: size }, (_, index) => crowdName(index));
  await inParallel(names, (name) => bench.makeNamespace(name));
  await bench.quiet();
  const since = bench.rig.position();
  const cpuBefore = subject.cpuSeconds();
  const machineBefore = machineSeconds();
  const begun = performance.now();
  const children = bench.newChildren(size, 600_000);
  await inParallel(names, (name) => bench.apply(puller(name, { images: lists.two, ...nowhere })));
  await children;
  const lastedMs = performance.now() - begun;
  const cpu = subject.cpuSeconds() - cpuBefore;
  const machine = machineSeconds() - machineBefore;
  await bench.quiet();
  const cpuAll = subject.cpuSeconds() - cpuBefore;
  const writes = (await bench.rig.requestsSince(since)).filter(isWrite).length;
  return [
    {
      what: `${size} pullers created at once until the last child of each exists`,
      asked: '<= 12 s',
      measured: spoken.seconds(lastedMs / 1000),
      go: goOperator.crowd,
    },
    {
      what: 'operator processors until then on average, their time, and until quiet',
      asked: '<= 1 core',
      measured: `${((cpu * 1000) / lastedMs).toFixed(2)} cores, ${spoken.seconds(cpu)}, ${spoken.seconds(cpuAll)}`,
      go: goOperator.crowdCpu,
    },
    {
      what: 'processor time of everything on this machine until then',
      asked: '-',
      measured: `${spoken.seconds(machine)} of ${spoken.seconds((lastedMs / 1000) * cpus().length)}`,
    },
    {
      what: 'API writes for each of them, Events aside',
      asked: '<= 9',
      measured: (writes / size).toFixed(1),
      go: goOperator.crowdWrites,
    },
    {
      what: `resident, ${size} pullers more`,
      asked: '<= 95 MB',
      measured: spoken.megabytes(subject.memory('VmRSS')),
    },
    {
      what: 'resident, peak',
      asked: '-',
      measured: spoken.megabytes(subject.memory('VmHWM')),
      go: goOperator.peakCrowd,
    },
  ];
}

/** An operator that starts where everything is in place; returns it beside its figures. */
export async function restartFigures(
  bench: Bench,
  { launcher, kubeconfig, old }: { launcher: Launcher; kubeconfig: string; old: Subject },
): Promise<{ readonly subject: Subject; readonly figures: readonly Figure[] }> {
  await old.end('SIGTERM');
  const since = bench.rig.position();
  const subject = await launcher.launch(kubeconfig);
  const readyMs = await subject.ready();
  await bench.quiet();
  const requests = await bench.rig.requestsSince(since);
  const figures = [
    {
      what: 'started anew until ready',
      asked: '<= 5 s',
      measured: spoken.ms(readyMs),
      go: goOperator.restart,
    },
    {
      what: 'API writes of that start, where nothing is to be changed',
      asked: '0',
      measured: String(requests.filter(isWrite).length),
      go: goOperator.restartWrites,
    },
    {
      what: 'resident after it',
      asked: '<= 95 MB',
      measured: spoken.megabytes(subject.memory('VmRSS')),
      go: goOperator.residentRestarted,
    },
  ];
  return { subject, figures };
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
