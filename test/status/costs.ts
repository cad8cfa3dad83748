import { cpuQuantity, memoryQuantity } from '../../src/api/quantity.ts';
import type { Amount, Cost } from '../../src/status/pod-cost.ts';

/** `50m 10Mi`. */
export function text({ cpu, memory }: Amount): string {
  return `${cpuQuantity(cpu)} ${memoryQuantity(memory)}`;
}

/** The pods, and what they request and are limited to. */
export function texts({ pods, requests, limits }: Cost): readonly [number, string, string] {
  return [pods, text(requests), text(limits)];
}

/** A container with requests and limits written as `cpu memory`. */
export function aContainer(requests: string, limits?: string) {
  const resources = (words: string) => {
    const [cpu = '', memory = ''] = words.split(' ');
    return { cpu, memory };
  };
  return {
    resources: {
      ...(requests && { requests: resources(requests) }),
      ...(limits && { limits: resources(limits) }),
    },
  };
}
