import type {
  ApplyOptions,
  Client,
  ListOptions,
  RemoveOptions,
  ServerVersion,
  WatchOptions,
  WriteOptions,
} from './client.ts';
import type { KubeList, KubeObject, Resource } from './objects.ts';

/**
 * A client that reads for everybody and writes for the leader alone. Asked before each write: when it
 * is begun, and by the client below at the moment when it goes out, which may be much later where the
 * process was paused or the request is repeated.
 */
export class LeadingClient implements Client {
  readonly #client: Client;
  readonly #assertLeading: () => void;

  /** `assertLeading` throws a NotLeadingError where nothing may be written. */
  constructor(client: Client, assertLeading: () => void) {
    this.#client = client;
    this.#assertLeading = assertLeading;
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

  async remove(resource: Resource, object: KubeObject, options?: RemoveOptions): Promise<boolean> {
    return await this.#client.remove(resource, object, this.#guarded(options));
  }

  #guarded<Options extends WriteOptions>(options?: Options) {
    this.#assertLeading();
    return {
      ...options,
      beforeSend: () => {
        this.#assertLeading();
        options?.beforeSend?.();
      },
    } as Options; // the caller's own, with one member more
  }
}
