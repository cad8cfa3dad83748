import { sleep, systemClock } from '../../src/clock.ts';
import { pods } from '../../src/kube/objects.ts';
import { type Bench, puller } from './bench-client.ts';
import { type Figure, spoken } from './figure.ts';
import { goOperator } from './go-operator.ts';
import type { LargeRollOut } from './rig.ts';
import type { Launcher, Stalls, Subject } from './subject.ts';

const images = 40;
/** How long memory has to settle: V8 gives back what it does not need when nothing has happened for a while. */
const settleMs = 30_000;
/** Of the puller, which is left behind, and of its namespace. */
export const largeName = 'bench-large';

/** A list of 40 images that comes up on thousands of nodes, and an operator that starts when it is there. */
export async function scaleFigures(
  bench: Bench,
  { launcher, kubeconfig, roll }: { launcher: Launcher; kubeconfig: string; roll: LargeRollOut },
): Promise<readonly Figure[]> {
  await bench.makeNamespace(largeName);
  const subject = await launcher.launch(kubeconfig);
  await subject.ready();
  await bench.quiet();
  const rolled = await rollOutFigures(bench, subject, roll);
  await subject.end('SIGTERM');
  const late = await launcher.launch(kubeconfig);
  const readyMs = await late.ready();
  await bench.quiet();
  const cpu = late.cpuSeconds();
  const stalls = await late.stalls();
  await sleep(systemClock, settleMs);
  const started = [
    { what: 'started when all pods run: ready', asked: '<= 5 s', measured: spoken.ms(readyMs) },
    { what: 'its processor time until quiet', asked: '-', measured: spoken.seconds(cpu) },
    ...memoryFigures('its', late),
    stallFigure('its event loop', stalls),
  ];
  await late.end('SIGTERM');
  return [...rolled, ...started];
}

async function rollOutFigures(
  bench: Bench,
  subject: Subject,
  roll: LargeRollOut,
): Promise<readonly Figure[]> {
  const list = Array.from({ length: images }, (_, i) => `image-${i}=quay.io/example/image-${i}:1`);
  const child = bench.newChildren(1, 60_000);
  const since = bench.rig.position();
  const cpuBefore = subject.cpuSeconds();
  await subject.stalls();
  const begun = performance.now();
  await bench.apply(puller(largeName, { images: list.join(';') }));
  await child;
  await roll.run(largeName);
  const over = performance.now();
  await bench.ready(largeName);
  const lateMs = performance.now() - over;
  const lastedMs = over - begun;
  const cpu = subject.cpuSeconds() - cpuBefore;
  const stalls = await subject.stalls();
  await bench.quiet();
  const writes = (await bench.rig.requestsSince(since)).filter(
    ({ about }) => about === 'kubernetesimagepullers/status',
  ).length;
  await sleep(systemClock, settleMs);
  const [pod] = (await bench.client.list(pods, { namespace: largeName, limit: 1 })).items;
  return [
    {
      what: `${images} images come up on all nodes, a pod having ${JSON.stringify(pod).length} bytes`,
      asked: '-',
      measured: `in ${spoken.seconds(lastedMs / 1000)}`,
      go: goOperator.unseen,
    },
    { what: 'operator processor time for it', asked: '<= 10 s', measured: spoken.seconds(cpu) },
    ...memoryFigures('the roll-out’s', subject),
    stallFigure('event loop', stalls),
    {
      what: 'status writes for it',
      asked: `<= ${Math.ceil(lastedMs / 5_000) + 1}: 1 in 5 s`,
      measured: String(writes),
      go: goOperator.unseen,
    },
    { what: 'Ready after the last pod', asked: '<= 1 s', measured: spoken.ms(lateMs) },
  ];
}

function memoryFigures(whose: string, subject: Subject): readonly Figure[] {
  return [
    {
      what: `${whose} memory: peak`,
      asked: '<= 120 MB',
      measured: spoken.megabytes(subject.memory('VmHWM')),
    },
    {
      what: `${whose} memory: settled, ${settleMs / 1000} s later`,
      asked: '<= 90 MB',
      measured: spoken.megabytes(subject.memory('VmRSS')),
    },
  ];
}

function stallFigure(what: string, stalls: Stalls | undefined): Figure {
  return {
    what: `${what} stands still: 99 %, longest`,
    asked: '99 % <= 50 ms',
    measured: stalls ? `${spoken.ms(stalls.p99)}, ${spoken.ms(stalls.max)}` : '-',
  };
}
