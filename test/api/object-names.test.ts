import { isLabel, isLabelKey, isLabelValue, isSubdomain } from '../../src/api/object-names.ts';

const claims = { isLabel, isSubdomain, isLabelKey, isLabelValue };

it.each([
  [
    'isLabel',
    ['a', 'a-b', '0', 'x'.repeat(63)],
    ['', '-a', 'a-', 'A', 'a.b', 'x'.repeat(64), 'a\n'],
  ],
  [
    'isSubdomain',
    ['a', 'a.b-c.0', 'x'.repeat(253)],
    ['', '.', '..', 'a.', '.a', 'a..b', 'A', 'a_b', 'x'.repeat(254)],
  ],
  [
    'isLabelKey',
    ['a', 'A_b.c', 'kubernetes.io/os', `${'d'.repeat(253)}/${'n'.repeat(63)}`],
    ['', '/', '/a', 'a/', 'a b', 'A.io/a', 'a/b/c', '__proto__', 'n'.repeat(64)],
  ],
  ['isLabelValue', ['', 'a', 'A_b.c', 'x'.repeat(63)], ['-a', 'a-', 'a b', 'x'.repeat(64)]],
] as const)('%s claims exactly the names of its kind', (claim, valid, invalid) => {
  expect(valid.filter((name) => !claims[claim](name))).toEqual([]);
  expect(invalid.filter((name) => claims[claim](name))).toEqual([]);
});

it('no name is slow to refuse', () => {
  for (const claim of Object.values(claims)) {
    expect(claim(`${'a-'.repeat(2 ** 19)}`)).toBe(false);
    expect(claim(`${'a.'.repeat(2 ** 19)}`)).toBe(false);
  }
});
