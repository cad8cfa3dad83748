import { parseQuantity } from '../quantity.ts';

/** The value of a quantity in cores, bytes or pieces; the API server has validated it. */
export function quantityValue(text: string): number {
  const quantity = parseQuantity(text);
  if (quantity === undefined) throw new RangeError(`"${text}" is not a quantity`);
  return Number(quantity.nanos) / 1e9;
}
