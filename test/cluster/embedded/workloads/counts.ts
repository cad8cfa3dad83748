/** A number of nodes or replicas, or a percentage of them. */
export type IntOrPercent = number | string;

/**
 * Resolves a percentage of `total`, rounded up or down; plain numbers stay as they are.
 * (kubernetes/kubernetes: apimachinery/pkg/util/intstr, GetScaledValueFromIntOrPercent)
 */
export function scaled(value: IntOrPercent, total: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const percent = /^([0-9]+)%$/.exec(value)?.[1];
  if (percent === undefined)
    throw new RangeError(`"${value}" is neither a number nor a percentage`);
  const exact = (Number(percent) * total) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}
