import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoOptions } from '../../../src/cli/demo/options.ts';
import { toYaml } from '../../../src/cli/render.ts';
import { UsageError } from '../../../src/errors.ts';
import { aPuller } from '../../pullers.ts';

const directory = mkdtempSync(join(tmpdir(), 'demo-options-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const sample = file('sample.yaml', toYaml(aPuller({ images: 'a=b' }, { name: 'sample' })));
const two = file('two.yaml', `${toYaml(aPuller())}---\n${toYaml(aPuller({}, { name: 'other' }))}`);
const options = (...args: string[]) => demoOptions(args, sample);

describe('the arguments of the demo', () => {
  it('are the sample on five nodes where none are given', () => {
    expect(options()).toMatchObject({
      nodes: 5,
      puller: { metadata: { name: 'sample' }, spec: { images: 'a=b' } },
    });
  });

  it('make a puller of a list of images', () => {
    expect(options('--images', 'x=y', '--nodes', '200')).toEqual({
      nodes: 200,
      keep: false,
      puller: {
        apiVersion: 'che.eclipse.org/v1alpha1',
        kind: 'KubernetesImagePuller',
        metadata: { name: 'image-puller', namespace: 'default' },
        spec: { images: 'x=y' },
      },
    });
  });

  it('take from a file what its user wrote, and not what a cluster added', () => {
    const metadata = { labels: { a: 'b' }, uid: 'u', resourceVersion: '7', managedFields: [] };
    const stored = { ...aPuller({ images: 'x=y' }, metadata), status: { nodesReady: 3 } };
    expect(options('--file', file('stored.yaml', toYaml(stored)))?.puller).toEqual(
      aPuller({ images: 'x=y' }, { labels: { a: 'b' } }),
    );
  });

  it('put a puller without namespace into default', () => {
    const { namespace: _none, ...metadata } = aPuller().metadata;
    const path = file('bare.yaml', toYaml({ ...aPuller(), metadata }));
    expect(options('-f', path)?.puller.metadata.namespace).toBe('default');
  });

  it('can ask for a cluster that stays', () => {
    expect(options('--keep')).toMatchObject({ keep: true });
  });

  it('can ask for the usage alone', () => {
    expect(options('--help', '--nodes', 'x')).toBeUndefined();
  });

  it.each([
    ['no nodes', ['--nodes', '0'], '--nodes is "0": expected a whole number from 1 to 200'],
    ['too many nodes', ['--nodes', '201'], '--nodes is "201"'],
    ['a fraction of a node', ['--nodes', '1.5'], '--nodes is "1.5"'],
    ['a list and a file', ['--images', 'a=b', '-f', sample], '--images and --file exclude'],
    ['an unknown flag', ['--node', '1'], "Unknown option '--node'"],
    ['a word too many', ['five'], "Unexpected argument 'five'"],
    ['several pullers', ['-f', two], 'holds 2 objects of kind KubernetesImagePuller'],
    ['a file that is not there', ['-f', '/does/not/exist'], '/does/not/exist cannot be read'],
  ])('are refused with a sentence where they name %s', (_what, args, message) => {
    expect(() => options(...args)).toThrow(UsageError);
    expect(() => options(...args)).toThrow(message);
  });
});
