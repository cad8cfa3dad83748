import { type PodSpec, podCost } from '../../src/status/pod-cost.ts';
import { aContainer, text, texts } from './costs.ts';

const aSidecar = (requests: string) => ({ ...aContainer(requests), restartPolicy: 'Always' });

describe('what a pod takes', () => {
  const requests = (pod: PodSpec) => text(podCost(pod).requests);

  it('is the sum of its containers', () => {
    const containers = [aContainer('50m 10Mi', '200m 20Mi'), aContainer('1 1Gi', '2 2Gi')];
    expect(texts(podCost({ containers }))).toEqual([1, '1050m 1034Mi', '2200m 2068Mi']);
  });

  it('is what its largest init container takes, where that is more', () => {
    const initContainers = [aContainer('1 1Ki'), aContainer('2m 2Mi')];
    expect(requests({ initContainers, containers: [aContainer('50m 1Mi')] })).toBe('1 2Mi');
  });

  it('is the sum of its containers and of the sidecars among its init containers', () => {
    const initContainers = [aSidecar('10m 40Mi'), aContainer('20m 5Mi'), aSidecar('5m 2Mi')];
    expect(requests({ initContainers, containers: [aContainer('50m 1Mi')] })).toBe('65m 45Mi');
  });

  it('is what an init container takes beside the sidecars before it, where that is more', () => {
    const initContainers = [aSidecar('10m 4Mi'), aContainer('1 1Mi'), aSidecar('5m 2Mi')];
    expect(requests({ initContainers, containers: [aContainer('50m 1Mi')] })).toBe('1010m 7Mi');
  });

  it('is what the pod as a whole is given, where it is given something', () => {
    const containers = [aContainer('50m 10Mi'), aContainer('50m 10Mi')];
    expect(requests({ ...aContainer('50m 32Mi'), containers })).toBe('50m 32Mi');
  });

  it('is the limit where nothing is requested', () => {
    expect(requests({ containers: [aContainer('', '1 1Gi')] })).toBe('1 1Gi');
    expect(requests({ containers: [aContainer('0 0', '1 1Gi')] })).toBe('0 0');
  });

  it('is nothing where nothing is said', () => {
    expect(requests({ containers: [{}] })).toBe('0 0');
  });
});
