import { nano } from '../../api/quantity.ts';
import { count, nounCount } from '../../api/text.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { type Amount, type PodSpec, podCost, podSpecOf } from '../../status/pod-cost.ts';
import { rolloutOfAll } from '../../status/rollout.ts';
import { cacheCost, peerReservation } from '../../status/standing-cost.ts';

/**
 * What the pods of a puller's DaemonSets reserve on a node, which has one of each, and on all; and what
 * the Go operator would.
 */
export function reservationLines(daemonSets: readonly KubeObject[]): readonly string[] {
  const pods = daemonSets.map(podSpecOf);
  const images = pods.reduce((total, { containers }) => total + containers.length, 0);
  if (images === 0) return [];
  const { eachNode, allNodes } = cacheCost(daemonSets);
  const { cpu, memory } = eachNode.requests;
  const onEach = `${cpuText(cpu)} CPU and ${memoryText(memory)} of memory on each node${share(pods, images)}`;
  const { desired: nodes } = rolloutOfAll(daemonSets);
  const onAll = `${amountText(allNodes.requests)} on ${nounCount(nodes, 'node')}`;
  return [
    onEach,
    nodes === 0 ? 'no node is selected' : onAll,
    ...(isShared(pods) ? [`${amountText(peerReservation(images))} ${byPeer}`] : []),
  ];
}

const byPeer = 'on each node are what the Go operator reserves for them by default';

/** Claims that pods have requests of their own, instead of one for each image. */
function isShared(pods: readonly PodSpec[]): boolean {
  return pods.some(({ resources }) => resources?.requests !== undefined);
}

/** What the sum is made of, where one sentence can say it. */
function share(pods: readonly PodSpec[], images: number): string {
  if (images === 1) return '';
  if (isShared(pods)) {
    const isWhole = pods.every(
      ({ resources: { requests } = {} }) => requests?.cpu !== undefined && requests.memory,
    );
    const each = pods.length === 1 ? '' : ` in each of ${nounCount(pods.length, 'pod')}`;
    return isWhole ? `: once${each} for ${nounCount(images, 'image')}` : '';
  }
  const [one] = pods.flatMap(({ containers }) => containers);
  const request = podCost({ containers: one === undefined ? [] : [one] }).requests;
  return `: ${count(images)} times ${amountText(request)}`;
}

function amountText({ cpu, memory }: Amount): string {
  return `${cpuText(cpu)} CPU and ${memoryText(memory)}`;
}

/** Thousandths of a core, rounded up, or whole and decimal cores from one on. */
function cpuText(nanos: bigint): string {
  const millis = Number((nanos + 999_999n) / 1_000_000n);
  return millis < 1000 ? `${millis}m` : String(millis / 1000);
}

const memoryUnits = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;

/** In the largest unit of which there is at least one, with one decimal where it is not whole. */
function memoryText(nanos: bigint): string {
  const bytes = Number(nanos / nano);
  const power = bytes < 1 ? 0 : Math.min(6, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)}${memoryUnits[power]}`;
}
