import { sleep, systemClock } from '../../src/clock.ts';
import { pods } from '../../src/kube/objects.ts';
import { type Bench, puller } from './bench-client.ts';
import { type Figure, type Figures, spoken } from './figure.ts';
import { goOperator } from './go-operator.ts';
import type { LargeRollOut } from './rig.ts';
import type { Launcher, Stalls, Subject } from './subject.ts';

const images = 40;
/** How long memory has to settle: V8 gives back what it does not need when nothing has happened for a while. */
const settleMs = 30_000;
/** Of the puller, which is left behind, and of its namespace. */
export const largeName = 'bench-large';

/** A list of 40 images that comes up on thousands of nodes, and an operator that starts when it is there. */
export async function* scaleFigures(
  bench: Bench,
  { launcher, kubeconfig, roll }: { launcher: Launcher; kubeconfig: string; roll: LargeRollOut },
): Figures {
  await bench.makeNamespace(largeName);
  const subject = await launcher.launch(kubeconfig);
  await subject.ready();
  await bench.quiet();
  yield* rollOutFigures(bench, subject, { roll, isOurs: launcher.isOurs });
  await subject.end('SIGTERM');
  const late = await launcher.launch(kubeconfig);
  const readyMs = await late.ready();
  yield { what: 'started when all pods run: ready', asked: '<= 5 s', measured: spoken.ms(readyMs) };
  await bench.quiet();
  const cpu = late.cpuSeconds();
  yield { what: 'its processor time until quiet', asked: '-', measured: spoken.seconds(cpu) };
  yield stallFigure('its event loop', await late.stalls());
  yield* memoryFigures('its', late);
  await late.end('SIGTERM');
}

async function* rollOutFigures(
  bench: Bench,
  subject: Subject,
  { roll, isOurs }: { roll: LargeRollOut; isOurs: boolean },
): Figures {
  const list = Array.from({ length: images }, (_, i) => `image-${i}=quay.io/example/image-${i}:1`);
  const since = bench.rig.position();
  const cpuBefore = subject.cpuSeconds();
  await subject.stalls();
  const begun = performance.now();
  await bench.newChild(() => bench.apply(puller(largeName, { images: list.join(';') })));
  await roll.run(largeName);
  const over = performance.now();
  // Of another operator it is not known what it says when all pods run.
  if (isOurs) await bench.ready(largeName);
  const lateMs = performance.now() - over;
  const lastedMs = over - begun;
  const cpu = subject.cpuSeconds() - cpuBefore;
  const stalls = await subject.stalls();
  const [pod] = (await bench.client.list(pods, { namespace: largeName, limit: 1 })).items;
  yield {
    what: `${images} images come up on all nodes, a pod having ${JSON.stringify(pod).length} bytes`,
    asked: '-',
    measured: `in ${spoken.seconds(lastedMs / 1000)}`,
    go: goOperator.unseen,
  };
  yield {
    what: 'Ready after the last pod',
    asked: '<= 1 s',
    measured: isOurs ? spoken.ms(lateMs) : 'told of ours only',
  };
  yield {
    what: 'operator processor time for it',
    asked: '<= 10 s',
    measured: spoken.seconds(cpu),
  };
  yield stallFigure('event loop', stalls);
  await bench.quiet();
  const writes = (await bench.rig.requestsSince(since)).filter(
    ({ about }) => about === 'kubernetesimagepullers/status',
  ).length;
  yield {
    what: 'status writes for it',
    asked: `<= ${Math.ceil(lastedMs / 5_000) + 1}: 1 in 5 s`,
    measured: String(writes),
    go: goOperator.unseen,
  };
  yield* memoryFigures('the roll-out’s', subject);
}

/** At most until now, and when it has had time to settle. */
async function* memoryFigures(whose: string, subject: Subject): Figures {
  yield {
    what: `${whose} memory: peak`,
    asked: '<= 120 MB',
    measured: spoken.megabytes(subject.memory('VmHWM')),
  };
  await sleep(systemClock, settleMs);
  yield {
    what: `${whose} memory: settled, ${settleMs / 1000} s later`,
    asked: '<= 90 MB',
    measured: spoken.megabytes(subject.memory('VmRSS')),
  };
}

function stallFigure(what: string, stalls: Stalls | undefined): Figure {
  return {
    what: `${what} stands still: 99 %, longest`,
    asked: '99 % <= 50 ms',
    measured: stalls ? `${spoken.ms(stalls.p99)}, ${spoken.ms(stalls.max)}` : '-',
  };
}
