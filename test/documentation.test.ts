import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { deployment } from '../src/manifests/operator.ts';
import { resourcesOf } from './shipped.ts';

const root = join(import.meta.dirname, '..');
const pages = globSync(['*.md', 'docs/*.md', 'test/**/*.md'], { cwd: root }).toSorted();

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** Where the links of a page lead inside the project, those in examples aside. */
function linksOf(page: string): readonly string[] {
  const prose = read(page).replace(/```.*?```/gs, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that GitHub makes of headings. */
function anchorsOf(page: string): readonly string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(root, file))) return false;
  if (anchor === undefined) return true;
  const isFolder = statSync(join(root, file)).isDirectory();
  return anchorsOf(isFolder ? join(file, 'README.md') : file).includes(anchor);
}

/** Paragraphs, and rows of tables, that tell to delete a kustomization, with what that deletes. */
function deletionsIn(page: string) {
  return read(page)
    .split(/\n\n|(?<=\|)\n/)
    .flatMap((words) =>
      [...words.matchAll(/kubectl delete -k ([\w/-]+)/g)].map(([, directory = '']) => ({
        words,
        directory,
        kinds: resourcesOf(directory).map(({ kind }) => kind),
      })),
    );
}

/** What takes pullers along when it is deleted, and the word by which that is said. */
const takesPullersAlong = [
  ['Namespace', /namespace/],
  ['CustomResourceDefinition', /definition/],
] as const;

describe('the documentation', () => {
  it('is read', () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/status.md']));
    expect(pages.flatMap(linksOf).length).toBeGreaterThan(20);
  });

  it.each(pages)('has no link that leads nowhere in %s', (page) => {
    expect(linksOf(page).filter((target) => !leadsSomewhere(page, target))).toEqual([]);
  });

  it('says so where what it tells to delete takes pullers along', () => {
    const deletions = pages.flatMap(deletionsIn);
    expect(deletions.map(({ directory }) => directory)).toContain('config/manager');
    const unsaid = deletions.flatMap(({ directory, kinds, words }) =>
      takesPullersAlong
        .filter(([kind, word]) => kinds.includes(kind) && !word.test(words))
        .map(([kind]) => `${directory}: ${kind}`),
    );
    expect(unsaid).toEqual([]);
  });

  it('has npm add no line of its own to the objects that it prints', () => {
    expect(read('README.md')).toContain('npm run -s render');
    expect(pages.filter((page) => read(page).includes('npm run render'))).toEqual([]);
  });

  it('has every page of docs in its index', () => {
    const inDocs = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    const named = linksOf('docs/README.md').map((target) => join('docs', target));
    expect(named.filter((page) => page.startsWith('docs/')).toSorted()).toEqual(inDocs);
  });
});

/** As much of a Deployment as names images. */
interface WithImages {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly template: { readonly spec: { readonly containers: [Container] } } };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

/** Where a Deployment names images, and which. */
function imagesOf({ kind, metadata, spec }: WithImages) {
  const [{ name, image, env }] = spec.template.spec.containers;
  const related = env.filter((variable) => variable.name.startsWith('RELATED_IMAGE_'));
  return {
    places: [kind, metadata.namespace, metadata.name, name, ...related.map(({ name }) => name)],
    images: [image, ...related.map(({ value }) => value)],
  };
}

describe('the kustomization of README for images of your own', () => {
  it('names another image wherever the Deployment of config/default names one', () => {
    const [, text = ''] = /```yaml\n(resources:\n.*?)```/s.exec(read('README.md')) ?? [];
    const { resources, patches } = parse(text);
    expect(resources).toEqual(['../config/default']);
    const shipped = imagesOf(deployment() as unknown as WithImages); // as the API server takes it
    const [{ patch }] = patches;
    const own = imagesOf(parse(patch));
    expect(own.places).toEqual(shipped.places);
    expect(own.images.filter((image) => shipped.images.includes(image))).toEqual([]);
    expect(own.images[0]).toBe(own.images[1]);
  });
});

describe('the kustomization of docs/leader-election.md for a second installation', () => {
  const [, text = ''] =
    /```yaml\n(resources:\n.*?)```/s.exec(read('docs/leader-election.md')) ?? [];
  const { resources, patches } = parse(text) as {
    readonly resources: readonly string[];
    readonly patches: readonly { readonly target: { kind: string }; readonly patch: string }[];
  };
  const objects = resources.flatMap((resource) => resourcesOf(join('config/b', resource)));

  const replaced = patches.flatMap(({ target, patch }) =>
    (parse(patch) as readonly { op: string; path: string }[])
      .filter(({ op }) => op === 'replace')
      .map(({ path }) => [target.kind, path] as const),
  );

  it.each(replaced)('replaces what a %s has at %s', (kinds, path) => {
    const words = path
      .split('/')
      .slice(1)
      .map((word) => word.replaceAll('~1', '/'));
    const found = objects
      .filter(({ kind }) => kinds.split('|').includes(kind))
      .map((object) => words.reduce<unknown>((part, word) => Object(part)[word], object));
    expect(found).toContainEqual(expect.anything());
  });

  it('asks OpenShift for a certificate of its own, and mounts that one', () => {
    const names = text.match(/kubernetes-image-puller-operator-metrics-cert-\w+/g) ?? [];
    expect(names).toHaveLength(2);
    expect(new Set(names).size).toBe(1);
    const pod = 'spec.template.spec.volumes.1.secret.secretName';
    const deployment = objects.find(({ kind }) => kind === 'Deployment');
    expect(deployment).toHaveProperty(pod, 'kubernetes-image-puller-operator-metrics-cert');
  });
});
