import { sleep, systemClock } from '../../src/clock.ts';
import { type Bench, lists, nowhere, puller } from './bench-client.ts';
import { type Figures, percentile, spoken } from './figure.ts';
import { goOperator } from './go-operator.ts';
import { isWrite } from './rig.ts';
import type { Subject } from './subject.ts';

/** How many are made one after another, to see how long one takes. */
const inTurn = 30;

/** What a few pullers cost, one after another: writes, time, and what an idle operator does. */
export async function* pullerFigures(bench: Bench, subject: Subject, idleSeconds: number): Figures {
  await bench.quiet();
  yield {
    what: 'resident, no puller',
    asked: '<= 75 MB',
    measured: spoken.megabytes(subject.memory('VmRSS')),
    go: goOperator.residentEmpty,
  };
  const first = (images: string) => puller('bench-first', { images });
  await bench.makeNamespace('bench-first');
  yield {
    what: 'API writes for a new puller',
    asked: '<= 9',
    measured: await writesOf(bench, () =>
      bench.newChildren(1, () => bench.apply(first(lists.two))),
    ),
    go: goOperator.writesNew,
  };
  yield {
    what: 'API writes for a change of its images',
    asked: '<= 5',
    measured: await writesOf(bench, () => bench.apply(first(lists.other))),
    go: goOperator.writesEdit,
  };
  const times = await timesToChild(bench);
  yield {
    what: `puller created until its ${bench.lastChildren[0]?.kind} exists: least, median, 95 % of ${inTurn}`,
    asked: 'p95 <= 100 ms',
    measured: [0, 0.5, 0.95].map((share) => spoken.ms(percentile(times, share))).join(', '),
    go: goOperator.toDaemonSet,
  };
  await bench.quiet();
  yield {
    what: `resident, ${inTurn + 1} pullers`,
    asked: '-',
    measured: spoken.megabytes(subject.memory('VmRSS')),
  };
  yield* idleFigures(bench, subject, idleSeconds);
  yield {
    what: 'resident, peak so far',
    asked: '-',
    measured: spoken.megabytes(subject.memory('VmHWM')),
  };
}

/** Events only tell of what was written, so they are counted beside it. */
async function writesOf(bench: Bench, act: () => Promise<unknown>): Promise<string> {
  const since = bench.rig.position();
  await act();
  await bench.quiet();
  const requests = await bench.rig.requestsSince(since);
  const count = (what: string) => requests.filter(({ about }) => about === what).length;
  const statuses = count('kubernetesimagepullers/status');
  const writes = requests.filter(isWrite).length;
  return `${writes}, of them ${statuses} of status, and ${count('events')} Events`;
}

async function timesToChild(bench: Bench): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < inTurn; index += 1) {
    const name = `bench-${index}`;
    await bench.makeNamespace(name);
    // Its service account and what else a namespace begins with.
    await sleep(systemClock, 200);
    const object = puller(name, { images: lists.two, ...nowhere });
    const [first = Number.NaN] = await bench.newChildren(1, () => bench.apply(object));
    times.push(first);
  }
  return times;
}

/** How long a watch may live: from less, nothing is told of an hour. */
const watchLifeSeconds = 300;

/** A count as of an hour, where it was counted for at least as long as a watch lives. */
export function hourly(count: number, seconds: number): string {
  return seconds < watchLifeSeconds
    ? `${count} seen; an hour is told from ${watchLifeSeconds} seconds on`
    : String(Math.round((count * 3600) / seconds));
}

/** What an operator does that has nothing to do. */
async function* idleFigures(bench: Bench, subject: Subject, idleSeconds: number): Figures {
  subject.leaveAlone();
  const since = bench.rig.position();
  const cpuBefore = subject.cpuSeconds();
  const sockets = new Set(subject.sockets());
  const before = sockets.size;
  const end = performance.now() + idleSeconds * 1000;
  while (performance.now() < end) {
    await sleep(systemClock, 100);
    for (const socket of subject.sockets()) sockets.add(socket);
  }
  const requests = await bench.rig.requestsSince(since);
  const leases = requests.filter(({ about, verb }) => about === 'leases' && verb !== 'get').length;
  const within = `in ${idleSeconds} idle seconds`;
  const cpu = ((subject.cpuSeconds() - cpuBefore) * 60) / idleSeconds;
  yield {
    what: `API writes ${within}, ${inTurn + 1} pullers`,
    asked: '0',
    measured: String(requests.filter(isWrite).length),
    go: goOperator.writesIdle,
  };
  yield {
    what: 'writes of the Lease a minute',
    asked: '<= 31',
    measured: String(Math.round((leases * 60) / idleSeconds)),
    go: goOperator.leaseWrites,
  };
  yield {
    what: `connections opened an hour (from ${idleSeconds} idle seconds)`,
    asked: '<= 2',
    measured: hourly(sockets.size - before, idleSeconds),
  };
  yield {
    what: 'processor time in an idle minute',
    asked: '-',
    measured: `${cpu.toFixed(2)} s`,
    go: goOperator.idleCpu,
  };
}
