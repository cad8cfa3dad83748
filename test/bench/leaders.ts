import { sleep, systemClock } from '../../src/clock.ts';
import { type Bench, lists, nowhere, puller } from './bench-client.ts';
import { type Figures, spoken } from './figure.ts';
import { goOperator } from './go-operator.ts';
import type { Launcher, Subject } from './subject.ts';

const name = 'bench-led';

/**
 * How long there is nobody who writes, when whoever leads is asked to end, and when it is killed. The
 * time runs from the signal until a ConfigMap is there again that was deleted meanwhile. Returns the
 * operator that leads at the end. Of one that can only run alone there is no figure, but the reason.
 */
export async function* leaderFigures(
  bench: Bench,
  { launcher, kubeconfig, leader }: { launcher: Launcher; kubeconfig: string; leader: Subject },
): Figures<Subject> {
  if (launcher.alone !== undefined) {
    yield { what: 'left out', asked: '-', measured: launcher.alone };
    return leader;
  }
  await bench.makeNamespace(name);
  await bench.newChildren(1, () => bench.apply(puller(name, { images: lists.two, ...nowhere })));
  // The crowd before may still be looked through.
  await bench.quiet();
  const second = await launcher.launch(kubeconfig);
  const releasedMs = await handedOver(bench, { leader, standby: second, signal: 'SIGTERM' });
  yield {
    what: 'leader asked to end (SIGTERM) until another one has written',
    asked: '<= 2.5 s',
    measured: spoken.ms(releasedMs),
    go: goOperator.failover,
  };
  const third = await launcher.launch(kubeconfig);
  const expiredMs = await handedOver(bench, { leader: second, standby: third, signal: 'SIGKILL' });
  yield {
    what: 'leader killed (SIGKILL) until another one has written',
    asked: '<= 17 s',
    measured: spoken.ms(expiredMs),
    go: goOperator.failover,
  };
  return third;
}

async function handedOver(
  bench: Bench,
  { leader, standby, signal }: { leader: Subject; standby: Subject; signal: 'SIGTERM' | 'SIGKILL' },
): Promise<number> {
  await standby.ready();
  // So that it has seen who leads.
  await sleep(systemClock, 5_000);
  const begun = performance.now();
  await leader.end(signal);
  await bench.removeConfigMap(name);
  await bench.configMapAgain(name);
  return performance.now() - begun;
}
