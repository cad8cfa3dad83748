import type { RawSpec } from '../../src/api/types.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { children } from '../../src/manifests/children.ts';
import type { PodRequests } from '../../src/manifests/input.ts';
import { type PodSpec, podSpecOf } from '../../src/status/pod-cost.ts';
import { aPuller } from '../pullers.ts';
import { anInput } from './inputs.ts';

function list(count: number): string {
  return Array.from({ length: count }, (_, index) => `i${index}=quay.io/a/${index}:1`).join(';');
}

function daemonSetsOf(spec: RawSpec, podRequests?: PodRequests): readonly KubeObject[] {
  return children(anInput(aPuller(spec), false, { podRequests }))
    .map(({ body }) => body)
    .filter(({ kind }) => kind === 'DaemonSet');
}

function onePod(spec: RawSpec, podRequests: PodRequests = 'kept'): PodSpec {
  const [daemonSet] = daemonSetsOf(spec, podRequests);
  if (daemonSet === undefined) throw new Error('there is no DaemonSet');
  return podSpecOf(daemonSet);
}

function requestsOfContainers({ containers, initContainers = [] }: PodSpec) {
  return new Set(
    [...initContainers, ...containers].map(({ resources }) => JSON.stringify(resources?.requests)),
  );
}

describe('requests for a pod as a whole', () => {
  it.each([
    [1, '5Mi'],
    [2, '5Mi'],
    [3, '6Mi'],
    [10, '9Mi'],
    [40, '24Mi'],
  ])('are the CPU of one image and room for the memory of %i', (count, memory) => {
    const pod = onePod({ images: list(count) });
    expect(pod.resources).toEqual({ requests: { cpu: '.05', memory } });
    expect([...requestsOfContainers(pod)]).toEqual(['{"cpu":"0","memory":"0"}']);
  });

  it('leave the limits with the containers', () => {
    const { containers, initContainers = [] } = onePod({ images: list(2) });
    for (const { resources } of [...containers, ...initContainers]) {
      expect(resources?.limits).toEqual({ cpu: '.2', memory: '20Mi' });
    }
  });

  it.each<[string, RawSpec, object, string]>([
    ['CPU', { cachingCPURequest: '.05' }, { memory: '6Mi' }, '{"cpu":".05","memory":"0"}'],
    ['memory', { cachingMemoryRequest: '10Mi' }, { cpu: '.05' }, '{"cpu":"0","memory":"10Mi"}'],
  ])(
    'are for what the user left open: a chosen %s is for each image, even where it is the default',
    (_, chosen, requests, each) => {
      const pod = onePod({ images: list(3), ...chosen });
      expect(pod.resources).toEqual({ requests });
      expect([...requestsOfContainers(pod)]).toEqual([each]);
    },
  );

  it('count a text that cannot be used as none', () => {
    const pod = onePod({ images: list(1), cachingCPURequest: 'lots', cachingMemoryRequest: ' ' });
    expect(pod.resources).toEqual({ requests: { cpu: '.05', memory: '5Mi' } });
  });

  it('are never above what the containers may use together', () => {
    const limits = { cachingCPULimit: '10m', cachingMemoryLimit: '4Mi' };
    expect(onePod({ images: list(1), ...limits }).resources).toEqual({
      requests: { cpu: '10m', memory: '4Mi' },
    });
    expect(onePod({ images: list(2), ...limits }).resources?.requests?.memory).toBe('5Mi');
  });

  it.each(['0', '0Mi', '-0'])('are what they are without limits where these are %s', (zero) => {
    const limits = { cachingCPULimit: zero, cachingMemoryLimit: zero };
    const pod = onePod({ images: list(3), ...limits });
    expect(pod.resources).toEqual({ requests: { cpu: '.05', memory: '6Mi' } });
    expect([...requestsOfContainers(pod)]).toEqual(['{"cpu":"0","memory":"0"}']);
  });

  it('are made once for each pod of a long list', () => {
    const pods = daemonSetsOf({ images: list(100) }, 'kept').map(podSpecOf);
    expect(pods.length).toBeGreaterThan(2);
    for (const { resources, containers } of pods) {
      const memory = `${Math.ceil(4 + containers.length / 2)}Mi`;
      expect(resources).toEqual({ requests: { cpu: '.05', memory } });
    }
  });

  it('are not there where the user chose both, whatever the server keeps', () => {
    const spec = { images: list(3), cachingCPURequest: '1m', cachingMemoryRequest: '1Mi' };
    expect(daemonSetsOf(spec, 'kept')).toEqual(daemonSetsOf(spec));
  });

  it('are not there where they were refused, which the DaemonSet remembers', () => {
    const [refused] = daemonSetsOf({ images: list(3) }, 'refused');
    const [unknown] = daemonSetsOf({ images: list(3) });
    const requests = { 'che.eclipse.org/requests': 'per-container' };
    expect(refused?.metadata.annotations).toEqual({
      ...unknown?.metadata.annotations,
      ...requests,
    });
    expect(refused?.['spec']).toEqual(unknown?.['spec']);
    expect(unknown?.metadata.annotations).not.toHaveProperty(['che.eclipse.org/requests']);
    expect(onePod({ images: list(3) }, 'refused').resources).toBeUndefined();
  });
});

describe('a limit of zero', () => {
  it.each<[string, RawSpec, object]>([
    [
      'left out beside a request, where the server would refuse it',
      { cachingMemoryLimit: '0' },
      { requests: { cpu: '.05', memory: '10Mi' }, limits: { cpu: '.2' } },
    ],
    [
      'left out beside a request that the user chose',
      { cachingCPURequest: '1m', cachingCPULimit: '0' },
      { requests: { cpu: '1m', memory: '10Mi' }, limits: { memory: '20Mi' } },
    ],
    [
      'kept beside a request of zero',
      { cachingMemoryRequest: '0', cachingMemoryLimit: '0' },
      { requests: { cpu: '.05', memory: '0' }, limits: { cpu: '.2', memory: '0' } },
    ],
  ])('is %s', (_what, spec, resources) => {
    const { containers, initContainers = [] } = onePod({ images: list(2), ...spec }, 'refused');
    expect([...containers, ...initContainers].map((container) => container.resources)).toEqual(
      Array(3).fill(resources),
    );
  });
});
