/**
 * Quantities in the one spelling that the API server stores, after kubernetes/kubernetes:
 * apimachinery/pkg/api/resource/{quantity,suffix}.go.
 */

const decimalSuffixes: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;
const nano = 1_000_000_000n;

type Format = 'binary' | 'decimal' | 'exponent';

/** A quantity in billionths, rounded up, and the family of suffixes it was written in. */
export interface Quantity {
  readonly nanos: bigint;
  readonly format: Format;
}

/** Undefined where the text is no quantity. */
export function parseQuantity(text: string): Quantity | undefined {
  const [, sign, whole = '', fraction = '', suffix = ''] =
    /^([+-]?)(\d*)\.?(\d*)([A-Za-z]*|[eE][+-]?\d+)$/.exec(text) ?? [];
  if (whole === '' && fraction === '') return undefined;
  const scale = scaleOf(suffix);
  if (scale === undefined) return undefined;
  const digits = BigInt(whole + fraction) * nano * scale.numerator;
  const denominator = 10n ** BigInt(fraction.length) * scale.denominator;
  const nanos = (digits + denominator - 1n) / denominator;
  return { nanos: sign === '-' ? -nanos : nanos, format: scale.format };
}

interface Scale {
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly format: Format;
}

const suffixScales: ReadonlyMap<string, Scale> = new Map([
  ...Object.entries(decimalSuffixes).map(
    ([suffix, power]) => [suffix, powerOfTen(power, 'decimal')] as const,
  ),
  ...binarySuffixes.slice(1).map((suffix, index) => {
    const numerator = 1024n ** BigInt(index + 1);
    return [suffix, { numerator, denominator: 1n, format: 'binary' }] as const;
  }),
]);

function scaleOf(suffix: string): Scale | undefined {
  const known = suffixScales.get(suffix);
  if (known !== undefined) return known;
  const exponent = /^[eE]([+-]?\d+)$/.exec(suffix)?.[1];
  return exponent === undefined ? undefined : powerOfTen(Number(exponent), 'exponent');
}

function powerOfTen(power: number, format: Format): Scale {
  return {
    numerator: 10n ** BigInt(Math.max(power, 0)),
    denominator: 10n ** BigInt(Math.max(-power, 0)),
    format,
  };
}

/**
 * The stored spelling, as `50m` for `.05`, rounded up to a multiple of so many billionths; undefined
 * where the text is no quantity.
 */
export function canonicalQuantity(text: string, unitNanos = 1n): string | undefined {
  const quantity = parseQuantity(text);
  if (quantity === undefined) return undefined;
  return printQuantity({ ...quantity, nanos: roundedUp(quantity.nanos, unitNanos) });
}

/** The stored spelling of an amount. */
export function printQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0';
  if (format === 'binary' && isBinaryPrintable(nanos)) return printBinary(nanos / nano);
  return format === 'exponent' ? printExponent(nanos) : printDecimal(nanos);
}

/** A quantity that the server has stored, and therefore understood. */
export function storedQuantity(text: string): Quantity {
  const quantity = parseQuantity(text);
  if (quantity === undefined) throw new RangeError(`"${text}" is not a quantity`);
  return quantity;
}

/** The sum in the suffixes of the first one, unless that is zero. */
export function addQuantities(left: string, right: string): string {
  const [a, b] = [storedQuantity(left), storedQuantity(right)];
  return printQuantity({
    nanos: a.nanos + b.nanos,
    format: a.nanos === 0n ? b.format : a.format,
  });
}

/** Less than 0 where the first is the smaller one, 0 where both are the same amount. */
export function compareQuantities(left: string, right: string): number {
  const difference = storedQuantity(left).nanos - storedQuantity(right).nanos;
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
}

function roundedUp(nanos: bigint, unit: bigint): bigint {
  const rest = nanos % unit;
  if (rest === 0n) return nanos;
  return rest > 0n ? nanos - rest + unit : nanos - rest;
}

/** Small and fractional amounts are printed in decimal, whatever they were written in. */
function isBinaryPrintable(nanos: bigint): boolean {
  const magnitude = nanos < 0n ? -nanos : nanos;
  return magnitude >= 1024n * nano && nanos % nano === 0n;
}

function printBinary(value: bigint): string {
  let [rest, index] = [value, 0];
  while (rest % 1024n === 0n && index < binarySuffixes.length - 1) {
    rest /= 1024n;
    index += 1;
  }
  return `${rest}${binarySuffixes[index]}`;
}

/** The largest power of a thousand that leaves a whole number. */
function thousands(nanos: bigint, limit: number): { rest: bigint; power: number } {
  let [rest, power] = [nanos, -9];
  while (rest % 1000n === 0n && power < limit) {
    rest /= 1000n;
    power += 3;
  }
  return { rest, power };
}

function printDecimal(nanos: bigint): string {
  const { rest, power } = thousands(nanos, 18);
  const [suffix = ''] = Object.entries(decimalSuffixes).find(([, scale]) => scale === power) ?? [];
  return `${rest}${suffix}`;
}

function printExponent(nanos: bigint): string {
  const { rest, power } = thousands(nanos, Number.MAX_SAFE_INTEGER);
  return power === 0 ? `${rest}` : `${rest}e${power}`;
}
