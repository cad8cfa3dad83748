import { parseSpec } from '../../../src/api/parse.ts';
import { type Outcome, report } from '../../../src/cli/demo/report.ts';
import { plainStyle } from '../../../src/cli/style.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { aCondition, ready } from './scenes.ts';

const nothing: Outcome = {
  objects: [],
  conditions: [],
  findings: [],
  failures: [],
  daemonSets: [],
  requests: [],
  logLines: [],
};

/** The lines under a heading of the report. */
function section(heading: string, outcome: Partial<Outcome>, width = 100): readonly string[] {
  const text = report({ ...nothing, ...outcome }, width, plainStyle);
  const [, rest = ''] = text.split(`${heading}\n`);
  const [lines = ''] = rest.split('\n\n');
  return lines.split('\n').map((line) => line.slice(2));
}

function aDaemonSet(
  requests: readonly { cpu?: string; memory?: string }[],
  { init = {}, desired = 1, whole }: { init?: object; desired?: number; whole?: object } = {},
): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'cache', generation: 1 },
    spec: {
      template: {
        spec: {
          ...(whole && { resources: { requests: whole } }),
          initContainers: [{ resources: { requests: init } }],
          containers: requests.map((each) => ({ resources: { requests: each } })),
        },
      },
    },
    status: { observedGeneration: 1, desiredNumberScheduled: desired },
  };
}

describe('the report', () => {
  it('has sections only for what there is to tell', () => {
    const headings = report(nothing, 80, plainStyle)
      .split('\n')
      .filter((line) => /^\S/.test(line));
    expect(headings).toEqual(['What the operator asked of the API server']);
  });

  it('names the objects', () => {
    const object = (kind: string, name: string) => ({
      apiVersion: 'v1',
      kind,
      metadata: { name },
    });
    const objects = [object('DaemonSet', 'cache'), object('ServiceAccount', 'puller')];
    expect(section('Objects made', { objects })).toEqual([
      'DaemonSet       cache',
      'ServiceAccount  puller',
    ]);
  });

  it('wraps the messages of conditions', () => {
    const [first] = ready;
    const conditions = [
      { ...aCondition('Ready', 'False', 'InvalidImages'), ...first, message: 'one two three four' },
    ];
    expect(section('Conditions', { conditions }, 16)).toEqual([
      'Ready True AllResourcesReady',
      '  one two',
      '  three four',
    ]);
  });

  it('says what keeps containers from starting, and on how many nodes', () => {
    const failures = [
      {
        container: 'bad',
        image: 'registry.invalid/bad:1',
        reasons: ['ErrImagePull', 'ImagePullBackOff'],
        message: 'failed to resolve image: no such host',
        nodes: 3,
      },
    ];
    expect(section('What keeps containers from starting', { failures }, 30)).toEqual([
      'bad: ErrImagePull, ImagePullBackOff on 3 nodes',
      '  registry.invalid/bad:1',
      '  failed to resolve image:',
      '  no such host',
    ]);
  });
});

describe('what was found in the input', () => {
  const told = (images: string, width?: number) =>
    section(
      'What was found in the input',
      { findings: parseSpec({ images, cachingCPULimit: 'lots' }, { maxImages: 500 }).findings },
      width,
    );

  it('is told by field and verdict, worst first', () => {
    expect(told('one=quay.io/a/one:1;two', 60).slice(0, 5)).toEqual([
      'spec.images: left out (InvalidImages)',
      '  - the entry "two" is left out: it has no name; write',
      '    name=image, for example image=two.',
      'spec.cachingCPULimit: replaced by the default (InvalidField)',
      expect.stringMatching(/^ {2}- spec.cachingCPULimit is "lots",/),
    ]);
  });

  it('says alike things once and lists what they are about, however many there are', () => {
    const images = Array.from({ length: 30 }, (_, index) => `My_${index}=quay.io/a/${index}:1`);
    const lines = told(images.join(';'));
    const start = lines.indexOf(
      '  - 30 times: the name "..." cannot be a container\'s; its container is called "...".',
    );
    expect(lines.slice(start + 1)).toHaveLength(30);
    expect(lines[start + 1]).toBe('    My_0   my-0');
    expect(lines.at(-1)).toBe('    My_29  my-29');
  });

  it('puts under each other what does not fit side by side', () => {
    expect(told('My_First_Long_Name=a/b:1;My_Second_Long_Name=a/c:1', 40).slice(-4)).toEqual([
      '    My_First_Long_Name',
      '      my-first-long-name',
      '    My_Second_Long_Name',
      '      my-second-long-name',
    ]);
  });
});

describe('what the cache reserves', () => {
  const told = (...daemonSets: readonly KubeObject[]) =>
    section('What the cache reserves', { daemonSets });

  it('is the sum of the containers of a pod, times the nodes', () => {
    const each = { cpu: '.05', memory: '10Mi' };
    const daemonSet = aDaemonSet(Array(17).fill(each), { init: each, desired: 200 });
    expect(told(daemonSet)).toEqual([
      '850m CPU and 170Mi of memory on each node: 17 times 50m CPU and 10Mi',
      '170 CPU and 33.2Gi on 200 nodes',
    ]);
  });

  it('is the sum of the pods where a long list has several on each node', () => {
    const each = { cpu: '.05', memory: '10Mi' };
    const shards = [40, 20].map((images) => aDaemonSet(Array(images).fill(each), { desired: 2 }));
    expect(told(...shards)).toEqual([
      '3 CPU and 600Mi of memory on each node: 60 times 50m CPU and 10Mi',
      '6 CPU and 1.2Gi on 2 nodes',
    ]);
  });

  describe('where pods have requests of their own', () => {
    const none = { cpu: '0', memory: '0' };
    const aShared = (images: number, requests: object, each = none) =>
      aDaemonSet(Array(images).fill(each), { init: each, desired: 3, whole: requests });

    it('is told once for all images, beside what the Go operator reserves', () => {
      expect(told(aShared(17, { cpu: '.05', memory: '13Mi' }))).toEqual([
        '50m CPU and 13Mi of memory on each node: once for 17 images',
        '150m CPU and 39Mi on 3 nodes',
        '850m CPU and 170Mi on each node are what the Go operator reserves for them by default',
      ]);
    });

    it('is told once for each pod of a long list', () => {
      const requests = { cpu: '.05', memory: '24Mi' };
      expect(told(aShared(40, requests), aShared(40, requests))[0]).toBe(
        '100m CPU and 48Mi of memory on each node: once in each of 2 pods for 80 images',
      );
    });

    it('is told without its parts where one of them is for each image', () => {
      const chosen = aShared(3, { memory: '6Mi' }, { cpu: '5m', memory: '0' });
      expect(told(chosen)[0]).toBe('15m CPU and 6Mi of memory on each node');
    });
  });

  it('is what the init container asks for where that is more', () => {
    const daemonSet = aDaemonSet([{ cpu: '1m', memory: '1Ki' }], {
      init: { cpu: '1500m', memory: '512' },
    });
    expect(told(daemonSet)).toEqual([
      '1.5 CPU and 1Ki of memory on each node',
      '1.5 CPU and 1Ki on 1 node',
    ]);
  });

  it('is nowhere where no node is selected', () => {
    expect(told(aDaemonSet([{ cpu: '50m', memory: '10Mi' }], { desired: 0 }))).toEqual([
      '50m CPU and 10Mi of memory on each node',
      'no node is selected',
    ]);
  });

  it('is nothing where nothing is requested', () => {
    expect(told(aDaemonSet([{}]))[0]).toBe('0m CPU and 0 of memory on each node');
  });
});

describe('what the operator asked of the API server', () => {
  const told = (outcome: Partial<Outcome>) =>
    section('What the operator asked of the API server', outcome);
  const request = (method: string, path: string, code = 200) => ({ method, path, code });

  it('is told one by one for writes, in numbers for reads and refusals', () => {
    const daemonSets = '/apis/apps/v1/namespaces/default/daemonsets';
    const pullers = '/apis/che.eclipse.org/v1alpha1/namespaces/default/kubernetesimagepullers';
    const requests = [
      request('GET', '/apis'),
      request('GET', '/api/v1/configmaps?limit=500'),
      request('GET', '/api/v1/configmaps?watch=true&resourceVersion=1'),
      request('GET', '/api/v1/secrets', 403),
      request('PATCH', `${daemonSets}/cache?fieldManager=x`, 201),
      request('PATCH', `${pullers}/puller/status?fieldManager=x`),
      request('PATCH', `${pullers}/puller/status?fieldManager=x`),
    ];
    expect(told({ requests })).toEqual([
      '3 writes, 3 reads, 1 watch; 1 refused by RBAC',
      '  1  PATCH daemonsets',
      '  2  PATCH kubernetesimagepullers/status',
      'its log has 0 lines, none of them a warning or an error',
    ]);
  });

  it('is told apart for dry runs, which change nothing', () => {
    const path =
      '/apis/apps/v1/namespaces/default/daemonsets/cache-dry-run?fieldManager=x&dryRun=All';
    expect(told({ requests: [request('PATCH', path, 201)] }).slice(0, -1)).toEqual([
      '0 writes, 0 reads, 0 watches, 1 dry run; none refused by RBAC',
    ]);
  });

  it('comes with the warnings of its log', () => {
    const logLines = ['{"level":"info","message":"starting"}', '{"level":"warn","message":"odd"}'];
    expect(told({ logLines }).slice(-2)).toEqual([
      'its log has 2 lines, 1 of them a warning or an error',
      '  {"level":"warn","message":"odd"}',
    ]);
  });
});
