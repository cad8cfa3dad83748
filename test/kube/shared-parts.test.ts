import type { KubeObject } from '../../src/kube/objects.ts';
import { sharingEqualParts } from '../../src/kube/shared-parts.ts';

/** As a parser makes it: nothing in it is held by anybody else. */
const parsed = (spec: unknown, name = 'a'): KubeObject =>
  JSON.parse(
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, spec }, spec }),
  ) as KubeObject;
const specOf = (object: KubeObject) => object['spec'] as Record<string, object>;

describe('objects that share what they have in common', () => {
  const values = [
    { deep: [{ port: 1 }, { port: 1 }, []], empty: {}, none: null, yes: true, half: 0.5 },
    'a text',
    'long '.repeat(100),
    'longer '.repeat(1000),
    { a: { b: 'longer '.repeat(1000) } },
    { a: { b: 'other '.repeat(1000) } },
    ['a', 'b'],
    { 0: 'a', 1: 'b' },
    { a: 1, b: 2 },
    { b: 2, a: 1 },
    { a: '1', b: 2 },
    { 'a",1],["b': 2 },
    { 'a:1,b': 2 },
    [{}, 1],
    [{ x: [] }, 1],
    [2, 1],
    [null],
    ['null'],
    { ['__proto__']: { x: 1 } },
  ];

  it('say all that they said before, in the same order', () => {
    const project = sharingEqualParts();
    for (const value of [...values, ...values]) {
      const text = JSON.stringify(parsed(value));
      expect(JSON.stringify(project(parsed(value)))).toBe(text);
    }
  });

  it('hold once what they hold alike, also within one of them', () => {
    const project = sharingEqualParts();
    const one = specOf(project(parsed({ limits: { cpu: '1' }, requests: { cpu: '1' } })));
    const other = specOf(project(parsed({ limits: { cpu: '2' }, requests: { cpu: '1' } })));
    expect(one['requests']).toBe(one['limits']);
    expect(other['requests']).toBe(one['limits']);
    expect(other['limits']).not.toBe(one['limits']);
  });

  it('cannot change what others hold', () => {
    const project = sharingEqualParts();
    const { limits } = specOf(project(parsed({ limits: { cpu: '1', more: { a: 1 } } })));
    expect(() => Object.assign(limits ?? {}, { cpu: '2' })).toThrow(TypeError);
    expect(Object.isFrozen((limits as Record<string, object>)['more'])).toBe(true);
  });

  it('take little more memory than one of them', () => {
    const project = sharingEqualParts();
    const objects = Array.from({ length: 100 }, (_, index) =>
      project(parsed({ template: { containers: [{ name: 'c', ports: [1, 2] }] } }, `n${index}`)),
    );
    expect(new Set(objects.map(specOf)).size).toBe(1);
  });

  it('keep what is long, and whatever contains it, as it is', () => {
    const project = sharingEqualParts();
    const [one, other] = ['x', 'y'].map((last) =>
      specOf(project(parsed({ outer: { data: `${'a'.repeat(5000)}${last}` }, small: { a: '1' } }))),
    );
    expect(one?.['outer']).toEqual({ data: `${'a'.repeat(5000)}x` });
    expect(other?.['outer']).toEqual({ data: `${'a'.repeat(5000)}y` });
    expect(other?.['small']).toBe(one?.['small']);
    const again = specOf(project(parsed({ outer: { data: `${'a'.repeat(5000)}x` } })));
    expect(again['outer']).not.toBe(one?.['outer']);
  });

  it('may be taken in twice, as what a write returned and what a watch tells of it', () => {
    const project = sharingEqualParts();
    const object = project(parsed({ limits: { cpu: '1' } }));
    expect(project(object)).toEqual(parsed({ limits: { cpu: '1' } }));
  });

  it('keep what is in use for others, and forget what nothing was equal to for a while', () => {
    const project = sharingEqualParts(20);
    const used = specOf(project(parsed({ used: { cpu: 'x' } })))['used'];
    const unused = specOf(project(parsed({ unused: { cpu: 'y' } })))['unused'];
    for (let index = 0; index < 100; index += 1) {
      project(parsed({ one: { of: `${index}` } }));
      expect(specOf(project(parsed({ used: { cpu: 'x' } })))['used']).toBe(used);
    }
    const again = specOf(project(parsed({ unused: { cpu: 'y' } })))['unused'];
    expect(again).toEqual(unused);
    expect(again).not.toBe(unused);
  });
});
