import { containersTrimmed } from '../../src/manifests/daemon-set.ts';

const cached = (name: string) => ({ name, command: ['/kip/sleep', '87600h'] });
const foreign = { name: 'agent', command: ['/agent'] };

function aDaemonSet(...containers: readonly object[]) {
  const metadata = { name: 'cache' };
  const kind = { apiVersion: 'apps/v1', kind: 'DaemonSet' };
  return { ...kind, metadata, spec: { template: { spec: { containers } } } };
}

describe('what stays in a DaemonSet that others wrote as well', () => {
  it('is what its body has, and the containers that are not of the cache', () => {
    const stored = aDaemonSet(cached('a'), foreign, cached('b'));
    expect(containersTrimmed(aDaemonSet(cached('b'))).patch(stored)).toEqual({
      spec: { template: { spec: { containers: [foreign, cached('b')] } } },
    });
  });

  it('is all of it where nothing of the cache is beside the body', () => {
    const stored = aDaemonSet(foreign, cached('a'));
    expect(containersTrimmed(aDaemonSet(cached('a'))).patch(stored)).toBeUndefined();
  });
});
