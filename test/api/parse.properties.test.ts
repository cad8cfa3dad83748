import { isLabel } from '../../src/api/object-names.ts';
import { parseSpec } from '../../src/api/parse.ts';
import { compareQuantities, isZero } from '../../src/api/quantity.ts';
import { type RawSpec, specFields, verdicts } from '../../src/api/types.ts';
import { anyCharacter } from '../any-character.ts';
import { fc } from '../properties.ts';

const settings = { maxImages: 20 };

/** Pieces that lists, quantities and JSON texts are made of, so that some of what comes out is valid. */
const piece = fc.constantFrom(
  ...[';', '=', 'a', 'b', 'A_b', 'copy-sleep', 'quay.io/a/b:1', 'nginx', '@', ':', '/', '-', ' '],
  ...['\n', '{', '}', '[', ']', '"', ',', 'null', '"key"', '"a"', '1', '10Mi', '.', 'e', '\u00e9'],
  ...['__proto__', '\u0000', '\ud800', 'x'.repeat(70), '{}', '[{"operator":"Exists"}]'],
);
const text = fc.oneof(
  fc.string({ unit: anyCharacter }),
  fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
  fc.json({ stringUnit: anyCharacter }),
);
const spec: fc.Arbitrary<RawSpec> = fc.record(
  Object.fromEntries(specFields.map((field) => [field, text])),
  { requiredKeys: [] },
);

const name = fc.oneof(
  fc.constantFrom('a', 'A', 'a_b', 'a.b', 'a-b', 'copy-sleep', 'image', '', '__proto__', '___'),
  fc.string({ unit: fc.constantFrom('a', 'b', '_', '-', '.', 'Z', '\u00e9'), maxLength: 80 }),
);
const entry = fc.record({ name, image: fc.integer({ min: 0, max: 12 }) });
/** Entries whose names and images all differ: none of them stands for another. */
const unrelated = fc
  .uniqueArray(entry, { selector: (one) => one.name, maxLength: 12 })
  .map((entries) => entries.map((one, index) => ({ ...one, image: index })));

const listOf = (entries: readonly { readonly name: string; readonly image: number }[]) =>
  entries.map((one) => `${one.name}=q.io/i${one.image}:1`).join(';');

const imagesOf = (images: string) => parseSpec({ images }, settings).spec.images;

describe('for every spec, reading it', () => {
  it('gives a full, valid spec and the same one again, and leaves its input as it was', () => {
    fc.assert(
      fc.property(spec, (raw) => {
        const before = JSON.stringify(raw);
        const parsed = parseSpec(Object.freeze(raw), settings);
        expect(parseSpec(raw, settings)).toEqual(parsed);
        expect(JSON.stringify(raw)).toBe(before);
        const { requests, limits, cachingIntervalHours } = parsed.spec;
        for (const resource of ['cpu', 'memory'] as const) {
          // A limit of 0 is none.
          const isLimited = !isZero(limits[resource]);
          const order = compareQuantities(requests[resource], limits[resource]);
          expect(isLimited && order > 0).toBe(false);
        }
        expect(compareQuantities(requests.memory, '0')).toBeGreaterThanOrEqual(0);
        expect(cachingIntervalHours).toBeGreaterThanOrEqual(1);
        expect(cachingIntervalHours).toBeLessThanOrEqual(8760);
      }),
      { numRuns: 500 },
    );
  });

  it('does not throw, whatever is stored in place of a text', () => {
    const anything = fc.record(
      Object.fromEntries(specFields.map((field) => [field, fc.anything()])),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(anything, fc.anything()), (raw) => {
        expect(parseSpec(raw as RawSpec, settings).spec.daemonsetName).not.toBe('');
      }),
    );
  });

  it('words findings in printable ASCII, of bounded length, worst first', () => {
    fc.assert(
      fc.property(spec, (raw) => {
        const { findings } = parseSpec(raw, settings);
        for (const { message, reason } of findings) {
          expect(message).toMatch(/^spec[ -~]*\.$/);
          expect(message.length).toBeLessThanOrEqual(700);
          expect(reason).toMatch(/^[A-Z][A-Za-z]+$/);
        }
        const ranks = findings.map(({ verdict }) => verdicts.indexOf(verdict));
        expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });
});

describe('for every list of images', () => {
  it('containers have valid, unique names and are sorted by reference', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }).map(listOf), (list) => {
        const images = imagesOf(list);
        const containers = images.map(({ container }) => container);
        expect(containers.filter((container) => !isLabel(container))).toEqual([]);
        expect(containers).not.toContain('copy-sleep');
        expect(new Set(containers).size).toBe(containers.length);
        const references = images.map(({ reference }) => reference);
        expect(references).toEqual([...references].sort());
        expect(new Set(references).size).toBe(references.length);
      }),
    );
  });

  it('every name of the list is kept as the user wrote it', () => {
    fc.assert(
      fc.property(unrelated, (entries) => {
        // An empty list is a blank text, which means the default images.
        fc.pre(entries.length > 0);
        const names = imagesOf(listOf(entries)).flatMap((image) => image.names);
        expect(names.sort()).toEqual(entries.map((one) => one.name || 'image').sort());
      }),
    );
  });

  it('the order of unrelated entries changes nothing', () => {
    const shuffled = unrelated.chain((entries) =>
      fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
    );
    fc.assert(
      fc.property(shuffled, ([entries, others]) => {
        expect(imagesOf(listOf(others))).toEqual(imagesOf(listOf(entries)));
      }),
    );
  });
});
