import { isRefusal, type Refusal } from './refusal.ts';
import { quote } from './text.ts';

/** The exact value of a quantity: a whole number of nano-units, the smallest the API server keeps. */
export interface Quantity {
  readonly nanos: bigint;
}

/**
 * Longer texts and larger exponents are refused although the API server reads them: nobody writes
 * them, and they would cost memory and time without bound.
 */
const maxLength = 100;
const maxExponent = 100;

const pattern = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([A-Za-z]{0,2}|[eE][+-]?[0-9]+)$/;

/** Nano-units in a unit. */
export const nano = 10n ** 9n;
/** Nano-units in a thousandth. */
const milli = 10n ** 6n;
/** Binary quantities are capped here (kubernetes/apimachinery: pkg/api/resource/quantity.go). */
const binaryCap = (2n ** 63n - 1n) * nano;

const decimalSuffixes: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const binarySuffixes: ReadonlyMap<string, bigint> = new Map(
  ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((suffix, index) => [suffix, 1024n ** BigInt(index + 1)]),
);

/** The whole units, binary ones last. */
const memoryUnits: readonly (readonly [suffix: string, factor: bigint])[] = [
  ...[...decimalSuffixes]
    .filter(([, exponent]) => exponent >= 0)
    .map(([suffix, exponent]) => [suffix, 10n ** BigInt(exponent)] as const),
  ...binarySuffixes,
];

/**
 * Reads a resource quantity by the API server's grammar (kubernetes/apimachinery:
 * pkg/api/resource/quantity.go, suffix.go), or says what is wrong with it and what was probably
 * meant. Signs are read; whether a negative value makes sense is for the caller to say. Texts without
 * a digit, such as `m`, which the server takes for zero by accident, are refused.
 */
export function parseQuantity(text: string): Quantity | Refusal {
  const nanos = value(text);
  return nanos === undefined ? { refusal: refusal(text) } : { nanos };
}

/**
 * Negative, zero or positive as `a` is less than, equal to or greater than `b`.
 * @throws RangeError if one of the two is not a quantity
 */
export function compareQuantities(a: string, b: string): number {
  const [left, right] = [nanosOf(a), nanosOf(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/**
 * Claims that a quantity is zero: of a limit, that there is none.
 * @throws RangeError if it is no quantity
 */
export function isZero(text: string): boolean {
  return nanosOf(text) === 0n;
}

/**
 * Claims that the API server keeps both texts as one amount of a resource: `.05` is `50m`, `1024Mi` is
 * `1Gi`, and what is finer than a thousandth is rounded up to one (kubernetes/kubernetes:
 * pkg/apis/core/v1/defaults.go, SetDefaults_ResourceList).
 */
export function sameAmount(a: string, b: string): boolean {
  const [left, right] = [value(a), value(b)];
  if (left === undefined || right === undefined) return false;
  return dividedUp(left, milli) === dividedUp(right, milli);
}

/** An amount of CPU in whole cores or in thousandths, `4` or `850m`; what is finer is rounded up. */
export function cpuQuantity(nanos: bigint): string {
  const millis = dividedUp(nanos, milli);
  return millis % 1000n === 0n ? `${millis / 1000n}` : `${millis}m`;
}

/** An amount of memory as people write it, exactly: in the largest unit that leaves no fraction. */
export function memoryQuantity(nanos: bigint): string {
  const bytes = dividedUp(nanos, nano);
  const fits = ([, factor]: readonly [string, bigint]) => bytes % factor === 0n;
  const [suffix, factor] = (bytes !== 0n && memoryUnits.findLast(fits)) || ['', 1n];
  return `${bytes / factor}${suffix}`;
}

function nanosOf(text: string): bigint {
  const quantity = parseQuantity(text);
  if (isRefusal(quantity)) throw new RangeError(`${quote(text)} is not a quantity`);
  return quantity.nanos;
}

function value(text: string): bigint | undefined {
  if (text.length > maxLength) return undefined;
  const [, sign, whole = '', fraction = '', suffix = ''] = pattern.exec(text) ?? [];
  if (whole === '' && fraction === '') return undefined;
  const magnitude = scaled(BigInt(whole + fraction), fraction.length, suffix);
  return sign === '-' && magnitude !== undefined ? -magnitude : magnitude;
}

/** `digits` divided by ten to the `places`, times the suffix, in nano-units. */
function scaled(digits: bigint, places: number, suffix: string): bigint | undefined {
  const factor = binarySuffixes.get(suffix);
  if (factor !== undefined) {
    const nanos = dividedUp(digits * factor * nano, 10n ** BigInt(places));
    return nanos > binaryCap ? binaryCap : nanos;
  }
  const exponent = decimalSuffixes.get(suffix) ?? explicitExponent(suffix);
  if (exponent === undefined) return undefined;
  const shift = exponent + 9 - places;
  return shift >= 0 ? digits * 10n ** BigInt(shift) : dividedUp(digits, 10n ** BigInt(-shift));
}

function explicitExponent(suffix: string): number | undefined {
  if (!/^[eE][+-]?[0-9]/.test(suffix)) return undefined;
  const exponent = Number(suffix.slice(1));
  return Math.abs(exponent) <= maxExponent ? exponent : undefined;
}

/** What is less than a nano-unit counts as one: who asks for something gets something. */
function dividedUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

function refusal(text: string): string {
  if (text === '') return 'it is empty';
  if (text.length > maxLength) return `it is longer than ${maxLength} characters`;
  const meant = suggestions(text);
  const hint = meant.length === 0 ? '' : `; perhaps ${meant.join(' or ')} is meant`;
  return `a quantity is a decimal number and one of the suffixes n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3${hint}`;
}

const intendedSuffixes: ReadonlyMap<string, readonly string[]> = new Map([
  ['', ['']],
  ...['K', 'M', 'G', 'T', 'P', 'E'].flatMap((letter): [string, string[]][] => {
    const decimal = letter === 'K' ? 'k' : letter;
    const lower = letter.toLowerCase();
    return [
      [lower, [decimal, `${letter}i`]],
      [`${lower}b`, [decimal, `${letter}i`]],
      [`${lower}i`, [`${letter}i`]],
      [`${lower}ib`, [`${letter}i`]],
    ];
  }),
]);

/** Valid quantities that a slip of the keyboard may have turned into this text. */
function suggestions(text: string): readonly string[] {
  // Full-width digits and letters become plain ones; a single comma is read as a decimal point.
  const plain = text.normalize('NFKC').replace(/[\s_]/g, '').replace(',', '.');
  if (value(plain) !== undefined) return [plain];
  const [, number = '', suffix = ''] = /^([+-]?[0-9.]+)([A-Za-z]*)$/.exec(plain) ?? [];
  return (intendedSuffixes.get(suffix.toLowerCase()) ?? [])
    .map((intended) => number + intended)
    .filter((candidate) => value(candidate) !== undefined);
}
