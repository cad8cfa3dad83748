import type { KubeConfig } from '@kubernetes/client-node';
import {
  ApiError,
  type ApplyOptions,
  type Client,
  isApiError,
  type ListOptions,
  type PatchOptions,
  type RemoveOptions,
  type ServerVersion,
  TransportError,
  type WatchOptions,
  type WriteOptions,
} from './client.ts';
import {
  apiVersion,
  type KubeList,
  type KubeObject,
  type Resource,
  resourcePath,
} from './objects.ts';
import { type ClientOptions, type Request, Requester } from './requester.ts';
import { readEvents } from './watch-events.ts';

/** A client that holds connections until it is closed. */
export interface ConnectedClient extends Client {
  /** Breaks off what still runs, open watches included, and closes every connection. */
  close(): Promise<void>;
}

/**
 * A client of the API server that the current context of a kubeconfig names: tokens, client
 * certificates, exec plug-ins, impersonation, CA, server name, `proxy-url` (http, https, socks5).
 * Nothing is read and no connection is opened before the first request.
 */
export function createClient(kubeConfig: KubeConfig, options: ClientOptions): ConnectedClient {
  return new HttpClient(kubeConfig, options);
}

class HttpClient implements ConnectedClient {
  readonly #requester: Requester;

  constructor(kubeConfig: KubeConfig, options: ClientOptions) {
    this.#requester = new Requester(kubeConfig, options);
  }

  async get(resource: Resource, namespace: string, name: string): Promise<KubeObject | undefined> {
    try {
      return (await this.#requester.json({
        doing: `get ${resource.plural} ${named(namespace, name)}`,
        method: 'GET',
        path: resourcePath(resource, namespace, name),
      })) as KubeObject;
    } catch (error) {
      if (isApiError(error, 404)) return undefined;
      throw error;
    }
  }

  async list(resource: Resource, options: ListOptions): Promise<KubeList> {
    const { namespace, signal, ...query } = options;
    const doing = `list ${resource.plural}`;
    const path = resourcePath(resource, namespace);
    const page = (await this.#requester.json({
      doing,
      method: 'GET',
      path,
      query,
      signal,
    })) as ListBody;
    const { resourceVersion, continue: more } = page.metadata ?? {};
    if (!resourceVersion) throw new TransportError(doing, 'the list has no resourceVersion');
    const type = { apiVersion: apiVersion(resource), kind: resource.kind };
    return {
      resourceVersion,
      ...(more ? { continue: more } : {}),
      items: (page.items ?? []).map((item) => ({ ...type, ...item })),
    };
  }

  async watch(resource: Resource, options: WatchOptions): Promise<void> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds } = options;
    const request: Request = {
      doing: `watch ${resource.plural}`,
      method: 'GET',
      path: resourcePath(resource, namespace),
      query: {
        watch: true,
        allowWatchBookmarks: true,
        labelSelector,
        fieldSelector,
        resourceVersion,
        timeoutSeconds,
      },
    };
    using limit = this.#requester.limit(options.signal);
    try {
      const response = await this.#requester.open(request, limit.signal);
      options.onOpen?.();
      limit.allow(options.inactivityMs);
      await readEvents(response, limit, options);
    } catch (error) {
      if (options.signal.aborted) return;
      throw error instanceof ApiError ? error : new TransportError(request.doing, error);
    }
  }

  async apply(resource: Resource, body: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const { namespace = '', name = '' } = body.metadata;
    return (await this.#requester.json({
      doing: `apply ${resource.plural} ${named(namespace, name)}`,
      method: 'PATCH',
      path: resourcePath(resource, namespace, name, options.subresource),
      query: {
        fieldManager: options.fieldManager,
        force: options.force || undefined,
        dryRun: options.dryRun ? 'All' : undefined,
      },
      body,
      contentType: 'application/apply-patch+yaml',
      beforeSend: options.beforeSend,
      signal: options.signal,
    })) as KubeObject;
  }

  async create(
    resource: Resource,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const { namespace = '', name = '' } = body.metadata;
    const doing = `create ${resource.plural} ${named(namespace, name)}`.trimEnd();
    const path = resourcePath(resource, namespace);
    return await this.#stored({ doing, method: 'POST', path, body }, options);
  }

  async update(
    resource: Resource,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const { namespace = '', name = '' } = body.metadata;
    const doing = `update ${resource.plural} ${named(namespace, name)}`;
    const path = resourcePath(resource, namespace, name);
    return await this.#stored({ doing, method: 'PUT', path, body }, options);
  }

  async mergePatch(
    resource: Resource,
    { metadata }: KubeObject,
    patch: object,
    { fieldManager, ...options }: PatchOptions,
  ): Promise<KubeObject> {
    const { namespace = '', name = '', uid, resourceVersion } = metadata;
    return await this.#stored(
      {
        doing: `patch ${resource.plural} ${named(namespace, name)}`,
        method: 'PATCH',
        path: resourcePath(resource, namespace, name),
        query: { fieldManager },
        body: { ...patch, metadata: { uid, resourceVersion } },
        contentType: 'application/merge-patch+json',
      },
      options,
    );
  }

  async remove(
    resource: Resource,
    object: KubeObject,
    options: RemoveOptions = {},
  ): Promise<boolean> {
    const { namespace = '', name = '', uid, resourceVersion } = object.metadata;
    const doing = `delete ${resource.plural} ${named(namespace, name)}`;
    if (!uid) throw new Error(`${doing}: without a uid it could be another object of that name`);
    try {
      await this.#requester.json({
        doing,
        method: 'DELETE',
        path: resourcePath(resource, namespace, name),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          preconditions: { uid, ...(options.ifUnchanged && { resourceVersion }) },
          propagationPolicy: options.propagationPolicy ?? 'Background',
        },
        contentType: 'application/json',
        beforeSend: options.beforeSend,
        signal: options.signal,
      });
      return true;
    } catch (error) {
      if (isApiError(error, 404) || isApiError(error, 409)) return false;
      throw error;
    }
  }

  async groups(): Promise<ReadonlySet<string>> {
    const doing = 'discover the API groups';
    const [core, named] = await Promise.all([
      this.#requester.json({ doing, method: 'GET', path: '/api' }) as Promise<{
        versions?: unknown[];
      }>,
      this.#requester.json({ doing, method: 'GET', path: '/apis' }) as Promise<{
        groups?: NamedGroup[];
      }>,
    ]);
    if (!Array.isArray(core.versions) || !Array.isArray(named.groups)) {
      throw new TransportError(doing, 'the answer is no list of groups');
    }
    return new Set(['', ...named.groups.map((group) => group.name)]);
  }

  async version(): Promise<ServerVersion> {
    const doing = 'ask for the version';
    const body = (await this.#requester.json({
      doing,
      method: 'GET',
      path: '/version',
    })) as VersionBody;
    // Some vendors append a sign to the minor version: "34+".
    const [major, minor] = [Number.parseInt(body.major, 10), Number.parseInt(body.minor, 10)];
    if (Number.isNaN(major) || Number.isNaN(minor)) {
      throw new TransportError(doing, `"${body.major}.${body.minor}" is no version`);
    }
    return { major, minor, gitVersion: body.gitVersion };
  }

  async close(): Promise<void> {
    await this.#requester.close();
  }

  /** Sends an object as JSON, and returns it as the server has stored it. */
  async #stored(
    request: Omit<Request, 'beforeSend' | 'signal'>,
    { beforeSend, signal }: WriteOptions,
  ): Promise<KubeObject> {
    return (await this.#requester.json({
      contentType: 'application/json',
      ...request,
      beforeSend,
      signal,
    })) as KubeObject;
  }
}

interface ListBody {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubeObject[] | null;
}

interface NamedGroup {
  readonly name: string;
}

interface VersionBody {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
}

function named(namespace: string, name: string): string {
  return namespace ? `${namespace}/${name}` : name;
}
