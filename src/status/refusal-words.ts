import { cpuQuantity, memoryQuantity, parseQuantity } from '../api/quantity.ts';
import { isRefusal } from '../api/refusal.ts';
import { printable } from '../api/text.ts';

/** Why pods of a DaemonSet do not come into being. */
export interface RefusedPods {
  readonly isQuota: boolean;
  /** Printable, and about 400 characters long at most. */
  readonly says: string;
}

/**
 * What stands before the reason: from the tenth refusal on client-go's recorder says that it tells of
 * several at once (kubernetes/client-go: tools/record/events_cache.go), and each has a pod's name.
 */
const preambles = [
  /^\(combined from similar events\): /,
  /^Error creating: /,
  /^pods "[^"]*" is forbidden: /,
];

/**
 * Reads the message of a FailedCreate Event. Of an exceeded quota it tells how much more it would have
 * to hold for that many pods. (kubernetes/kubernetes: pkg/controller/daemon/daemon_controller.go;
 * staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go)
 */
export function refusedPods(message: string, missing: number): RefusedPods {
  const text = preambles.reduce((rest, preamble) => rest.replace(preamble, ''), message);
  const quota = /^exceeded quota: ([^,]+), requested: (.*), used: (.*), limited: (.*)$/s.exec(text);
  if (!quota) return { isQuota: false, says: printable(text, 400) };
  const [, name = '', requested = '', used = '', limited = ''] = quota;
  const [usedAmounts, limits] = [amounts(used), amounts(limited)];
  const wanting = [...amounts(requested)].flatMap(([resource, amount]) => {
    const limit = limits.get(resource) ?? 0n;
    const more = (usedAmounts.get(resource) ?? 0n) + amount * BigInt(missing) - limit;
    return more > 0n ? [`${spoken(resource, more)} more ${resource}`] : [];
  });
  const says = `the quota ${name} would have to hold ${wanting.join(' and ')}`;
  return { isQuota: true, says: printable(wanting.length === 0 ? text : says, 400) };
}

/** `limits.memory=800Mi,pods=1`, in nano-units. */
function amounts(text: string): ReadonlyMap<string, bigint> {
  return new Map(
    text.split(',').flatMap((pair) => {
      const [resource = '', amount = ''] = pair.trim().split('=');
      const quantity = parseQuantity(amount);
      return isRefusal(quantity) ? [] : [[resource, quantity.nanos] as const];
    }),
  );
}

function spoken(resource: string, nanos: bigint): string {
  return /cpu$/.test(resource) ? cpuQuantity(nanos) : memoryQuantity(nanos);
}
