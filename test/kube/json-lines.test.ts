import { JsonLines } from '../../src/kube/json-lines.ts';
import { anyCharacter } from '../any-character.ts';
import { fc } from '../properties.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('JSON lines', () => {
  it('come out whole and in order however the stream is cut, also inside a character', () => {
    const lines = fc.array(fc.record({ name: fc.string({ unit: anyCharacter }), n: fc.integer() }));
    const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 });
    fc.assert(
      fc.property(lines, cuts, (values, sizes) => {
        const stream = bytes(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
        const parser = new JsonLines();
        const out: unknown[] = [];
        for (let at = 0, cut = 0; at < stream.length; cut += 1) {
          const end = at + (sizes[cut % sizes.length] ?? 1);
          out.push(...parser.push(stream.subarray(at, end)));
          at = end;
        }
        parser.end();
        expect(out).toEqual(values);
      }),
    );
  });

  it.each([
    ['not JSON', bytes('{"a":\n')],
    ['empty', bytes('\n')],
    ['not UTF-8', new Uint8Array([0x22, 0xff, 0x22, 0x0a])],
  ])('refuse a line that is %s', (_, line) => {
    expect(() => [...new JsonLines().push(line)]).toThrow('is not JSON');
  });

  it('give out what came before a bad line', () => {
    const parsed = new JsonLines().push(bytes('1\n2\nx\n'));
    expect([parsed.next().value, parsed.next().value]).toEqual([1, 2]);
    expect(() => parsed.next()).toThrow('is not JSON');
  });

  it('refuse an end inside a line, even where it looks complete', () => {
    const parser = new JsonLines();
    expect([...parser.push(bytes('{}'))]).toEqual([]);
    expect(() => parser.end()).toThrow('the stream ended inside a line, after 2 bytes');
  });

  it('refuse a line above the limit before it is complete', () => {
    const parser = new JsonLines(10);
    expect([...parser.push(bytes('1234567890\n12345'))]).toEqual([1234567890]);
    expect(() => [...parser.push(bytes('678901'))]).toThrow('longer than 10 bytes');
  });

  it('take a line of 10 MiB', () => {
    const value = 'x'.repeat(10 * 1024 * 1024);
    expect([...new JsonLines().push(bytes(`"${value}"\n`))]).toEqual([value]);
  });
});
