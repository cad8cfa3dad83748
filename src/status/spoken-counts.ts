import { count, nounCount } from '../api/text.ts';

/** `the image`, `all 3 images`. */
export function all(number: number, noun: string): string {
  return number === 1 ? `the ${noun}` : `all ${nounCount(number, noun)}`;
}

/** `2 of 40 nodes cannot`, or `none of 40 nodes can`. */
export function cannot(some: number, of: number): string {
  if (some < of || of < 2) return `${someOf(some, of)} cannot`;
  return of === 2 ? 'neither of 2 nodes can' : `none of ${nounCount(of, 'node')} can`;
}

/** `2 of 40 nodes`, or `all 40 nodes`. */
export function someOf(some: number, of: number, noun = 'node'): string {
  return some >= of && of > 0 ? all(of, noun) : `${count(some)} of ${nounCount(of, noun)}`;
}

/** Of nodes of which some do: `1 of 3 nodes holds`, `2 of 3 nodes hold`. */
export function holdsOrHold(some: number, of: number): 'holds' | 'hold' {
  return some === 1 || of === 1 ? 'holds' : 'hold';
}
