import { type ImageReference, parseImage } from './image-reference.ts';
import { Registries } from './registry.ts';

function reference(text: string): ImageReference {
  const parsed = parseImage(text);
  if ('error' in parsed) throw new Error(parsed.error);
  return parsed;
}

function pull(registries: Registries, image: string, secrets: readonly string[] = []) {
  return registries.pull(reference(image), (name) => secrets.includes(name));
}

describe('a registry', () => {
  it('serves what was pushed to it, by tag and by digest', () => {
    const registries = new Registries();
    const pushed = registries.add('quay.io').push('a/b:1', { user: 1001 });
    expect(pull(registries, 'quay.io/a/b:1')).toEqual({ image: pushed });
    expect(pull(registries, `quay.io/a/b@${pushed.digest}`)).toEqual({ image: pushed });
  });

  it('does not find what was not', () => {
    const registries = new Registries();
    registries.add('quay.io');
    expect(pull(registries, 'quay.io/a/b:1')).toEqual({
      refusal:
        'rpc error: code = NotFound desc = failed to pull and unpack image "quay.io/a/b:1": failed to resolve image: quay.io/a/b:1: not found',
    });
  });

  it('moves a tag and keeps the digest that it left', () => {
    const registries = new Registries();
    const registry = registries.add('quay.io');
    const before = registry.push('a/b:next');
    const after = registry.push('a/b:next', { digest: `sha256:${'1'.repeat(64)}` });
    expect(pull(registries, 'quay.io/a/b:next')).toEqual({ image: after });
    expect(pull(registries, `quay.io/a/b@${before.digest}`)).toEqual({ image: before });
  });

  it('asks for a secret where a repository is not open', () => {
    const registries = new Registries();
    registries.at('quay.io').requireSecret('a/b', 'robot');
    expect(pull(registries, 'quay.io/a/b:1')).toEqual({
      refusal: expect.stringMatching(
        /^failed to pull .* failed to authorize: .*: 401 Unauthorized$/,
      ),
    });
    expect(pull(registries, 'quay.io/a/b:1', ['robot'])).toHaveProperty('image');
  });

  it('refuses connections while it is stopped', () => {
    const registries = new Registries();
    const registry = registries.at('quay.io');
    registry.stop();
    expect(pull(registries, 'quay.io/a/b:1')).toEqual({
      refusal: expect.stringMatching(/dial tcp quay\.io: connect: connection refused$/),
    });
    registry.start();
    expect(pull(registries, 'quay.io/a/b:1')).toHaveProperty('image');
    expect(registry.requests).toEqual(['a/b:1']);
  });

  it('serves anything where nobody added it, always under the same digest', () => {
    const registries = new Registries();
    const first = pull(registries, 'ghcr.io/x/y:1');
    expect(first).toEqual(pull(registries, 'ghcr.io/x/y:1'));
    expect(first).not.toEqual(pull(registries, 'ghcr.io/x/y:2'));
    registries.at('ghcr.io').remove('x/y:1');
    expect(pull(registries, 'ghcr.io/x/y:1')).toHaveProperty('refusal');
  });
});

describe('a host that cannot be reached', () => {
  it.each([
    ['reg:99999999/a:1', 'dial tcp: address 99999999: invalid port'],
    ['no.such.invalid/a:1', 'dial tcp: lookup no.such.invalid: no such host'],
    ['127.0.0.1:9/a:1', 'dial tcp 127.0.0.1:9: connect: connection refused'],
    ['localhost:9/a:1', 'dial tcp localhost:9: connect: connection refused'],
  ])('is named in the refusal of %s', (image, why) => {
    const { refusal } = pull(new Registries(), image) as { refusal: string };
    expect(refusal.endsWith(why)).toBe(true);
  });
});
