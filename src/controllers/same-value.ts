import { sameAmount } from '../api/quantity.ts';

/** Where built-in kinds hold quantities, among the fields that we apply. */
const quantityPath = /\.(requests|limits)\.[^.]+$|\.sizeLimit$/;

/** Claims that the server stores what was wanted in another spelling: `.05` comes back as `50m`. */
export function sameValue(path: string, wanted: unknown, found: unknown): boolean {
  return (
    typeof wanted === 'string' &&
    typeof found === 'string' &&
    quantityPath.test(path) &&
    sameAmount(wanted, found)
  );
}
