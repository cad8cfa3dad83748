import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../kube/objects.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A path inside this project. */
export function projectPath(...parts: readonly string[]): string {
  return join(root, ...parts);
}

/**
 * The objects of a kustomization of this project, in its order. Ours only list resources: files, or
 * directories with a kustomization of their own.
 */
export function objectsOf(directory: string): readonly KubeObject[] {
  const { resources } = parse(
    readFileSync(join(directory, 'kustomization.yaml'), 'utf8'),
  ) as Kustomization;
  return resources.flatMap((resource) => {
    const path = join(directory, resource);
    if (!path.endsWith('.yaml')) return objectsOf(path);
    return parseAllDocuments(readFileSync(path, 'utf8')).map(
      (document) => document.toJS() as KubeObject,
    );
  });
}

interface Kustomization {
  readonly resources: readonly string[];
}
