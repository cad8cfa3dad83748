import type {
  ApplyOptions,
  Client,
  ListOptions,
  PatchOptions,
  RemoveOptions,
  ServerVersion,
  WatchOptions,
  WriteOptions,
} from './client.ts';
import type { KubeList, KubeObject, Resource } from './objects.ts';

/** What tells whether this process leads. */
export interface Leadership {
  /** @throws NotLeadingError where nothing may be written */
  assertLeading(): void;
  /** Aborted when the time is over for which this process leads now; where it leads again, there is another one. */
  readonly term: AbortSignal;
}

/**
 * A client that reads for everybody and writes for the leader alone. A write is asked for when it is
 * begun, and once more when the client below has a connection and hands the request to the kernel,
 * which may be seconds later, and each time where it is repeated. While it is under way it ends with
 * the term. What had left the machine by then can still be carried out: the API server knows nothing
 * of terms.
 */
export class LeadingClient implements Client {
  readonly #client: Client;
  readonly #leadership: Leadership;

  constructor(client: Client, leadership: Leadership) {
    this.#client = client;
    this.#leadership = leadership;
  }

  get(resource: Resource, namespace: string, name: string): Promise<KubeObject | undefined> {
    return this.#client.get(resource, namespace, name);
  }

  list(resource: Resource, options: ListOptions): Promise<KubeList> {
    return this.#client.list(resource, options);
  }

  watch(resource: Resource, options: WatchOptions): Promise<void> {
    return this.#client.watch(resource, options);
  }

  groups(): Promise<ReadonlySet<string>> {
    return this.#client.groups();
  }

  version(): Promise<ServerVersion> {
    return this.#client.version();
  }

  async apply(resource: Resource, body: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    return await this.#client.apply(resource, body, this.#guarded(options));
  }

  async create(resource: Resource, body: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    return await this.#client.create(resource, body, this.#guarded(options));
  }

  async update(resource: Resource, body: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    return await this.#client.update(resource, body, this.#guarded(options));
  }

  async mergePatch(
    resource: Resource,
    object: KubeObject,
    patch: object,
    options: PatchOptions,
  ): Promise<KubeObject> {
    return await this.#client.mergePatch(resource, object, patch, this.#guarded(options));
  }

  async remove(resource: Resource, object: KubeObject, options?: RemoveOptions): Promise<boolean> {
    return await this.#client.remove(resource, object, this.#guarded(options));
  }

  #guarded<Options extends WriteOptions>(options?: Options) {
    const leadership = this.#leadership;
    leadership.assertLeading();
    const { term } = leadership;
    return {
      ...options,
      beforeSend: () => {
        leadership.assertLeading();
        options?.beforeSend?.();
      },
      signal: options?.signal ? AbortSignal.any([options.signal, term]) : term,
    } as Options; // the caller's own, with two members more
  }
}
