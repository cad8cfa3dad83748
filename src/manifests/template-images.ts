import type { CachedImage } from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';
import { imagesAnnotation } from './names.ts';

/** A container of a template, with the reference that we gave it. */
export interface TemplateContainer {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
}

/** The images of a template as an annotation of its DaemonSet has them: as a list in a spec is written. */
export function imagesText(images: readonly CachedImage[]): string {
  return images.map(({ container, reference }) => `${container}=${reference}`).join(';');
}

/**
 * The containers of the template of a DaemonSet, each with the reference that we gave it, whatever a
 * cluster has written in its place; without our annotation, as the template has it.
 */
export function templateContainers(daemonSet: KubeObject): readonly TemplateContainer[] {
  const { containers } = (daemonSet['spec'] as DaemonSetSpec).template.spec;
  const text = daemonSet.metadata.annotations?.[imagesAnnotation];
  if (text === undefined) return containers;
  const given = new Map(text.split(';').map(entry));
  return containers.map((container) => {
    const image = given.get(container.name);
    return image === undefined ? container : { ...container, image };
  });
}

/** A reference has no `=` and no `;`, and the name of a container neither. */
function entry(text: string): readonly [name: string, reference: string] {
  const [name = '', reference = ''] = text.split('=');
  return [name, reference];
}

interface DaemonSetSpec {
  readonly template: { readonly spec: { readonly containers: readonly TemplateContainer[] } };
}
