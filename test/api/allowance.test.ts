import { isAllowedImage, isRegistryPattern } from '../../src/api/allowance.ts';
import { parseSpec } from '../../src/api/parse.ts';
import { parseReference, type Reference } from '../../src/api/reference.ts';
import type { RawSpec } from '../../src/api/types.ts';

const isAllowed = (reference: string, ...patterns: readonly string[]) =>
  isAllowedImage(parseReference(reference) as Reference, patterns);

/** What a spec comes to where the settings allow less than everything. */
function read(raw: RawSpec) {
  const { spec, findings } = parseSpec(raw, {
    maxImages: 500,
    allowedRegistries: ['quay.io/team', '*.example.com'],
    allowedTolerationKeys: ['gpu', 'example.com/dedicated'],
  });
  return {
    spec,
    findings: findings.map(({ verdict, reason, message }) => `${verdict} ${reason}: ${message}`),
  };
}

describe('a pattern of a registry', () => {
  it.each([
    ['quay.io', 'quay.io/a/b:1'],
    ['QUAY.io', 'quay.IO/a/b:1'],
    ['quay.io/team', 'quay.io/team/tool@sha256:'.concat('0'.repeat(64))],
    ['quay.io/team/tool', 'quay.io/team/tool:1'],
    ['quay.io/team-*', 'quay.io/team-a/tool:1'],
    ['quay.io/*/tool', 'quay.io/team/tool:1'],
    ['*.example.com', 'eu.registry.example.com/a:1'],
    ['*', 'localhost/a:1'],
    ['reg*.example.*', 'registry.example.org/a:1'],
    ['registry.example:5000', 'registry.example:5000/a:1'],
    ['*:5000', 'registry.example:5000/a:1'],
    ['[::1]:5000', '[::1]:5000/a:1'],
    ['docker.io', 'nginx'],
    ['docker.io/library', 'nginx:1'],
    ['docker.io/library/nginx', 'index.docker.io/nginx:1'],
    ['docker.io/team', 'team/nginx:1'],
  ])('%s covers %s', (pattern, reference) => {
    expect(isRegistryPattern(pattern)).toBe(true);
    expect(isAllowed(reference, 'other.example', pattern)).toBe(true);
  });

  it.each([
    ['quay.io', 'quay.io.evil.example/a:1'],
    ['quay.io', 'evil.example/quay.io/a:1'],
    ['quay.io', 'quay.io:443/a:1'],
    ['quay.io/team', 'quay.io/team-b/tool:1'],
    ['quay.io/team/tool', 'quay.io/team:1'],
    ['quay.io/*', 'quay.io:5000/team/tool:1'],
    ['*.example.com', 'example.com/a:1'],
    ['*.example.com', 'evil.org/a.example.com/b:1'],
    ['a*b*c.example', 'acb.example/a:1'],
    ['docker.io/library', 'team/nginx:1'],
    ['docker.io', 'localhost/nginx:1'],
  ])('%s does not cover %s', (pattern, reference) => {
    expect(isAllowed(reference, pattern)).toBe(false);
  });

  it('is not looked at where there is none', () => {
    expect(isAllowed('evil.example/a:1')).toBe(true);
  });

  it.each([
    '',
    'team',
    'team/tool',
    '/team',
    'quay.io/',
    'quay.io//a',
    'quay.io/A',
    'https://quay.io',
    'quay.io/a:1',
    'a b.c',
  ])('is none that no image could meet: %j', (text) => {
    expect(isRegistryPattern(text)).toBe(false);
  });

  it('comes to an end, whatever the stars', () => {
    const reference = { domain: `${'a'.repeat(900)}.example`, path: 'x' };
    expect(isAllowedImage(reference, [`${'*a'.repeat(200)}*b.example`])).toBe(false);
  });
});

describe('images of registries that are not allowed', () => {
  it('are left out, and the others are taken', () => {
    const images = 'a=quay.io/team/a:1;b=quay.io/b:1;c=docker.io/c:1;d=eu.example.com/d:1';
    const { spec, findings } = read({ images });
    expect(spec.images.map(({ reference }) => reference)).toEqual([
      'eu.example.com/d:1',
      'quay.io/team/a:1',
    ]);
    expect(findings).toEqual([
      'skip RegistryNotAllowed: spec.images: the entry "b=quay.io/b:1" is left out: ALLOWED_REGISTRIES of the operator allows only "quay.io/team,*.example.com".',
      'skip RegistryNotAllowed: spec.images: the entry "c=docker.io/c:1" is left out: ALLOWED_REGISTRIES of the operator allows only "quay.io/team,*.example.com".',
    ]);
  });

  it('are left out of the default list as well', () => {
    const { spec, findings } = read({});
    expect(spec.images).toEqual([]);
    const rest =
      'is left out: ALLOWED_REGISTRIES of the operator allows only "quay.io/team,*.example.com"; list images of your own, or write {} to cache none.';
    expect(findings).toEqual([
      `skip RegistryNotAllowed: spec.images is unset, and the default image "quay.io/che-incubator/che-code:next" ${rest}`,
      `skip RegistryNotAllowed: spec.images is unset, and the default image "quay.io/devfile/base-developer-image:ubi9-latest" ${rest}`,
    ]);
    expect(read({ images: ';;' }).findings).toEqual([
      ...findings,
      expect.stringMatching(/^fix MendedInput: .* counts as unset/),
    ]);
  });

  it('bring no sleep either', () => {
    const { spec, findings } = read({ images: '{}', imagePullerImage: 'quay.io/mine:1' });
    expect(spec.imagePullerImage).toBeUndefined();
    expect(findings).toEqual([
      'skip RegistryNotAllowed: spec.imagePullerImage is "quay.io/mine:1", so the operator\'s own image is used: ALLOWED_REGISTRIES of the operator allows only "quay.io/team,*.example.com".',
    ]);
    expect(read({ imagePullerImage: 'quay.io/team/mine:1' }).spec.imagePullerImage).toBe(
      'quay.io/team/mine:1',
    );
  });
});

describe('tolerations that are not allowed', () => {
  it('are left out, and the others are taken', () => {
    const tolerations = [
      { key: 'gpu', operator: 'Exists' },
      { operator: 'Exists' },
      { key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' },
      { key: 'example.com/dedicated', value: 'team' },
    ];
    const { spec, findings } = read({ images: '{}', tolerations: JSON.stringify(tolerations) });
    expect(spec.tolerations).toEqual([tolerations[0], tolerations[3]]);
    const rest =
      'and is left out: ALLOWED_TOLERATION_KEYS of the operator allows only "gpu,example.com/dedicated".';
    expect(findings).toEqual([
      `skip TolerationNotAllowed: spec.tolerations: [1] tolerates every taint ${rest}`,
      `skip TolerationNotAllowed: spec.tolerations: [2] tolerates the taint "node-role.kubernetes.io/control-plane" ${rest}`,
    ]);
  });

  it('do not hide that another one is invalid, which holds the spec', () => {
    const { findings } = read({ images: '{}', tolerations: '[{"key":"other"},{"key":"a b"}]' });
    expect(findings).toEqual([expect.stringMatching(/^hold InvalidTolerations/)]);
  });
});
