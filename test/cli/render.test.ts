import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { render, toYaml } from '../../src/cli/render.ts';
import { operatorConfig } from '../../src/config.ts';
import { UsageError } from '../../src/errors.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';

const directory = mkdtempSync(join(tmpdir(), 'render-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, `${Math.random().toString(36).slice(2)}.yaml`);
  writeFileSync(path, text);
  return path;
}

function rendered(text: string, ...flags: string[]) {
  const { output, remarks } = render(['-f', file(text), ...flags], operatorConfig({}));
  const objects = parseAllDocuments(output).map((document) => document.toJS() as KubeObject);
  return { objects, remarks };
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

  it('sets no uids with --openshift', () => {
    expect(toYaml(rendered(toYaml(aPuller()), '--openshift').objects)).not.toContain('runAsUser');
    expect(toYaml(rendered(toYaml(aPuller())).objects)).toContain('runAsUser');
  });

  it('tells on the side what it found in the input', () => {
    const { remarks } = rendered(toYaml(aPuller({ images: 'My_Tool=quay.io/example/tool:1' })));
    expect(remarks).toMatch(/^puller: fix MendedInput: .*My_Tool/m);
  });

  it('prints nothing for a spec that is held', () => {
    const { objects, remarks } = rendered(toYaml(aPuller({ nodeSelector: '{' })));
    expect(objects).toEqual([]);
    expect(remarks).toMatch(/nothing would be applied\n.*InvalidNodeSelector/);
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
    ['another kind', 'kind: Pod', /must hold objects of kind KubernetesImagePuller/],
    ['a list', '- 1', /must hold objects/],
  ])('refuses %s with a sentence', (_what, text, message) => {
    expect(() => rendered(text)).toThrow(message);
  });
});
