import { parseSpec } from '../../src/api/parse.ts';
import { type Figure, median } from './figure.ts';

const mebibyte = 2 ** 20;

/** The median of many runs in milliseconds, after some that do not count. */
function timed(run: () => unknown): number {
  const once = () => {
    const begun = performance.now();
    run();
    return performance.now() - begun;
  };
  for (let warmUp = 0; warmUp < 10; warmUp += 1) once();
  return median(Array.from({ length: 51 }, once));
}

/** Exactly one mebibyte of entries, as many as fit, and white space. */
function oneMebibyteOf(entry: (index: number) => string): string {
  const parts: string[] = [];
  let length = 0;
  for (let index = 0; ; index += 1) {
    const text = `${entry(index)};`;
    if (length + text.length > mebibyte) break;
    parts.push(text);
    length += text.length;
  }
  return parts.join('').padEnd(mebibyte);
}

/** Reading a list of one mebibyte as the operator does it, and the largest list that it reads entry by entry. */
export function* parsingFigures(): Generator<Figure> {
  const path = 'team/'.repeat(50);
  const full = Array.from(
    { length: 2000 },
    (_, index) => `My_${index}=registry.example/${path}${'x'.repeat(180)}/${index % 500}:1`,
  );
  const lists: readonly (readonly [string, string])[] = [
    [
      '1 MiB of short entries (too large: held)',
      oneMebibyteOf((i) => `i${i}=quay.io/example/${i}:1`),
    ],
    [
      '1 MiB of bad entries (too large: held)',
      oneMebibyteOf((i) => `B_${i}=quay.io/Example/${i}:1`),
    ],
    ['1 MiB without a separator (too large: held)', 'a-'.repeat(mebibyte / 2)],
    ['as much as is read: 500 images, 2,000 names', full.join(';')],
  ];
  for (const [what, images] of lists) {
    yield {
      what: `${what}, ${Math.round(images.length / 1024)} KiB`,
      asked: '<= 10 ms',
      measured: `${timed(() => parseSpec({ images }, { maxImages: 500 })).toFixed(2)} ms`,
    };
  }
}
