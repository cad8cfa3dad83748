import { type ImageReference, parseImage } from './image-reference.ts';
import { ImageStore } from './image-store.ts';

const image = (digit: string) => ({ digest: `sha256:${digit.repeat(64)}`, user: 0, pullMs: 0 });

function reference(text: string): ImageReference {
  const parsed = parseImage(text);
  if ('error' in parsed) throw new Error(parsed.error);
  return parsed;
}

describe('the images of a node', () => {
  it('are found by the tag and by the digest they were pulled as', () => {
    const store = new ImageStore();
    store.add(reference('quay.io/a:1'), image('1'));
    expect(store.find(reference('quay.io/a:1'))?.image).toEqual(image('1'));
    expect(store.find(reference(`quay.io/a@${image('1').digest}`))?.image).toEqual(image('1'));
    expect(store.find(reference(`quay.io/b@${image('1').digest}`))).toBeUndefined();
  });

  it('are the same image under two repositories with the same content, the first name leading', () => {
    const store = new ImageStore();
    store.add(reference('quay.io/twin-b:1'), image('1'));
    const stored = store.add(reference('quay.io/twin-a:1'), image('1'));
    expect(stored.repoTags).toEqual(['quay.io/twin-a:1', 'quay.io/twin-b:1']);
    expect(store.list()).toEqual([stored]);
  });

  it('are the same image under two digests with the same id', () => {
    const store = new ImageStore();
    const id = image('0').digest;
    store.add(reference('quay.io/a:1'), { ...image('2'), id });
    const stored = store.add(reference('quay.io/a:1'), { ...image('1'), id });
    expect(stored.repoDigests).toEqual(['1', '2'].map((each) => `quay.io/a@${image(each).digest}`));
    expect(stored.repoTags).toEqual(['quay.io/a:1']);
    expect(store.list()).toEqual([stored]);
  });

  it('lose a tag to the image it is pulled as next', () => {
    const store = new ImageStore();
    store.add(reference('quay.io/a:1'), image('1'));
    store.add(reference('quay.io/a:1'), image('2'));
    expect(store.find(reference('quay.io/a:1'))?.image).toEqual(image('2'));
    expect(store.has(image('1'))).toBe(true);
  });

  it('are collected unless they are in use', () => {
    const store = new ImageStore();
    store.add(reference('quay.io/a:1'), image('1'));
    store.add(reference('quay.io/a:2'), image('2'));
    store.collectGarbage(new Set([image('2').digest]));
    expect(store.list().map((stored) => stored.image)).toEqual([image('2')]);
  });
});
