import { count, nounCount } from '../../api/text.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { rolloutOf } from '../../status/rollout.ts';
import { podCost, podSpecOf } from '../../status/standing-cost.ts';

/** What the pods of a DaemonSet reserve on a node and on all. */
export function reservationLines(daemonSet: KubeObject | undefined): readonly string[] {
  if (daemonSet === undefined) return [];
  const nodes = rolloutOf(daemonSet).desired;
  const pod = podSpecOf(daemonSet);
  const [first] = pod.containers;
  if (first === undefined) return [];
  const { cpu, memory } = podCost(pod).requests;
  const one = podCost({ containers: [first] }).requests;
  const each = `${cpuText(one.cpu)} CPU and ${memoryText(one.memory)}`;
  const several =
    pod.containers.length === 1 ? '' : `: ${count(pod.containers.length)} times ${each}`;
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
