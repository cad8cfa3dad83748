import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { KubeObject } from '../../src/kube/objects.ts';
import { childNames, children } from '../../src/manifests/children.ts';
import { expectGolden, goldenPath } from '../golden.ts';
import { aPuller } from '../pullers.ts';
import { anInput } from './inputs.ts';

const bodies = (puller: KubeObject, openshift = false) =>
  children(anInput(puller, openshift)).map(({ body }) => body);

const podSpecs = (puller: KubeObject, openshift = false) =>
  bodies(puller, openshift)
    .filter(({ kind }) => kind === 'DaemonSet' || kind === 'Deployment')
    .map((body) => (body['spec'] as { template: { spec: PodSpec } }).template.spec);

interface DaemonSetSpec {
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } };
}

interface PodSpec {
  readonly containers: readonly { readonly name: string }[];
}

describe('the children of a puller', () => {
  const inputs = readdirSync(goldenPath('.'))
    .filter((file) => file.endsWith('.input.yaml'))
    .map((file) => file.replace('.input.yaml', ''));

  it.each(inputs)('look like the golden file: %s', (name) => {
    const puller = parse(readFileSync(goldenPath(`${name}.input.yaml`), 'utf8')) as KubeObject;
    expectGolden(`${name}.yaml`, bodies(puller));
    expectGolden(`${name}.openshift.yaml`, bodies(puller, true));
  });

  it.each(['minimal', 'codeready-workspaces', 'one-request'])(
    'have pods with requests of their own where the server keeps them: %s',
    (name) => {
      const puller = parse(readFileSync(goldenPath(`${name}.input.yaml`), 'utf8')) as KubeObject;
      const made = children(anInput(puller, false, { podRequests: 'kept' }));
      const daemonSets = made.filter(({ body }) => body.kind === 'DaemonSet');
      expectGolden(
        `${name}.pod-requests.yaml`,
        daemonSets.map(({ body }) => body),
      );
      // Nothing else knows of it.
      const others = made.filter(({ body }) => body.kind !== 'DaemonSet').map(({ body }) => body);
      expect(bodies(puller)).toEqual(expect.arrayContaining(others));
    },
  );

  it.each(inputs)('have the names that are known without making them: %s', (name) => {
    const puller = parse(readFileSync(goldenPath(`${name}.input.yaml`), 'utf8')) as KubeObject;
    const input = anInput(puller);
    expect(childNames(input.spec).map(({ resource, name }) => `${resource.kind} ${name}`)).toEqual(
      children(input).map(({ resource, body }) => `${resource.kind} ${body.metadata.name}`),
    );
  });

  it('are the same for the same input', () => {
    expect(bodies(aPuller())).toEqual(bodies(aPuller()));
  });

  it('have no DaemonSet where there is nothing to cache', () => {
    const kinds = bodies(aPuller({ images: '{}' })).map(({ kind }) => kind);
    expect(kinds).not.toContain('DaemonSet');
    expect(kinds).toHaveLength(6);
  });

  it('are as many DaemonSets as a long list needs, with a container for each image (row 32)', () => {
    const entries = Array.from(
      { length: 200 },
      (_, index) => `i${index}=quay.io/example/${index}:1`,
    );
    const daemonSets = bodies(aPuller({ images: entries.join(';') })).filter(
      ({ kind }) => kind === 'DaemonSet',
    );
    const names = daemonSets.map(({ metadata }) => metadata.name);
    expect(names).toEqual(expect.arrayContaining(['kubernetes-image-puller']));
    expect(names.length).toBeGreaterThanOrEqual(5);
    const containers = podSpecs(aPuller({ images: entries.join(';') }))
      .slice(0, names.length)
      .map((pod) => pod.containers.map(({ name }) => name));
    for (const each of containers) expect(each.length).toBeLessThanOrEqual(40);
    expect(new Set(containers.flat()).size).toBe(200);
  });

  it('have a selector for each DaemonSet that no pod of another one matches', () => {
    const entries = Array.from(
      { length: 90 },
      (_, index) => `i${index}=quay.io/example/${index}:1`,
    );
    const daemonSets = bodies(aPuller({ images: entries.join(';') }, { uid: 'u1' }))
      .filter(({ kind }) => kind === 'DaemonSet')
      .map(({ spec }) => spec as DaemonSetSpec);
    for (const [at, { selector }] of daemonSets.entries()) {
      const matched = daemonSets.filter(({ template }) =>
        Object.entries(selector.matchLabels).every(
          ([key, value]) => template.metadata.labels[key] === value,
        ),
      );
      expect(matched).toEqual([daemonSets[at]]);
    }
  });

  it('do not change with the order of the list', () => {
    const [forth] = bodies(aPuller({ images: 'a=quay.io/example/a:1;b=quay.io/example/b:1' }));
    const [back] = bodies(aPuller({ images: 'b=quay.io/example/b:1;a=quay.io/example/a:1' }));
    expect(forth).toEqual(back);
  });

  it('give the puller a new pod when its configuration changes, and only then', () => {
    const hash = (puller: KubeObject) =>
      JSON.stringify(bodies(puller).find(({ kind }) => kind === 'Deployment'));
    expect(hash(aPuller({ cachingIntervalHours: '2' }))).not.toBe(hash(aPuller({})));
    expect(hash(aPuller({ cachingIntervalHours: '1' }))).toBe(hash(aPuller({})));
  });

  it('carry the text of the user verbatim in the ConfigMap', () => {
    const images = ' tools=quay.io/example/tools:1 ;\n  bad ; tools=quay.io/example/tools:2 ; ';
    const configMap = bodies(aPuller({ images })).find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'k8s-image-puller',
    );
    expect(configMap?.['data']).toMatchObject({ IMAGES: images, TOLERATIONS: '[]' });
  });
});
