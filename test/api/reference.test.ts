import { isImplicitLatest, parseReference } from '../../src/api/reference.ts';

const sha256 = `sha256:${'0123456789abcdef'.repeat(4)}`;
const sha512 = `sha512:${'0123456789abcdef'.repeat(8)}`;

describe('an image reference', () => {
  it.each([
    ['nginx'],
    ['nginx:1.27'],
    ['scratch'],
    ['quay.io/a/b:1'],
    ['QUAY.io/a/b'],
    ['Upper/lower:t'],
    ['localhost/a:1'],
    ['reg:5000/a'],
    ['reg:99999999/a'],
    ['[::1]:5000/a'],
    ['[2001:db8::1]/a'],
    ['quay.io/a__b'],
    ['quay.io/a_b.c---d'],
    ['a:5000'],
    ['example.com'],
    [`quay.io/a:${'t'.repeat(128)}`],
    [`quay.io/${'p'.repeat(255)}`],
    ['p'.repeat(247)],
    [`quay.io/a@${sha256}`],
    [`quay.io/a:tag@${sha256}`],
    [`quay.io/a@sha384:${'ab'.repeat(48)}`],
    [`quay.io/a@${sha512}`],
  ])('is accepted: %s', (text) => {
    expect(parseReference(text)).not.toHaveProperty('refusal');
  });

  it.each([
    ['', 'empty'],
    ['quay.io/a b:1', 'white space'],
    ['quay.io/a\tb:1', 'white space'],
    ['quay.io/a\nb:1', 'white space'],
    ['quay.io/A/b', 'lower case'],
    ['quay.io/a/b:', 'nothing follows its ":"'],
    ['quay.io/a/b@', 'nothing follows its "@"'],
    [`quay.io/a@sha256:${'ab'.repeat(20)}`, '40 hex digits, not 64'],
    [`quay.io/a@sha256:${'AB'.repeat(32)}`, 'lower case'],
    [`quay.io/a@md5:${'ab'.repeat(16)}`, 'sha256, sha384 or sha512'],
    ['quay.io/a@latest', 'sha256, sha384 or sha512'],
    ['0123456789abcdef'.repeat(4), 'image id, not a reference'],
    ['https://quay.io/a', 'drop the scheme'],
    ['docker://quay.io/a', 'drop the scheme'],
    ['//', 'drop the extra slash'],
    ['/b', 'drop the extra slash'],
    ['quay.io//b', 'drop the extra slash'],
    ['a/b/', 'drop the extra slash'],
    ['quay.io/', 'no repository path'],
    [`quay.io/a:${'t'.repeat(129)}`, 'tag has 129 characters'],
    [`quay.io/${'p'.repeat(256)}`, 'path has 256 characters'],
    ['p'.repeat(248), 'path has 256 characters'],
    ['x'.repeat(1025), 'at most 1,024'],
    ['[fe80::1%25eth0]/a', 'registry host'],
    ['../../etc/passwd', 'registry host'],
    ['a..b', 'joined by'],
    ['a___b', 'joined by'],
    ['a-_b', 'joined by'],
    ['a/-a', 'joined by'],
    [';rm', 'joined by'],
    ['$(id)', 'joined by'],
    ['$(KIP_IMAGE)', 'joined by'],
    ['quay.io/a:-t', 'starts with none'],
    ['quay.io/a:t:t', 'tag "t:t"'],
    ['quay.io/caf\u00e9', '\\u00e9'],
    ['quay.io/\uff41', '\\uff41'],
    ['quay.io/a\u200bb', '\\u200b'],
    ['\ufeffquay.io/a', '\\ufeff'],
    ['quay.io/a\u0000', '\\u0000'],
    ['quay.io/a\u202eb', '\\u202e'],
  ])('is refused with a remedy: %j', (text, reason) => {
    expect(parseReference(text)).toEqual({ refusal: expect.stringContaining(reason) });
  });

  it.each([
    ['nginx', { path: 'nginx' }],
    ['library/nginx:1', { path: 'library/nginx', tag: '1' }],
    ['localhost/a:1', { domain: 'localhost', path: 'a', tag: '1' }],
    ['Upper/lower:t', { domain: 'Upper', path: 'lower', tag: 't' }],
    ['a:5000', { path: 'a', tag: '5000' }],
    ['reg:5000/a/b', { domain: 'reg:5000', path: 'a/b' }],
    ['[::1]:5000/a:1', { domain: '[::1]:5000', path: 'a', tag: '1' }],
    [`q.io/a:1@${sha256}`, { domain: 'q.io', path: 'a', tag: '1', digest: sha256 }],
  ])('comes apart as written: %s', (text, parts) => {
    expect(parseReference(text)).toEqual(parts);
  });

  it('means latest only without a tag and a digest', () => {
    expect(isImplicitLatest({ path: 'a' })).toBe(true);
    expect(isImplicitLatest({ path: 'a', tag: 'latest' })).toBe(false);
    expect(isImplicitLatest({ path: 'a', digest: sha256 })).toBe(false);
  });
});

describe('texts made to be slow', () => {
  // A pattern that goes back over what it has read needs minutes for these.
  it.each([
    ['a path of single letters', (n: number) => 'a-'.repeat(n)],
    ['a path of underscores', (n: number) => `a${'_a'.repeat(n)}_`],
    ['a path of slashes', (n: number) => `${'a/'.repeat(n)}-`],
    ['a host of single letters', (n: number) => `${'a.'.repeat(n)}-/a`],
    ['a host of dashes', (n: number) => `a${'-'.repeat(n)}/A:`],
    ['a tag of colons', (n: number) => `a${':'.repeat(n)}`],
  ])('take no longer than others: %s', (_, text) => {
    for (const length of [120, 500, 2 ** 19]) {
      for (let again = 0; again < 200; again += 1) {
        expect(parseReference(text(length))).toHaveProperty('refusal');
      }
    }
  });
});
