import { type Client, isApiError, type ListOptions } from './client.ts';
import type { KubeObject, Resource } from './objects.ts';

/** What is listed, and how. */
export interface ListAllOptions
  extends Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector' | 'signal'> {
  /** Objects in one page. */
  readonly pageSize?: number;
  /** Trims an object; applied page by page, so that a long list is never held whole. */
  readonly project?: (object: KubeObject) => KubeObject;
}

/** How often a list is begun anew that the server lost the beginning of. */
const attempts = 3;

/** A list to its end, at one moment. */
export async function listAll(
  client: Pick<Client, 'list'>,
  resource: Resource,
  options: ListAllOptions,
): Promise<readonly KubeObject[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await pages(client, resource, options);
    } catch (error) {
      // The revision that the first page was of is compacted after a few minutes.
      if (!isApiError(error, 410) || attempt === attempts) throw error;
    }
  }
}

async function pages(
  client: Pick<Client, 'list'>,
  resource: Resource,
  { pageSize: limit = 500, project = (object) => object, ...selection }: ListAllOptions,
): Promise<readonly KubeObject[]> {
  const objects: KubeObject[] = [];
  let page = await client.list(resource, { ...selection, limit });
  for (;;) {
    objects.push(...page.items.map(project));
    if (page.continue === undefined) return objects;
    page = await client.list(resource, { ...selection, limit, continue: page.continue });
  }
}
