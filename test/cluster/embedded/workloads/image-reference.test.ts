import { parseImage } from './image-reference.ts';

const hex = 'a'.repeat(64);

describe('an image reference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['bitnami/nginx:1', 'docker.io/bitnami/nginx:1'],
    ['quay.io/a/b', 'quay.io/a/b:latest'],
    ['localhost/a:1', 'localhost/a:1'],
    ['reg:5000/a', 'reg:5000/a:latest'],
    ['[::1]:5000/a', '[::1]:5000/a:latest'],
    ['Upper/lower:T', 'Upper/lower:T'],
    ['a:5000', 'docker.io/library/a:5000'],
    ['reg:99999999/a', 'reg:99999999/a:latest'],
    [`quay.io/a/b:1@sha256:${hex}`, `quay.io/a/b@sha256:${hex}`],
  ])('%s is spelled out as %s', (text, canonical) => {
    expect(parseImage(text)).toMatchObject({ canonical });
  });

  it.each([
    '',
    'quay.io/a b',
    'quay.io/a/b:',
    'quay.io/a/b@',
    'https://quay.io/a',
    '/b',
    'quay.io//b',
    `quay.io/a:${'t'.repeat(129)}`,
    `quay.io/${'p'.repeat(256)}`,
    'quay.io/a@sha256:abc',
    `quay.io/a@sha256:${hex.toUpperCase()}`,
  ])('%p has an invalid format', (text) => {
    expect(parseImage(text)).toEqual({ error: 'invalid reference format' });
  });

  it('must be in lower case, but for its host and tag', () => {
    expect(parseImage('quay.io/A/b:1')).toEqual({
      error: 'invalid reference format: repository name (A/b) must be lowercase',
    });
  });

  it('is no bare image id', () => {
    expect(parseImage(hex)).toHaveProperty('error');
  });
});
