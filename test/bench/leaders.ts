import { sleep, systemClock } from '../../src/clock.ts';
import { configMaps } from '../../src/kube/objects.ts';
import { defaultConfigMapName } from '../../src/manifests/names.ts';
import { type Bench, lists, nowhere, puller } from './bench-client.ts';
import { type Figure, spoken } from './figure.ts';
import { goOperator } from './go-operator.ts';
import type { Launcher, Subject } from './subject.ts';

const name = 'bench-led';

/**
 * How long there is nobody who writes, when whoever leads is asked to end, and when it is killed. The
 * time runs from the signal until a ConfigMap is there again that was deleted meanwhile. Returns the
 * operator that leads at the end beside the figures.
 */
export async function leaderFigures(
  bench: Bench,
  { launcher, kubeconfig, leader }: { launcher: Launcher; kubeconfig: string; leader: Subject },
): Promise<{ readonly subject: Subject; readonly figures: readonly Figure[] }> {
  await bench.makeNamespace(name);
  const child = bench.newChildren(1, 60_000);
  await bench.apply(puller(name, { images: lists.two, ...nowhere }));
  await child;
  const second = await launcher.launch(kubeconfig);
  const releasedMs = await handedOver(bench, { leader, standby: second, signal: 'SIGTERM' });
  const third = await launcher.launch(kubeconfig);
  const expiredMs = await handedOver(bench, { leader: second, standby: third, signal: 'SIGKILL' });
  return {
    subject: third,
    figures: [
      {
        what: 'leader asked to end (SIGTERM) until another one has written',
        asked: '<= 2.5 s',
        measured: spoken.ms(releasedMs),
        go: goOperator.failover,
      },
      {
        what: 'leader killed (SIGKILL) until another one has written',
        asked: '<= 17 s',
        measured: spoken.ms(expiredMs),
        go: goOperator.failover,
      },
    ],
  };
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
  const configMap = await bench.client.get(configMaps, name, defaultConfigMapName);
  if (configMap === undefined) throw new Error(`there is no ConfigMap in ${name}`);
  await bench.client.remove(configMaps, configMap);
  await bench.until('another leader', async () => {
    return (await bench.client.get(configMaps, name, defaultConfigMapName)) !== undefined;
  });
  return performance.now() - begun;
}
