import { parseQuantity } from '../../api/quantity.ts';
import { isRefusal } from '../../api/refusal.ts';
import { count, nounCount } from '../../api/text.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { rolloutOf } from '../../status/rollout.ts';

/**
 * What the pods of a DaemonSet reserve on a node and on all: of init containers, which run alone and
 * one by one, the largest request counts, of the others the sum (Kubernetes documentation, "Init
 * Containers", "Resource sharing within containers").
 */
export function reservationLines(daemonSet: KubeObject | undefined): readonly string[] {
  if (daemonSet === undefined) return [];
  const nodes = rolloutOf(daemonSet).desired;
  const { initContainers = [], containers } = (daemonSet['spec'] as DaemonSetSpec).template.spec;
  const [first] = containers;
  if (first === undefined) return [];
  const of = (resource: 'cpu' | 'memory') => {
    const sum = containers.reduce((total, container) => total + request(container, resource), 0n);
    return initContainers
      .map((container) => request(container, resource))
      .reduce((most, value) => (value > most ? value : most), sum);
  };
  const [cpu, memory] = [of('cpu'), of('memory')];
  const each = `${cpuText(request(first, 'cpu'))} CPU and ${memoryText(request(first, 'memory'))}`;
  const several = containers.length === 1 ? '' : `: ${count(containers.length)} times ${each}`;
  const onEach = `${cpuText(cpu)} CPU and ${memoryText(memory)} of memory on each node${several}`;
  if (nodes === 0) return [onEach, 'no node is selected'];
  const onAll = `${cpuText(cpu * BigInt(nodes))} CPU and ${memoryText(memory * BigInt(nodes))}`;
  return [onEach, `${onAll} on ${nounCount(nodes, 'node')}`];
}

interface Container {
  readonly resources?: { readonly requests?: { readonly cpu?: string; readonly memory?: string } };
}

interface DaemonSetSpec {
  readonly template: {
    readonly spec: {
      readonly initContainers?: readonly Container[];
      readonly containers: readonly Container[];
    };
  };
}

/** In nano-units; 0 where nothing is requested. */
function request({ resources }: Container, resource: 'cpu' | 'memory'): bigint {
  const quantity = parseQuantity(resources?.requests?.[resource] ?? '0');
  return isRefusal(quantity) ? 0n : quantity.nanos;
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
