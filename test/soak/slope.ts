/** Where something stood, and when. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** By how much y rises while x rises by one, with the interval that holds the truth in 95 of 100 cases. */
export interface Slope {
  readonly rise: number;
  readonly least: number;
  readonly most: number;
}

/** Below this many samples the interval says nothing. */
const fewest = 5;

/**
 * The straight line of least squares through points in the order of x. What is measured every second is
 * much the same as a second before, and so many points say less than they seem to: they count as fewer,
 * by how much neighbouring residuals are alike (Santer et al. 2000, J. Geophys. Res. 105, 7337: the
 * effective sample size of an autoregressive series).
 *
 * @throws where there are fewer than five points
 */
export function slopeOf(points: readonly Point[]): Slope {
  if (points.length < fewest) throw new Error(`a slope takes ${fewest} points`);
  const middle = { x: mean(points.map(({ x }) => x)), y: mean(points.map(({ y }) => y)) };
  const spread = sum(points.map(({ x }) => (x - middle.x) ** 2));
  const rise = sum(points.map(({ x, y }) => (x - middle.x) * (y - middle.y))) / spread;
  const residuals = points.map(({ x, y }) => y - middle.y - rise * (x - middle.x));
  const likeness = likenessOf(residuals);
  const samples = Math.max(fewest, (points.length * (1 - likeness)) / (1 + likeness));
  const freedom = samples - 2;
  const squares = sum(residuals.map((residual) => residual ** 2));
  // The mean square of all residuals, as if there were only so many of them.
  const variance = (squares / points.length) * (samples / freedom);
  const error = Math.sqrt(variance / ((spread / points.length) * samples));
  const reach = student(freedom) * error;
  return { rise, least: rise - reach, most: rise + reach };
}

/** How alike neighbours are, from 0 (not at all) to below 1. */
function likenessOf(residuals: readonly number[]): number {
  const squares = sum(residuals.map((residual) => residual ** 2));
  if (squares === 0) return 0;
  const products = residuals.slice(1).map((residual, at) => residual * (residuals[at] ?? 0));
  return Math.min(0.999, Math.max(0, sum(products) / squares));
}

/**
 * The value below which Student's t lies in 97.5 of 100 cases, for three degrees of freedom and more
 * (the Cornish-Fisher expansion: Abramowitz and Stegun, 26.7.5), within a fifth of a percent.
 */
export function student(freedom: number): number {
  const z = 1.959_964;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92_160,
  ];
  return terms.reduce((value, term, at) => value + term / freedom ** (at + 1), z);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
