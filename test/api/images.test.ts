import { Findings } from '../../src/api/findings.ts';
import { parseImages } from '../../src/api/images.ts';
import { shortHash } from '../../src/manifests/names.ts';

/** What a list comes to: its images, and its findings as `verdict: message`. */
function read(list: string, maxImages = 500) {
  const findings = new Findings();
  const images = parseImages(list, { maxImages }, findings);
  return {
    images,
    findings: findings.sorted().map(({ verdict, message }) => `${verdict}: ${message}`),
  };
}

/** An image under its own name, in a container of that name. */
function image(name: string, reference: string) {
  return { container: name, reference, names: [name] };
}

const x = image('x', 'q.io/x:1');
const y = image('y', 'q.io/y:1');

describe('a list of images', () => {
  it('is sorted by reference, whatever the order of its entries', () => {
    expect(read('y=q.io/y:1;x=q.io/x:1')).toEqual({ images: [x, y], findings: [] });
    expect(read('x=q.io/x:1;y=q.io/y:1')).toEqual({ images: [x, y], findings: [] });
  });

  it('may end with a separator, break lines and have blanks around entries', () => {
    expect(read('  x=q.io/x:1;\n  y = q.io/y:1 ;\n')).toEqual({ images: [x, y], findings: [] });
  });

  it('says that {} means no images', () => {
    expect(read(' {} ')).toEqual({ images: [], findings: [] });
  });

  it.each([
    [';;x=q.io/x:1;;', '3 empty entries, which are'],
    ['x=q.io/x:1; ;', '1 empty entry, which is'],
  ])('may have empty entries, which are counted and ignored: %s', (list, entries) => {
    expect(read(list)).toEqual({
      images: [x],
      findings: [`fix: spec.images has ${entries} ignored; remove the extra ";".`],
    });
  });

  it.each([
    ['a=b=c', 'more than one "="; write name=image'],
    ['a=b\nc=d', 'more than one "="; separate entries by ";"'],
    ['a=b, c=d', 'more than one "="; separate entries by ";"'],
    ['quay.io/x:1', 'it has no name; write name=image, for example image=quay.io/x:1'],
    ['rm -rf /', 'it is not name=image'],
    ['name=', 'no image follows its "="'],
    ['name=  ', 'no image follows its "="'],
    ['name=https://quay.io/x', '"https://quay.io/x" is not an image reference: it begins with'],
    ['name=quay.io/A/b', 'must be lower case'],
    ['name=quay.io/a\u202eb', '\\u202e'],
  ])('goes on without an entry that cannot be used: %j', (entry, reason) => {
    const { images, findings } = read(`x=q.io/x:1;${entry};y=q.io/y:1`);
    expect(images).toEqual([x, y]);
    expect(findings).toEqual([
      expect.stringMatching(/^skip: spec\.images: the entry ".*" is left out: /),
    ]);
    expect(findings[0]).toContain(reason);
  });

  it('keeps the last of two images with one name', () => {
    expect(read('a=q.io/1:1;b=q.io/2:1;a=q.io/3:1')).toEqual({
      images: [image('b', 'q.io/2:1'), image('a', 'q.io/3:1')],
      findings: [
        'fix: spec.images has the name "a" more than once; the last one counts, so its entry with "q.io/1:1" is left out.',
      ],
    });
  });

  it('tells of an entry that is left out, not of its image, which another one may have', () => {
    const { images, findings } = read('a=q.io/1:1;b=q.io/1:1;a=q.io/2:1');
    expect(images).toEqual([image('b', 'q.io/1:1'), image('a', 'q.io/2:1')]);
    expect(findings).toEqual([expect.stringContaining('its entry with "q.io/1:1" is left out')]);
  });

  it('does not let an unusable entry replace a usable one of that name', () => {
    expect(read('x=q.io/x:1;x=q.io/X:1').images).toEqual([x]);
  });

  it('takes the same entry twice for one', () => {
    expect(read('x=q.io/x:1;y=q.io/y:1;x=q.io/x:1')).toEqual({ images: [x, y], findings: [] });
  });

  it('holds an image with several names in one container', () => {
    expect(read('b=q.io/x:1;a=q.io/x:1;y=q.io/y:1')).toEqual({
      images: [{ container: 'b', reference: 'q.io/x:1', names: ['b', 'a'] }, y],
      findings: ['fix: spec.images: "q.io/x:1" has 2 names, "b" and "a"; one container holds it.'],
    });
    const many = Array.from({ length: 9 }, (_, index) => `n${index}=q.io/x:1`).join(';');
    expect(read(many).findings).toEqual([
      'fix: spec.images: "q.io/x:1" has 9 names, "n0", "n1", "n2" and 6 more; one container holds it.',
    ]);
  });

  it('mends names and keeps the user’s own to speak of', () => {
    expect(read('my_Image=q.io/x:1')).toEqual({
      images: [{ container: 'my-image', reference: 'q.io/x:1', names: ['my_Image'] }],
      findings: [
        'fix: spec.images: the name "my_Image" cannot be a container\'s; its container is called "my-image".',
      ],
    });
  });

  it('names what has no name', () => {
    expect(read('=q.io/x:1;= q.io/y:1')).toEqual({
      images: [
        { container: `image-${shortHash('q.io/x:1')}`, reference: 'q.io/x:1', names: ['image'] },
        { container: `image-${shortHash('q.io/y:1')}`, reference: 'q.io/y:1', names: ['image'] },
      ],
      findings: [
        `fix: spec.images: "q.io/x:1" has no name, and another entry has or gets the name "image", hence the suffix; its container is called "image-${shortHash('q.io/x:1')}".`,
        `fix: spec.images: "q.io/y:1" has no name, and another entry has or gets the name "image", hence the suffix; its container is called "image-${shortHash('q.io/y:1')}".`,
      ],
    });
    expect(read('=q.io/x:1')).toEqual({
      images: [image('image', 'q.io/x:1')],
      findings: ['fix: spec.images: "q.io/x:1" has no name; its container is called "image".'],
    });
  });

  const hash = shortHash('q.io/x:1');

  it.each([
    ['copy-sleep', 'the name "copy-sleep" is reserved for the init container'],
    [
      'Copy_Sleep',
      'the name "Copy_Sleep" cannot be a container\'s, and "copy-sleep" is reserved for the init container',
    ],
  ])('leaves the name of the init container to it: %s', (name, why) => {
    expect(read(`${name}=q.io/x:1`)).toEqual({
      images: [{ container: `copy-sleep-${hash}`, reference: 'q.io/x:1', names: [name] }],
      findings: [
        `fix: spec.images: ${why}, hence the suffix; its container is called "copy-sleep-${hash}".`,
      ],
    });
  });

  it.each(['a-b', 'a.b'])("says where a mended name is another entry's, too: %s", (other) => {
    expect(read(`a_b=q.io/x:1;${other}=q.io/y:1`).findings).toContain(
      `fix: spec.images: the name "a_b" cannot be a container's, and another entry has or gets the name "a-b", hence the suffix; its container is called "a-b-${hash}".`,
    );
  });

  it('may have names that JavaScript’s objects have', () => {
    const { images } = read('__proto__=q.io/x:1;constructor=q.io/y:1');
    expect(images).toEqual([
      { container: 'proto', reference: 'q.io/x:1', names: ['__proto__'] },
      image('constructor', 'q.io/y:1'),
    ]);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  it.each([
    ['x=q.io/x', 'note: spec.images: "q.io/x" has no tag, so "latest" is meant'],
    ['x=nginx', 'note: spec.images: "nginx" has no tag, so "latest" is meant'],
    ['x=a:5000', 'note: spec.images: in "a:5000" 5000 is a tag of "a" on Docker Hub'],
  ])('is taken with a remark where something else may be meant: %s', (list, remark) => {
    const { images, findings } = read(list);
    expect(images).toHaveLength(1);
    expect(findings).toEqual([expect.stringContaining(remark)]);
  });

  it.each([
    ['x=node:20'],
    ['x=fedora:70000'],
    ['x=q.io/a:5000'],
    ['x=team/a:5000'],
    ['x=reg:99999999/a:1'],
    ['x=[::1]:5000/a:1'],
    [`x=q.io/a:1@sha256:${'ab'.repeat(32)}`],
    [`x=q.io/a@sha256:${'ab'.repeat(32)}`],
  ])('is taken without a remark: %s', (list) => {
    expect(read(list).findings).toEqual([]);
  });
});

describe('a list that is too long', () => {
  const entries = (count: number) =>
    Array.from({ length: count }, (_, index) => `n${index}=q.io/${index}:1`).join(';');

  it('has more different images than the operator allows', () => {
    expect(read(entries(500)).images).toHaveLength(500);
    expect(read(entries(501))).toEqual({
      images: undefined,
      findings: [
        "hold: spec.images has 501 different images, and the operator allows 500 images; split the list over several pullers or raise the operator's MAX_IMAGES.",
      ],
    });
  });

  it('may be one image too long', () => {
    expect(read(entries(2), 1).findings).toEqual([
      expect.stringMatching(/^hold: .* has 2 different images, and the operator allows 1 image;/),
    ]);
  });

  it('may repeat itself, up to four entries for each image allowed', () => {
    expect(read('x=q.io/x:1;'.repeat(8), 2).images).toEqual([x]);
    expect(read('x=q.io/x:1;'.repeat(9), 2).findings).toEqual([
      expect.stringMatching(/^hold: spec\.images has more than 8 entries/),
    ]);
  });
});

describe('a mebibyte of text', () => {
  const mebibyte = 2 ** 20;
  const of = (unit: string, start = '') =>
    (start + unit.repeat(Math.ceil(mebibyte / unit.length))).slice(0, mebibyte);

  // Anything that grows faster than the text would need minutes, and end in the time limit.
  it.each([
    ['short entries', of('a=b;')],
    ['separators', of(';')],
    ['equals signs', of('=')],
    ['one name', of('a-')],
    ['one name to be mended', of('_', 'A').slice(0, -3).concat('Z=q')],
    ['one image', of('a-', 'x=')],
    ['one tag', of('.', 'x=a:')],
    ['one digest', of('a', 'x=a@sha256:')],
    ['blanks', of(' ', 'x=a')],
    ['blanks between', of(' ', 'x').slice(0, -2).concat('=a')],
    ['line breaks', of('\n')],
    ['zero-width spaces', of('\u200b')],
    ['1,900 long names', of(`${'_'.repeat(540)}=q.io/x:1;`)],
    ['1,900 bad images', of(`x=q.io/${'a-'.repeat(120)}A${'.'.repeat(300)};`)],
  ])('is read in one go: %s', (_name, text) => {
    expect(text.length).toBe(mebibyte);
    for (let again = 0; again < 10; again += 1) {
      expect(read(text).findings.length).toBeLessThanOrEqual(303);
    }
  });
});
