/**
 * Orders two resourceVersions of one kind: negative, zero or positive, or undefined where the
 * format of one is not known. They are decimal numbers of any length that clients may compare
 * (KEP-5504); without leading zeros the longer one is the greater.
 */
function compareResourceVersions(a: string, b: string): number | undefined {
  if (a === b) return 0;
  if (!decimal.test(a) || !decimal.test(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}

const decimal = /^(0|[1-9][0-9]*)$/;

/** Claims that `a` is older than `b`; false where they cannot be compared. */
export function isOlder(a: string, b: string): boolean {
  return (compareResourceVersions(a, b) ?? 0) < 0;
}

/** Claims that `a` tells nothing that `b` did not; false where they cannot be compared. */
export function isNoNewer(a: string, b: string): boolean {
  return (compareResourceVersions(a, b) ?? 1) <= 0;
}
