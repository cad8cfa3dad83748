import { seeded } from '../simulation/scheduler.ts';
import { type Point, slopeOf, student } from './slope.ts';

/** A series with a rise and noise, of which this share stays from one point to the next. */
function series(seed: number, { rise = 0, memory = 0, count = 100 } = {}): readonly Point[] {
  const random = seeded(seed);
  let noise = 0;
  return Array.from({ length: count }, (_, x) => {
    // Of twelve uniform numbers the sum is as good as normal.
    const fresh = Array.from({ length: 12 }, random).reduce((total, each) => total + each, -6);
    noise = memory * noise + Math.sqrt(1 - memory ** 2) * fresh;
    return { x, y: rise * x + noise };
  });
}

const seeds = Array.from({ length: 200 }, (_, seed) => seed);

describe('the slope of points', () => {
  it('is that of the line that they lie on, without doubt', () => {
    const { rise, least, most } = slopeOf([0, 1, 2, 3, 4, 5].map((x) => ({ x, y: 7 + 2 * x })));
    expect([rise, least, most]).toEqual([expect.closeTo(2), expect.closeTo(2), expect.closeTo(2)]);
  });

  it('is nothing where nothing changes', () => {
    const flat = [0, 1, 2, 3, 4].map((x) => ({ x, y: 7 }));
    expect(slopeOf(flat)).toEqual({ rise: 0, least: 0, most: 0 });
  });

  it('has the interval that textbooks give it', () => {
    // By hand: rise 0.8, squares of residuals 2.4, error sqrt((2.4 / 3) / 10), t of 3 degrees 3.182.
    const points = [1, 3, 2, 3, 5].map((y, x) => ({ x, y }));
    const { rise, least, most } = slopeOf(points);
    expect(rise).toBeCloseTo(0.8);
    expect(most - rise).toBeCloseTo(3.182 * Math.sqrt(0.08), 2);
    expect(rise - least).toBeCloseTo(3.182 * Math.sqrt(0.08), 2);
  });

  it.each([
    ['that forget each other', 0],
    ['that are much like those before', 0.8],
  ])('has an interval that holds the truth in about 95 of 100 series of points %s', (_, memory) => {
    const held = seeds.filter((seed) => {
      const { least, most } = slopeOf(series(seed, { rise: 0.1, memory }));
      return least <= 0.1 && 0.1 <= most;
    });
    expect(held.length / seeds.length).toBeGreaterThan(0.9);
    expect(held.length / seeds.length).toBeLessThan(0.99);
  });

  it('is above nothing for a leak that comes to four times the noise', () => {
    const seen = seeds.filter(
      (seed) => slopeOf(series(seed, { rise: 0.02, count: 200 })).least > 0,
    );
    expect(seen.length / seeds.length).toBeGreaterThan(0.95);
  });

  it('takes five points at least', () => {
    expect(() => slopeOf(series(0, { count: 4 }))).toThrow('a slope takes 5 points');
  });
});

describe("Student's t", () => {
  // Of any table of the two-sided 95 % points.
  it.each([
    [3, 3.182],
    [5, 2.571],
    [10, 2.228],
    [30, 2.042],
    [120, 1.98],
  ])('of %i degrees of freedom is %f', (freedom, value) => {
    expect(Math.abs(student(freedom) / value - 1)).toBeLessThan(0.002);
  });
});
