import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { KubeObject } from '../src/kube/objects.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Kustomization {
  readonly resources: readonly string[];
  readonly patches?: readonly { readonly path: string }[];
}

/** What `kubectl apply -k` would read: the files of a kustomization and of those it refers to. */
export function resourcesOf(directory: string): readonly KubeObject[] {
  const kustomization = read(`${directory}/kustomization.yaml`) as Kustomization;
  for (const { path } of kustomization.patches ?? []) {
    expect(existsSync(join(root, directory, path))).toBe(true);
  }
  return kustomization.resources.flatMap((resource) => {
    const path = join(directory, resource);
    return statSync(join(root, path)).isDirectory()
      ? resourcesOf(path)
      : [read(path) as KubeObject];
  });
}

/** Every object below config/, whether or not a kustomization names it. */
export function shippedObjects(): readonly KubeObject[] {
  return globSync('config/**/*.yaml', { cwd: root })
    .sort()
    .map(read)
    .filter((object): object is KubeObject => typeof object === 'object' && !Array.isArray(object));
}

function read(path: string): unknown {
  return parse(readFileSync(join(root, path), 'utf8'));
}
