import { metricsHosts } from '../../src/manifests/metrics.ts';

describe('the host names of the metrics', () => {
  it('are those of the Service and of a forwarded port', () => {
    expect(metricsHosts('pullers')).toEqual([
      'localhost',
      'kubernetes-image-puller-operator-manager-metrics-service.pullers.svc',
    ]);
  });

  it('are those of the machine alone outside a pod', () => {
    expect(metricsHosts('')).toEqual(['localhost']);
  });
});
