import { operatorConfig } from '../src/config.ts';
import { ConfigError } from '../src/errors.ts';
import * as release from '../src/release.ts';

describe('the settings of the operator', () => {
  it('have defaults for everything', () => {
    expect(operatorConfig({})).toEqual({
      watchNamespaces: [],
      podNamespace: '',
      podName: '',
      lease: undefined,
      operatorName: 'kubernetes-image-puller-operator',
      operatorImage: release.operatorImage,
      sleeperImage: release.sleeperImage,
      maxImages: 500,
      allowedRegistries: [],
      allowedTolerationKeys: [],
      priorityClass: undefined,
      maxSurge: '10%',
      progressDeadlineMs: 600_000,
      workers: 10,
      healthPort: 8081,
      metricsPort: 0,
      metricsCertDir: '',
      log: { level: 'info', format: 'auto' },
    });
  });

  it('count a blank variable as absent', () => {
    expect(operatorConfig({ MAX_IMAGES: ' ', LOG_LEVEL: '' })).toEqual(operatorConfig({}));
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(operatorConfig({}))).toBe(true);
  });

  it.each([
    ['', []],
    ['che', ['che']],
    [' che , dev,,che ', ['che', 'dev']],
  ])('take WATCH_NAMESPACE %j as the namespaces %j', (WATCH_NAMESPACE, expected) => {
    expect(operatorConfig({ WATCH_NAMESPACE }).watchNamespaces).toEqual(expected);
  });

  it('take what users may ask for as lists', () => {
    const { allowedRegistries, allowedTolerationKeys } = operatorConfig({
      ALLOWED_REGISTRIES: 'quay.io/team, *.example.com:5000,quay.io/team',
      ALLOWED_TOLERATION_KEYS: 'gpu,example.com/dedicated',
    });
    expect(allowedRegistries).toEqual(['quay.io/team', '*.example.com:5000']);
    expect(allowedTolerationKeys).toEqual(['gpu', 'example.com/dedicated']);
  });

  it('take the name of a PriorityClass', () => {
    expect(operatorConfig({ PRIORITY_CLASS: 'low' }).priorityClass).toBe('low');
  });

  it('stand for election in their own namespace, where that is known', () => {
    const POD_NAMESPACE = 'n';
    const name = '06ff708d.eclipse.che';
    expect(operatorConfig({ POD_NAMESPACE }).lease).toEqual({ namespace: 'n', name });
    expect(operatorConfig({ POD_NAMESPACE, LEASE_NAME: 'mine' }).lease).toEqual({
      namespace: 'n',
      name: 'mine',
    });
    expect(operatorConfig({ POD_NAMESPACE, LEADER_ELECT: 'false' }).lease).toBeUndefined();
    expect(operatorConfig({ LEADER_ELECT: 'false' }).lease).toBeUndefined();
  });

  it('serve metrics where a pod is to be scraped, and nowhere where the port is 0', () => {
    expect(operatorConfig({ POD_NAMESPACE: 'n' }).metricsPort).toBe(8443);
    expect(operatorConfig({ POD_NAMESPACE: 'n', METRICS_PORT: '0' }).metricsPort).toBe(0);
    expect(operatorConfig({ METRICS_PORT: '9443' }).metricsPort).toBe(9443);
  });

  it.each([
    ['3', 3],
    ['25%', '25%'],
    ['100%', '100%'],
  ])('take MAX_SURGE %j as %j', (MAX_SURGE, expected) => {
    expect(operatorConfig({ MAX_SURGE }).maxSurge).toBe(expected);
  });

  it.each([
    ['WATCH_NAMESPACE', 'che;dev'],
    ['WATCH_NAMESPACE', 'Che'],
    ['WATCH_NAMESPACE', 'a'.repeat(64)],
    ['POD_NAMESPACE', 'Bad_NS!'],
    ['POD_NAME', 'a b'],
    ['LEADER_ELECT', 'true'],
    ['LEADER_ELECT', 'yes'],
    ['LEASE_NAME', 'a_b'],
    ['OPERATOR_NAME', 'opérator'],
    ['RELATED_IMAGE_OPERATOR', 'https://quay.io/x'],
    ['RELATED_IMAGE_SLEEPER', 'quay.io/X:1'],
    ['MAX_IMAGES', '0'],
    ['MAX_IMAGES', '1e3'],
    ['MAX_IMAGES', '-5'],
    ['ALLOWED_REGISTRIES', 'team/tool'],
    ['ALLOWED_REGISTRIES', 'https://quay.io'],
    ['ALLOWED_TOLERATION_KEYS', 'a b'],
    ['PRIORITY_CLASS', 'Low'],
    ['MAX_SURGE', '0'],
    ['MAX_SURGE', '0%'],
    ['MAX_SURGE', '101%'],
    ['MAX_SURGE', 'ten'],
    ['PROGRESS_DEADLINE_SECONDS', '0.5'],
    ['PROGRESS_DEADLINE_SECONDS', '99999999999'],
    ['WORKERS', '65'],
    ['HEALTH_PORT', '65536'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_FORMAT', 'xml'],
  ])('refuse %s=%j with a sentence that names both', (name, value) => {
    const read = () => operatorConfig({ [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${name} is ".*": expected `));
  });
});
