import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import { parse } from 'yaml';
import type { KubeObject, ObjectMeta } from '../../../src/kube/objects.ts';
import type { Cluster } from '../cluster.ts';

/** What a server answered: an object, a list or a Status. */
export interface Reply {
  readonly code: number;
  readonly body: Body;
  /** What the server warned of, where it did. */
  readonly warnings?: readonly string[];
}

/** The fields of answers that tests look at; the server may send others. */
export interface Body extends KubeObject {
  readonly metadata: ObjectMeta & {
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items?: readonly KubeObject[];
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
  readonly details?: {
    readonly causes?: readonly { readonly reason?: string; readonly field?: string }[];
  };
}

export interface Event {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Body;
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

/** Raw requests to any cluster, by nothing but its kubeconfig. */
export class Api {
  readonly #server: string;
  readonly #agent: Agent;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(kubeconfig: string) {
    const { clusters, users } = parse(kubeconfig) as Kubeconfig;
    const cluster = clusters[0]?.cluster ?? {};
    const user = users[0]?.user ?? {};
    const connect = {
      ca: content(cluster, 'certificate-authority'),
      cert: content(user, 'client-certificate'),
      key: content(user, 'client-key'),
    };
    this.#server = cluster['server'] ?? '';
    this.#agent = new Agent({
      connect: Object.fromEntries(
        Object.entries(connect).filter(([, value]) => value !== undefined),
      ),
    });
    const { token } = user;
    this.#headers = {
      'user-agent': 'contract/1.0',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
  }

  get(path: string): Promise<Reply> {
    return this.send('GET', path);
  }

  /** Asks for a representation of its own, as an Accept header names it. */
  getAs(accept: string, path: string): Promise<Reply> {
    return this.#send('GET', path, { headers: { accept } });
  }

  /** Asks in another's stead. */
  getFor(user: string, path: string): Promise<Reply> {
    return this.#send('GET', path, { headers: { 'impersonate-user': user } });
  }

  create(path: string, object: object): Promise<Reply> {
    return this.send('POST', path, object);
  }

  replace(path: string, object: object): Promise<Reply> {
    return this.send('PUT', path, object);
  }

  merge(path: string, patch: object): Promise<Reply> {
    return this.send('PATCH', path, patch, 'application/merge-patch+json');
  }

  /** A strategic merge patch. */
  patch(path: string, patch: object): Promise<Reply> {
    return this.send('PATCH', path, patch, 'application/strategic-merge-patch+json');
  }

  /** Server-side apply; the manager is `applier` unless the path names another. */
  apply(path: string, object: object, parameters: Parameters = {}): Promise<Reply> {
    const query = new URLSearchParams({ fieldManager: 'applier', ...parameters });
    return this.send('PATCH', `${path}?${query}`, object, 'application/apply-patch+yaml');
  }

  remove(path: string, options: object = {}): Promise<Reply> {
    return this.send('DELETE', path, options);
  }

  send(method: string, path: string, body?: object, type = 'application/json'): Promise<Reply> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return this.#send(method, path, { headers: { 'content-type': type }, ...sent });
  }

  /** Creates an object out of bytes of a content type other than JSON. */
  createFrom(path: string, body: Buffer, type: string): Promise<Reply> {
    return this.#send('POST', path, { headers: { 'content-type': type }, body });
  }

  async #send(method: string, path: string, { headers, body }: Sent): Promise<Reply> {
    const answer = await request(`${this.#server}${path}`, {
      method: method as 'GET',
      dispatcher: this.#agent,
      headers: { ...this.#headers, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await answer.body.text();
    const warned = [answer.headers['warning'] ?? []].flat();
    return {
      code: answer.statusCode,
      body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Body,
      ...(warned.length > 0 && { warnings: warned.flatMap(warningsIn) }),
    };
  }

  /** Opens a watch; the path has its parameters but for `watch` itself. */
  async watch(path: string, parameters: Parameters, accept = 'application/json'): Promise<Watch> {
    const query = new URLSearchParams({ watch: 'true', ...parameters });
    const answer = await request(`${this.#server}${path}?${query}`, {
      dispatcher: this.#agent,
      headers: { ...this.#headers, accept },
    });
    return new Watch(answer.body);
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

interface Sent {
  readonly headers: Parameters;
  readonly body?: string | Buffer;
}

type Parameters = Readonly<Record<string, string>>;

/** A file's content, which a kubeconfig holds itself or names. */
function content(section: Readonly<Record<string, string>>, name: string): Buffer | undefined {
  const data = section[`${name}-data`];
  if (data !== undefined) return Buffer.from(data, 'base64');
  const file = section[name];
  return file === undefined ? undefined : readFileSync(file);
}

/** The texts in a Warning header (RFC 7234, section 5.5). */
function warningsIn(header: string): readonly string[] {
  const texts = header.matchAll(/299 - ("(?:[^"\\]|\\.)*")/g);
  return [...texts].map(([, text = '""']) => JSON.parse(text) as string);
}

/** The events of a watch as they arrive. */
export class Watch {
  /** All that came so far. */
  readonly events: Event[] = [];
  /** The server has ended the stream. */
  isOver = false;
  readonly #body: Readable;

  constructor(body: Readable) {
    this.#body = body;
    let rest = '';
    body.setEncoding('utf8');
    body.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      this.events.push(...lines.map((line) => JSON.parse(line) as Event));
    });
    body.on('error', () => {}); // the end of a stream that the test itself has closed
    body.on('close', () => {
      this.isOver = true;
    });
  }

  /** `ADDED a`, `DELETED b` …: the type and the name of each event. */
  get story(): readonly string[] {
    return this.events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim());
  }

  close(): void {
    this.#body.destroy();
  }
}

/** What each test of the suite has: the administrator, other users, and a namespace of its own. */
export interface Stage {
  readonly admin: Api;
  readonly namespace: string;
  /** Another user's requests. */
  as(user: string): Api;
  /** The path of a collection in the namespace: `configmaps`, or `apps/v1/daemonsets`. */
  path(collection: string, name?: string): string;
  /** Removes an object outside of the namespace after the test. */
  removeAfterwards(path: string): void;
  /** Waits in the cluster's own time. */
  until(condition: () => Promise<boolean> | boolean): Promise<void>;
}

/** Sets up a {@link Stage} for each test of the surrounding `describe`. */
export function stageOf(cluster: () => Cluster): Stage {
  let opened: Api[] = [];
  let namespace = '';
  const open = (user?: string) => {
    const api = new Api(cluster().kubeconfig(user));
    opened.push(api);
    return api;
  };
  let leftovers: string[] = [];
  let admin: Api | undefined;
  beforeEach(async () => {
    admin = open();
    const created = await admin.create('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { generateName: 'contract-' },
    });
    namespace = created.body.metadata.name ?? '';
  });
  afterEach(async () => {
    for (const path of leftovers) await admin?.remove(path);
    leftovers = [];
    await admin?.remove(`/api/v1/namespaces/${namespace}`);
    await Promise.all(opened.map((api) => api.close()));
    opened = [];
  });
  return {
    get admin() {
      if (admin === undefined) throw new Error('the stage is set up before each test');
      return admin;
    },
    get namespace() {
      return namespace;
    },
    as: open,
    removeAfterwards: (path) => leftovers.push(path),
    path: (collection, name) => collectionPath(namespace, collection, name),
    until: (condition) => cluster().until(condition),
  };
}

function collectionPath(namespace: string, collection: string, name?: string): string {
  const parts = collection.split('/');
  const plural = parts.pop() ?? '';
  const root = parts.length === 0 ? '/api/v1' : `/apis/${parts.join('/')}`;
  const object = name === undefined ? '' : `/${name}`;
  return `${root}/namespaces/${namespace}/${plural}${object}`;
}

/** A ConfigMap, the plainest of all objects. */
export function aConfigMap(name: string, data: Parameters = {}, metadata: object = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

/** The API group of roles and bindings. */
export const rbac = 'rbac.authorization.k8s.io';

export type Rule = Readonly<Record<string, readonly string[]>>;

export function aRole(name: string, rules: readonly Rule[]): KubeObject {
  return { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name }, rules };
}

/** Gives the role to the service account `user` of the namespace. */
export function aBinding(name: string, role: string, namespace: string): KubeObject {
  return {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'Role', name: role },
    subjects: [{ kind: 'ServiceAccount', name: 'user', namespace }],
  };
}

/** A Deployment that runs nothing: its pods are never made. */
export function aDeployment(name: string, container: object = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas: 0, ...template(name, container) },
  };
}

/** A DaemonSet that runs nothing: no node has its label. */
export function aDaemonSet(name: string, container: object = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name },
    spec: template(name, container),
  };
}

function template(name: string, container: object) {
  return {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        nodeSelector: { 'contract/none': 'true' },
        containers: [{ name: 'main', image: 'registry.invalid/image:1', ...container }],
      },
    },
  };
}

/** The entry of a manager in an object's managed fields. */
export function managedBy(object: KubeObject, manager: string, subresource?: string) {
  return object.metadata.managedFields?.find(
    (entry) => entry.manager === manager && entry.subresource === subresource,
  );
}
