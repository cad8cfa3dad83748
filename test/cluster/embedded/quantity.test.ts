import { canonicalQuantity } from './quantity.ts';

/** The rules are those of apimachinery/pkg/api/resource/quantity.go, CanonicalizeBytes. */
describe('the stored spelling of a quantity', () => {
  it.each([
    ['.05', '50m'],
    ['0.2', '200m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['3000', '3k'],
    ['2e3', '2e3'],
    ['1E3', '1e3'],
    ['100M', '100M'],
    ['1024Mi', '1Gi'],
    ['0.5Gi', '512Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['10485760', '10485760'],
    ['-5Mi', '-5Mi'],
    ['0Mi', '0'],
  ])('of %s is %s', (text, stored) => {
    expect(canonicalQuantity(text)).toBe(stored);
  });

  it('rounds up to the unit of the field', () => {
    expect(canonicalQuantity('0.0001', 1_000_000n)).toBe('1m');
    expect(canonicalQuantity('1100u', 1_000_000n)).toBe('2m');
  });

  it.each(['', '.', 'much', '1..', '1 Gi', '1gb'])('does not exist for "%s"', (text) => {
    expect(canonicalQuantity(text)).toBeUndefined();
  });
});
