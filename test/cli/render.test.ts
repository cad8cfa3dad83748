import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { render, toYaml } from '../../src/cli/render.ts';
import { operatorConfig } from '../../src/config.ts';
import { UsageError } from '../../src/errors.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { podSpecOf } from '../../src/status/pod-cost.ts';
import { aPuller } from '../pullers.ts';

const directory = mkdtempSync(join(tmpdir(), 'render-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, `${Math.random().toString(36).slice(2)}.yaml`);
  writeFileSync(path, text);
  return path;
}

function rendered(text: string, ...flags: string[]) {
  const { output, ...others } = render(['-f', file(text), ...flags], operatorConfig({}));
  const objects = parseAllDocuments(output).map((document) => document.toJS() as KubeObject);
  return { objects, ...others };
}

/** A puller whose metadata is this YAML in braces. */
function withMetadata(metadata: string): string {
  return `apiVersion: che.eclipse.org/v1alpha1\nkind: KubernetesImagePuller\nmetadata: {${metadata}}\n`;
}

/** A list of one object of this kind. */
function list(kind: string, others = 'metadata: {name: a}'): string {
  return `apiVersion: v1\nkind: List\nitems: [{kind: ${kind}, ${others}}]\n`;
}

describe('render', () => {
  it('prints the children of every puller in the file', () => {
    const two = [aPuller(), aPuller({}, { name: 'other' })].map(toYaml).join('---\n');
    expect(rendered(two).objects.map(({ kind }) => kind)).toEqual(
      Array.from({ length: 2 }, () => [
        'DaemonSet',
        'ServiceAccount',
        'Role',
        'RoleBinding',
        'ConfigMap',
        'ConfigMap',
        'Deployment',
      ]).flat(),
    );
  });

  it.each([
    ['kubectl prints', 'v1', 'List'],
    ['the API server answers with', 'che.eclipse.org/v1alpha1', 'KubernetesImagePullerList'],
  ])('takes a list of pullers as %s it', (_who, apiVersion, kind) => {
    const list = { apiVersion, kind, metadata: { resourceVersion: '' } };
    const items = [aPuller({}, { uid: 'u1' }), aPuller({}, { name: 'other', uid: 'u2' })];
    expect(rendered(toYaml({ ...list, items }))).toEqual(rendered(items.map(toYaml).join('---\n')));
    const none = /holds no KubernetesImagePuller/;
    expect(() => rendered(toYaml({ ...list, items: [] }))).toThrow(none);
    expect(() => rendered(toYaml({ ...list, items: null }))).toThrow(none);
  });

  it('prints every DaemonSet of a list that needs several', () => {
    const entries = Array.from({ length: 41 }, (_, number) => `i${number}=q.io/i${number}:1`);
    const { objects } = rendered(toYaml(aPuller({ images: entries.join(';') })));
    expect(objects.map(({ metadata }) => metadata.name).slice(0, 2)).toEqual([
      'kubernetes-image-puller',
      'kubernetes-image-puller-s1',
    ]);
  });

  it('leaves out the owner of a puller that no cluster has seen, and says so', () => {
    const { objects, remarks } = rendered(toYaml(aPuller()));
    expect(objects[0]?.metadata).not.toHaveProperty('ownerReferences');
    expect(remarks).toContain(
      'puller: has no uid, so its children are shown without ownerReferences',
    );
  });

  it('makes the puller the owner where it has a uid', () => {
    const { objects, remarks } = rendered(toYaml(aPuller({}, { uid: 'u1' })));
    expect(objects.map(({ metadata }) => metadata.ownerReferences?.[0]?.uid)).toEqual(
      Array(7).fill('u1'),
    );
    expect(remarks).toBe('');
  });

  it('takes an empty uid and an empty namespace for none', () => {
    const { objects, remarks } = rendered(withMetadata(`name: a, namespace: '', uid: ''`));
    expect(objects[0]?.metadata).toMatchObject({ namespace: 'default' });
    expect(objects[0]?.metadata).not.toHaveProperty('ownerReferences');
    expect(remarks).toMatch(/^a: has no uid/);
    expect(rendered(withMetadata('name: a, namespace: , uid: '))).toEqual({
      objects,
      remarks,
      exitCode: 0,
    });
  });

  it('passes over empty documents', () => {
    const { objects } = rendered(`---\n---\n${toYaml(aPuller())}---\n# no more\n---\n`);
    expect(objects).toHaveLength(7);
  });

  it('sets no uids with --openshift', () => {
    expect(toYaml(rendered(toYaml(aPuller()), '--openshift').objects)).not.toContain('runAsUser');
    expect(toYaml(rendered(toYaml(aPuller())).objects)).toContain('runAsUser');
  });

  it('gives pods requests of their own with --pod-requests', () => {
    const requests = (...flags: readonly string[]) =>
      rendered(toYaml(aPuller()), ...flags)
        .objects.filter(({ kind }) => kind === 'DaemonSet')
        .map((daemonSet) => podSpecOf(daemonSet).resources?.requests);
    expect(requests('--pod-requests')).toEqual([{ cpu: '.05', memory: '5Mi' }]);
    expect(requests()).toEqual([undefined]);
  });

  it('tells on the side what it found in the input', () => {
    const { remarks } = rendered(toYaml(aPuller({ images: 'My_Tool=quay.io/example/tool:1' })));
    expect(remarks).toMatch(/^puller: fix MendedInput: .*My_Tool/m);
  });

  it('prints nothing for a spec that is held, and ends with 1', () => {
    const { objects, remarks, exitCode } = rendered(toYaml(aPuller({ nodeSelector: '{' })));
    expect(objects).toEqual([]);
    expect(remarks).toMatch(/its spec is held, so nothing would be applied\n.*InvalidNodeSelector/);
    expect(exitCode).toBe(1);
  });

  it('prints the other pullers beside one that is held, and ends with 1', () => {
    const held = aPuller({ nodeSelector: '{' }, { name: 'held' });
    const { objects, exitCode } = rendered([held, aPuller()].map(toYaml).join('---\n'));
    expect(objects).toHaveLength(7);
    expect(exitCode).toBe(1);
  });

  it('gives its result to the shell', () => {
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
    const statusOf = (...args: string[]) =>
      spawnSync(process.execPath, [main, 'render', ...args], { env: {} }).status;
    expect(statusOf('-f', file(toYaml(aPuller())))).toBe(0);
    expect(statusOf('-f', file(toYaml(aPuller({ affinity: 'near' }))))).toBe(1);
    expect(statusOf('-f', '/does/not/exist.yaml')).toBe(2);
  });

  it.each([
    ['no file', [], /no file is given/],
    ['an unknown flag', ['--fil', 'x'], /--fil/],
    ['a file that is not there', ['-f', '/does/not/exist.yaml'], /cannot be read/],
  ])('refuses %s with a sentence', (_what, args, message) => {
    const run = () => render(args, operatorConfig({}));
    expect(run).toThrow(UsageError);
    expect(run).toThrow(message);
  });

  it.each([
    ['what is not YAML', 'a: [', /is not YAML/],
    ['an empty file', '', /holds no KubernetesImagePuller/],
    ['empty documents', '---\n---\n# nothing\n', /holds no KubernetesImagePuller/],
    ['another kind', 'kind: Pod', /must hold objects of kind KubernetesImagePuller/],
    ['an array', '- 1', /must hold objects/],
    ['a list of another kind', list('Pod'), /must hold objects of kind KubernetesImagePuller/],
    ['a list of lists', list('List', 'apiVersion: v1, items: []'), /must hold objects of kind/],
    ['an alias of nothing', 'kind: *kind', /is not YAML: Unresolved alias/],
    ['aliases that multiply', bomb(), /is not YAML: Excessive alias count/],
    ['no metadata', withMetadata('').replace(/metadata.*/, ''), /without a metadata\.name/],
    ['no name', withMetadata('namespace: a'), /holds a KubernetesImagePuller without a metadata/],
    ['an empty name', withMetadata(`name: ''`), /without a metadata\.name/],
    [
      'a bad name',
      withMetadata('name: Bad_Name'),
      /metadata\.name is "Bad_Name", which is not the/,
    ],
    ['a long name', withMetadata(`name: ${'a'.repeat(254)}`), /which is not the name of an object/],
    ['a number for a name', withMetadata('name: 5'), /metadata\.name is a number, not a string/],
    [
      'a number for a namespace',
      withMetadata('name: a, namespace: 5'),
      /metadata\.namespace is a number, not a string; write its value in quotes/,
    ],
    [
      'a bad namespace',
      withMetadata('name: a, namespace: a.b'),
      /metadata\.namespace is "a\.b", which is not the name of a namespace/,
    ],
    ['a uid of another type', withMetadata('name: a, uid: []'), /metadata\.uid is an array/],
    ['a uid no label can hold', withMetadata('name: a, uid: a b'), /metadata\.uid is "a b"/],
  ])('refuses %s with a sentence', (_what, text, message) => {
    expect(() => rendered(text)).toThrow(UsageError);
    expect(() => rendered(text)).toThrow(message);
  });

  /** Nine lists, each of nine times the one before: hundreds of millions of texts. */
  function bomb(): string {
    const lists = Array.from({ length: 9 }, (_, index) => {
      const item = index === 0 ? 'text' : `*list${index - 1}`;
      return `list${index}: &list${index} [${Array(9).fill(item).join(', ')}]`;
    });
    return lists.join('\n');
  }
});
