import { containerNames } from '../../src/api/container-names.ts';
import { shortHash } from '../../src/manifests/names.ts';

/** Container names for user's names, each of its own image `q.io/<index>`. */
function namesOf(...names: string[]): readonly string[] {
  return containerNames(names.map((name, index) => ({ name, reference: referenceOf(index) })));
}

function referenceOf(index: number): string {
  return `q.io/${index}`;
}

const hash = (index: number) => shortHash(referenceOf(index));

describe('a container name', () => {
  it('that is valid as written stays', () => {
    expect(namesOf('java', 'a-b', '0', 'x'.repeat(63))).toEqual([
      'java',
      'a-b',
      '0',
      'x'.repeat(63),
    ]);
  });

  it.each([
    ['my_Image', 'my-image'],
    ['_leading', 'leading'],
    ['trailing__', 'trailing'],
    ['a.b/c d', 'a-b-c-d'],
    ['caf\u00e9', 'caf'],
    ['\u212aelvin', 'elvin'],
    ['\ufeffimage', 'image'],
    ['__proto__', 'proto'],
    ['', 'image'],
    ['___', 'image'],
    ['\u65e5\u672c', 'image'],
  ])('is made of the user’s own: %j', (name, container) => {
    expect(namesOf(name)).toEqual([container]);
  });

  it('that was never a prototype’s stays', () => {
    expect(namesOf('constructor', 'toString', 'hasownproperty')).toEqual([
      'constructor',
      'tostring',
      'hasownproperty',
    ]);
  });

  it('that is too long is cut to 54 characters and told apart by its image', () => {
    expect(namesOf('x'.repeat(82))).toEqual([`${'x'.repeat(54)}-${hash(0)}`]);
    expect(namesOf('x'.repeat(64), 'x'.repeat(65))).toEqual([
      `${'x'.repeat(54)}-${hash(0)}`,
      `${'x'.repeat(54)}-${hash(1)}`,
    ]);
    expect(namesOf('_'.repeat(2 ** 20).concat('A'))).toEqual(['a']);
  });

  it('of the pods themselves is left to them', () => {
    expect(namesOf('copy-sleep', 'Copy_Sleep')).toEqual([
      `copy-sleep-${hash(0)}`,
      `copy-sleep-${hash(1)}`,
    ]);
  });

  it('that was mended gives way to one that is valid as written', () => {
    expect(namesOf('my_image', 'my-image')).toEqual([`my-image-${hash(0)}`, 'my-image']);
  });

  it('that two images would have is told apart in both', () => {
    expect(namesOf('my_image', 'my.image')).toEqual([`my-image-${hash(0)}`, `my-image-${hash(1)}`]);
  });

  it('stays unique against a list that foresees it', () => {
    const foreseen = [`my-image-${hash(0)}`, `my-image-${shortHash(`${referenceOf(0)} 2`)}`];
    const [name, ...others] = namesOf('my_image', 'my-image', ...foreseen);
    expect(others).toEqual(['my-image', ...foreseen]);
    expect(name).toBe(`my-image-${shortHash(`${referenceOf(0)} 3`)}`);
  });
});
