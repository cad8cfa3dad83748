import { count, nounCount } from '../../api/text.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { rolloutOfAll } from '../../status/rollout.ts';
import { podCost, podSpecOf } from '../../status/standing-cost.ts';

/** What the pods of a puller's DaemonSets reserve on a node, which has one of each, and on all. */
export function reservationLines(daemonSets: readonly KubeObject[]): readonly string[] {
  const { desired: nodes } = rolloutOfAll(daemonSets);
  const pods = daemonSets.map(podSpecOf);
  const containers = pods.flatMap((pod) => pod.containers);
  const [first] = containers;
  if (first === undefined) return [];
  const costs = pods.map((pod) => podCost(pod).requests);
  const cpu = costs.reduce((sum, cost) => sum + cost.cpu, 0n);
  const memory = costs.reduce((sum, cost) => sum + cost.memory, 0n);
  const one = podCost({ containers: [first] }).requests;
  const each = `${cpuText(one.cpu)} CPU and ${memoryText(one.memory)}`;
  const several = containers.length === 1 ? '' : `: ${count(containers.length)} times ${each}`;
  const onEach = `${cpuText(cpu)} CPU and ${memoryText(memory)} of memory on each node${several}`;
  if (nodes === 0) return [onEach, 'no node is selected'];
  const onAll = `${cpuText(cpu * BigInt(nodes))} CPU and ${memoryText(memory * BigInt(nodes))}`;
  return [onEach, `${onAll} on ${nounCount(nodes, 'node')}`];
}

/** Thousandths of a core, rounded up, or whole and decimal cores from one on. */
function cpuText(nanos: bigint): string {
  const millis = Number((nanos + 999_999n) / 1_000_000n);
  return millis < 1000 ? `${millis}m` : String(millis / 1000);
}

const memoryUnits = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;

/** In the largest unit of which there is at least one, with one decimal where it is not whole. */
function memoryText(nanos: bigint): string {
  const bytes = Number(nanos / 1_000_000_000n);
  const power = bytes < 1 ? 0 : Math.min(6, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)}${memoryUnits[power]}`;
}
