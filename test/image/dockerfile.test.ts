import { type ImageConfig, imageConfig, readDockerfile } from '../../.ci/image/dockerfile.ts';
import { type Target, targets } from '../../.ci/image/root.ts';
import { deployment } from '../../src/manifests/operator.ts';
import * as release from '../../src/release.ts';

const dockerfile = readDockerfile();
const releases: Readonly<Record<Target, string>> = {
  operator: release.operatorImage,
  sleeper: release.sleeperImage,
};

/** A Dockerfile with one target, `sleeper`. */
function aDockerfile(...instructions: readonly string[]): string {
  return ['FROM scratch AS sleeper', 'COPY --from=roots /roots/sleeper/ /', ...instructions].join(
    '\n',
  );
}

describe.each(targets)('the target %s of the Dockerfile', (target) => {
  let config: ImageConfig;
  beforeEach(() => {
    config = imageConfig(target, dockerfile);
  });

  it('runs as a numeric user who is not root', () => {
    expect(config.User).toBe('65532:65532');
  });

  it('is called as this release calls it', () => {
    const { name, version, ...labels } = config.Labels;
    expect(releases[target]).toBe(`quay.io/eclipse/${name}:${version}`);
    expect(labels['org.opencontainers.image.title']).toBe(name);
    expect(labels['org.opencontainers.image.version']).toBe(version);
  });

  it.each([
    'vendor',
    'maintainer',
    'release',
    'summary',
    'description',
    'io.k8s.display-name',
    'io.k8s.description',
    'io.openshift.tags',
    'org.opencontainers.image.description',
    'org.opencontainers.image.vendor',
    'org.opencontainers.image.licenses',
  ])('has the label %s', (label) => {
    expect(config.Labels[label]).toMatch(/\w/);
  });
});

describe('the Dockerfile', () => {
  it('starts the operator where no command is given, as the Deployment does', () => {
    const { Entrypoint, Cmd } = imageConfig('operator', dockerfile);
    expect(Entrypoint).toEqual(['/bin/image-puller']);
    expect(deployment()).toMatchObject({
      spec: { template: { spec: { containers: [{ args: Cmd }] } } },
    });
  });

  it('lets the sleeper sleep for ten years', () => {
    const { Entrypoint, Cmd } = imageConfig('sleeper', dockerfile);
    expect([...Entrypoint, ...Cmd]).toEqual(['/bin/sleep', '87600h']);
  });
});

describe('a Dockerfile is read', () => {
  it('with its comments, continued lines, quotes and blanks', () => {
    const text = aDockerfile(
      '# what follows',
      'LABEL a="one two" \\',
      '      b=three',
      'ENV PATH=/bin',
      'USER 1:2',
      'ENTRYPOINT ["/x", "y z"]',
    );
    expect(imageConfig('sleeper', text)).toEqual({
      User: '1:2',
      Env: ['PATH=/bin'],
      Entrypoint: ['/x', 'y z'],
      Cmd: [],
      Labels: { a: 'one two', b: 'three' },
    });
  });

  it('up to the next target', () => {
    const text = aDockerfile('USER 1:2', 'FROM scratch AS operator', 'USER 3:4');
    expect(imageConfig('sleeper', text).User).toBe('1:2');
  });

  it.each([
    ['an instruction that would change files', aDockerfile('RUN touch /x'), 'has a RUN'],
    ['further files', aDockerfile('COPY x /x'), 'nothing else'],
    ['another base', 'FROM debian AS sleeper', 'there is no stage'],
  ])('and refused with %s', (_, text, reason) => {
    expect(() => imageConfig('sleeper', text)).toThrow(reason);
  });
});
