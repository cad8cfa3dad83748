import { mergedOrder } from './merged-order.ts';

/** Letters are keys of list items; capitals are those that only the live list has. */
describe('the order of a merged list', () => {
  const order = (live: string, applied: string) => mergedOrder([...live], [...applied]).join('');

  it('is the applied one where nothing else is there', () => {
    expect(order('', 'ab')).toBe('ab');
    expect(order('ab', 'ba')).toBe('ba');
  });

  it('keeps live items before the shared one that follows them', () => {
    expect(order('Xa', 'a')).toBe('Xa');
    expect(order('aXb', 'ab')).toBe('aXb');
  });

  it('puts new items behind live ones that nothing shared holds back', () => {
    expect(order('X', 'a')).toBe('Xa');
    expect(order('Xc', 'ac')).toBe('Xac');
  });

  it('lets shared items follow the applied order and live ones stay between them', () => {
    expect(order('aXbYc', 'cba')).toBe('XYcba');
  });

  it('loses and doubles nothing', () => {
    const merged = order('aXbYcZ', 'dcaeb');
    expect([...merged].sort().join('')).toBe('XYZabcde');
  });
});
