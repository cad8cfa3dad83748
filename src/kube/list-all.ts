import { type Client, isApiError, type ListOptions } from './client.ts';
import type { KubeList, KubeObject, Resource } from './objects.ts';

/** What is listed, and how. */
export interface ListAllOptions
  extends Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector' | 'signal'> {
  /** Objects in one page. */
  readonly pageSize?: number;
  /** Trims an object; applied page by page, so that a long list is never held whole. */
  readonly project?: (object: KubeObject) => KubeObject;
}

/** As client-go's pager asks for. */
export const usualPageSize = 500;

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
      return (await listPages(client, resource, options)).items;
    } catch (error) {
      // The revision that the first page was of is compacted after a few minutes.
      if (!isApiError(error, 410) || attempt === attempts) throw error;
    }
  }
}

/** All pages of one list, at one revision; the latest, as no resourceVersion is asked for. */
export async function listPages(
  client: Pick<Client, 'list'>,
  resource: Resource,
  { pageSize: limit = usualPageSize, project = (object) => object, ...selection }: ListAllOptions,
): Promise<KubeList> {
  const items: KubeObject[] = [];
  let page = await client.list(resource, { ...selection, limit });
  const { resourceVersion } = page;
  for (;;) {
    for (const item of page.items) items.push(project(item));
    if (page.continue === undefined) return { items, resourceVersion };
    page = await client.list(resource, { ...selection, limit, continue: page.continue });
  }
}
