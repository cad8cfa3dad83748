import {
  compareQuantities,
  cpuQuantity,
  memoryQuantity,
  parseQuantity,
  type Quantity,
  sameAmount,
} from '../../src/api/quantity.ts';
import { fc } from '../properties.ts';

describe('a quantity', () => {
  it.each([
    ['0', 0n],
    ['-0', 0n],
    ['10Mi', 10n * 2n ** 20n * 10n ** 9n],
    ['10k', 10n ** 13n],
    ['1e3', 10n ** 12n],
    ['1E3', 10n ** 12n],
    ['1e+3', 10n ** 12n],
    ['1E', 10n ** 27n],
    ['1.5Gi', 3n * 2n ** 29n * 10n ** 9n],
    ['.5', 5n * 10n ** 8n],
    ['5.', 5n * 10n ** 9n],
    ['1.G', 10n ** 18n],
    ['+1', 10n ** 9n],
    ['-1', -(10n ** 9n)],
    ['100m', 10n ** 8n],
    ['3u', 3000n],
    ['3n', 3n],
    ['007', 7n * 10n ** 9n],
  ])('has an exact value: %s', (text, nanos) => {
    expect(parseQuantity(text)).toEqual({ nanos });
  });

  it('below a nano-unit counts as one, as nobody asks for something to get nothing', () => {
    expect(parseQuantity('1e-20')).toEqual({ nanos: 1n });
    expect(parseQuantity('.1n')).toEqual({ nanos: 1n });
    expect(parseQuantity('-1e-20')).toEqual({ nanos: -1n });
  });

  it('with a binary suffix is capped below 2^63, as on the API server', () => {
    expect(sameAmount('8Ei', '1000Ei')).toBe(true);
    expect(compareQuantities('7Ei', '8Ei')).toBe(-1);
    expect(compareQuantities('9223372036854775808', '9223372036854775807')).toBe(1);
  });

  it.each([
    ['', 'empty'],
    ['10mi', 'perhaps 10Mi is meant'],
    ['10 Mi', 'perhaps 10Mi is meant'],
    ['10Mi ', 'perhaps 10Mi is meant'],
    ['10MB', 'perhaps 10M or 10Mi is meant'],
    ['10MiB', 'perhaps 10Mi is meant'],
    ['10K', 'perhaps 10k or 10Ki is meant'],
    ['10g', 'perhaps 10G or 10Gi is meant'],
    ['1_000', 'perhaps 1000 is meant'],
    ['1,5', 'perhaps 1.5 is meant'],
    ['\uff11\uff10Mi', 'perhaps 10Mi is meant'],
    ['1e', 'decimal number'],
    ['1E+', 'decimal number'],
    ['1e3.5', 'decimal number'],
    ['0x10', 'decimal number'],
    ['NaN', 'decimal number'],
    ['Infinity', 'decimal number'],
    ['50%', 'decimal number'],
    ['\u221e', 'decimal number'],
    ['m', 'decimal number'],
    ['Mi', 'decimal number'],
    ['.', 'decimal number'],
    ['+', 'decimal number'],
    ['-', 'decimal number'],
    ['e5', 'decimal number'],
    ['1.2.3', 'decimal number'],
    ['1\n', 'perhaps 1 is meant'],
    ['1e999999999', 'decimal number'],
    ['1'.repeat(101), 'longer than 100'],
  ])('is refused with a hint where there is one: %j', (text, reason) => {
    expect(parseQuantity(text)).toEqual({ refusal: expect.stringContaining(reason) });
  });

  it.each([
    ['.05', '50m'],
    ['1024Mi', '1Gi'],
    ['1e3', '1k'],
    ['0', '-0'],
    ['0', '0Mi'],
    ['.2', '200m'],
  ])('is the same in another spelling: %s and %s', (a, b) => {
    expect(sameAmount(a, b)).toBe(true);
    expect(compareQuantities(a, b)).toBe(0);
  });

  it.each([
    ['.0005', '1m'],
    ['1e-20', '1e-3'],
    ['1000001n', '2m'],
    ['.001Ki', '1024m'],
  ])('is the same amount to the server, which keeps thousandths: %s and %s', (a, b) => {
    expect(sameAmount(a, b)).toBe(true);
    expect(sameAmount(b, a)).toBe(true);
  });

  it('is not the same as another, nor as a text that is none', () => {
    expect(sameAmount('1M', '1Mi')).toBe(false);
    expect(sameAmount('1m', '0')).toBe(false);
    expect(sameAmount('1001u', '1m')).toBe(false);
    expect(sameAmount('1', 'one')).toBe(false);
    expect(sameAmount('one', 'one')).toBe(false);
  });

  it('cannot be compared with a text that is none', () => {
    expect(() => compareQuantities('1', '10mi')).toThrow(
      new RangeError('"10mi" is not a quantity'),
    );
  });

  it('keeps the order of numbers', () => {
    const milli = fc.integer({ min: -1_000_000, max: 1_000_000 });
    fc.assert(
      fc.property(milli, milli, (a, b) => {
        expect(compareQuantities(`${a}m`, `${b}m`)).toBe(Math.sign(a - b));
        expect(sameAmount(`${a}m`, `${a}e-3`)).toBe(true);
      }),
    );
  });
});

describe('an amount', () => {
  const nanos = (text: string) => (parseQuantity(text) as Quantity).nanos;

  it.each([
    ['.05', '50m'],
    ['4', '4'],
    ['4.25', '4250m'],
    ['1n', '1m'],
    ['0', '0'],
  ])('of CPU is written in cores or thousandths: %s as %s', (text, written) => {
    expect(cpuQuantity(nanos(text))).toBe(written);
  });

  it.each([
    ['1740Mi', '1740Mi'],
    ['2048Mi', '2Gi'],
    ['.5Gi', '512Mi'],
    ['10M', '10M'],
    ['1000', '1k'],
    ['512', '512'],
    ['1m', '1'],
    ['0', '0'],
  ])('of memory is written without a loss: %s as %s', (text, written) => {
    expect(memoryQuantity(nanos(text))).toBe(written);
  });

  it('of memory is the same when it is read again', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 60n }), (bytes) => {
        expect(nanos(memoryQuantity(bytes * 10n ** 9n))).toBe(bytes * 10n ** 9n);
      }),
    );
  });
});
