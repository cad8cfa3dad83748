import { hourly } from './pullers.ts';

describe('what is counted of an idle operator', () => {
  it('is told of an hour only where it was counted for as long as a watch lives', () => {
    expect(hourly(1, 600)).toBe('6');
    expect(hourly(0, 60)).toBe('0 seen; an hour is told from 300 seconds on');
  });
});
