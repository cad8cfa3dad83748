import { createPrivateKey, sign } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../cluster.ts';
import { AuditLog } from './audit-log.ts';
import { CertificateAuthority, kubeconfig } from './certificates.ts';
import { lastLines, output } from './command.ts';
import {
  apiServerUrl,
  type ControlPlaneParts,
  compactEtcd,
  prepareApiServer,
  prepareControllerManager,
  prepareEtcd,
  prepareScheduler,
  tokenIssuer,
} from './control-plane.ts';
import type { Daemon, DaemonName } from './daemon.ts';
import { fakeKubeletLabel, fakeNode, fakeNodeName, prepareKwok } from './fake-nodes.ts';
import { type ClusterFolders, clusterFolders } from './folders.ts';
import { AdminApi } from './http.ts';
import { busyboxImage, type Image } from './image.ts';
import { currentCluster, network } from './namespace.ts';
import {
  isNodeReady,
  type NodeParts,
  nodeName,
  prepareContainerd,
  prepareKubelet,
  prepareRegistry,
  privateRegistryPort,
  pullFromRegistry,
  registryAddress,
  runtimeSocket,
  runtimeState,
  sandboxImage,
} from './node.ts';
import { PrivateRegistry } from './private-registry.ts';
import { Processes } from './processes.ts';
import { Registry } from './registry.ts';
import { endContainers, removeCluster, unmountBelow } from './remove.ts';
import { Runtime } from './runtime.ts';
import { tool } from './tools.ts';
import { until } from './wait.ts';

/** For the hook that starts a cluster: the first time everything is built. */
export const startTimeoutMs = 60 * 60_000;

/** How long the API server takes a token after its end (go-jose: jwt/validation.go). */
const leewaySeconds = 60;

/** What differs from the usual cluster. */
export interface RealClusterOptions {
  /** Without a node only the control plane runs; fake nodes can still be added. Default true. */
  readonly node?: boolean;
  /** More fields of the KubeletConfiguration. */
  readonly kubelet?: Readonly<Record<string, unknown>>;
  /** More command-line flags for the control plane. */
  readonly flags?: ControlPlaneParts['flags'];
}

/**
 * Kubernetes itself, in a network namespace of its own: the truth that the embedded cluster is a
 * model of. It starts empty each time. One at a time runs in a namespace; `main.ts` makes that.
 */
export class RealCluster implements Cluster {
  readonly name = 'real';
  readonly url = apiServerUrl;
  /** Its images can be pulled by the node; pods reach it at the same address. */
  readonly registry: Registry;
  readonly auditLog: AuditLog;
  /** An administrator's raw requests. */
  readonly api: AdminApi;
  readonly #clusterName: string;
  readonly #folders: ClusterFolders;
  readonly #processes: Processes;
  readonly #authority: CertificateAuthority;
  readonly #nodes: string[] = [];
  readonly #prepare: { [name in DaemonName]?: () => Daemon } = {};
  #kubectl = '';
  #kubeletFields: Readonly<Record<string, unknown>> = {};
  #runtime: Runtime | undefined;
  #privateRegistry: PrivateRegistry | undefined;
  #busybox: Buffer | undefined;

  /**
   * Builds what is missing, clears away what an earlier run left and starts everything. Rejects
   * with the end of a log where a part does not come up; nothing is left running then.
   */
  static async start(options: RealClusterOptions = {}): Promise<RealCluster> {
    const name = currentCluster();
    if (name === undefined) {
      throw new Error(
        'a real cluster runs in a network of its own: start this by npm run test:e2e',
      );
    }
    await removeCluster(name);
    const cluster = new RealCluster(name);
    try {
      await cluster.#startControlPlane(options);
      if (options.node ?? true) await cluster.#startNode(options);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Only by `start()`. */
  private constructor(clusterName: string) {
    this.#clusterName = clusterName;
    this.#folders = clusterFolders(clusterName);
    rmSync(this.#folders.log, { recursive: true, force: true });
    for (const folder of Object.values(this.#folders)) mkdirSync(folder, { recursive: true });
    this.#processes = new Processes(this.#folders);
    this.#authority = new CertificateAuthority(this.#folders.pki);
    this.auditLog = new AuditLog(join(this.#folders.log, 'audit.log'));
    const administrator = this.#authority.client('admin', ['system:masters']);
    this.api = new AdminApi(this.url, this.#authority.root, administrator);
    this.registry = new Registry(registryAddress, this.certificateAuthority);
    writeFileSync(this.kubeconfigFile, this.kubeconfig(), { mode: 0o600 });
  }

  /** The administrator's kubeconfig as a file. */
  get kubeconfigFile(): string {
    return join(this.#folders.run, 'kubeconfig');
  }

  /** Where each daemon's log is, the audit log and the logs of pods. */
  get logFolder(): string {
    return this.#folders.log;
  }

  /**
   * The certificate (PEM) that vouches for API server and registry. An image that speaks to the
   * registry itself needs it, for Node as a file named by `NODE_EXTRA_CA_CERTS`.
   */
  get certificateAuthority(): string {
    return readFileSync(this.#authority.root.certificate, 'utf8');
  }

  /** The folder of kubectl. */
  get binaryFolder(): string {
    return this.#kubectl;
  }

  get nodes(): readonly string[] {
    return this.#nodes;
  }

  /**
   * By client certificate, with the user name and the groups that the token of a service account
   * carries; unlike a token it needs no ServiceAccount to exist and no request to get.
   */
  kubeconfig(user?: string): string {
    const [, namespace] = /^system:serviceaccount:([^:]+):/.exec(user ?? '') ?? [];
    const groups =
      namespace === undefined
        ? []
        : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
    const client =
      user === undefined
        ? this.#authority.client('admin', ['system:masters'])
        : this.#authority.client(user, groups);
    return kubeconfig(this.url, this.#authority.root, client);
  }

  /**
   * A kubeconfig with a token that lasts for an hour, for a service account that exists: a name may be
   * too long for a certificate, whose common names end at 64 characters.
   */
  async tokenKubeconfig(namespace: string, serviceAccount: string, lifeHours = 1): Promise<string> {
    const life = ['--duration', `${lifeHours}h`];
    const token = await this.kubectl(['-n', namespace, 'create', 'token', serviceAccount, ...life]);
    return kubeconfig(this.url, this.#authority.root, token.trim());
  }

  /**
   * A token of a service account that ends when a test wants it to: the server's TokenRequest signs none
   * that lasts less than ten minutes (kubernetes/kubernetes: pkg/apis/authentication/validation). It is
   * refused some ten seconds later, when the server has forgotten that it took it before.
   */
  async shortToken(
    namespace: string,
    serviceAccount: string,
    lifeSeconds: number,
  ): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}`;
    const account = (await this.api.get(path)) as { readonly metadata: { readonly uid: string } };
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: tokenIssuer,
      aud: [tokenIssuer],
      sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
      iat: now,
      nbf: now,
      exp: now + lifeSeconds - leewaySeconds,
      'kubernetes.io': {
        namespace,
        serviceaccount: { name: serviceAccount, uid: account.metadata.uid },
      },
    };
    const signed = [{ alg: 'ES256', typ: 'JWT' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const key = createPrivateKey(readFileSync(this.#authority.tokenKey().key));
    const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }

  /** Runs kubectl as administrator and returns what it printed; `input` is for `-f -`. */
  kubectl(args: readonly string[], input = ''): Promise<string> {
    const kubectl = join(this.#kubectl, 'kubectl');
    return output([kubectl, '--kubeconfig', this.kubeconfigFile, ...args], { input });
  }

  until(condition: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<void> {
    return until('the condition', condition, timeoutMs);
  }

  /** Compacts the store; the API server is started anew, as it remembers what the store forgot. */
  async compact(): Promise<void> {
    await compactEtcd();
    await this.stopDaemon('kube-apiserver', 0);
    await this.startDaemon('kube-apiserver');
  }

  /**
   * Copies the store; the control plane stands still meanwhile. Returns how to put it back to this copy,
   * as an administrator does who restores a backup: resourceVersions count from there again.
   */
  async backUp(): Promise<() => Promise<void>> {
    const store = join(this.#folders.data, 'etcd');
    const copy = join(this.#folders.data, 'etcd-backup');
    await this.#whileStopped(() => cp(store, copy, { recursive: true }));
    return () =>
      this.#whileStopped(async () => {
        await rm(store, { recursive: true });
        await cp(copy, store, { recursive: true });
      });
  }

  /** Everything that remembers the store is started anew. */
  async #whileStopped(work: () => Promise<void>): Promise<void> {
    const daemons = [
      'etcd',
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
    ] as const;
    for (const name of daemons.toReversed()) await this.stopDaemon(name);
    await work();
    for (const name of daemons) await this.startDaemon(name);
  }

  /** What the node holds and runs, past Kubernetes. Throws where there is no real node. */
  get runtime(): Runtime {
    return this.#runtime ?? withoutNode();
  }

  /** The contents of a small image with a shell, `cp` and `sleep`. Throws where there is no real node. */
  get busyboxImage(): Image {
    return busyboxImage(this.#busybox ?? withoutNode());
  }

  /** Adds nodes that exist on paper, up to this number of them, and waits until they are Ready. */
  async addFakeNodes(count: number): Promise<void> {
    if (!this.#prepare.kwok) {
      const parts = {
        folders: this.#folders,
        authority: this.#authority,
        tools: { kwok: await tool('kwok', report) },
      };
      this.#prepare.kwok = () => prepareKwok(parts);
      await this.startDaemon('kwok');
    }
    const names = Array.from({ length: count }, (_, index) => fakeNodeName(index + 1));
    const added = names.filter((name) => !this.#nodes.includes(name));
    // Some at a time: the server takes so many at once without making anybody wait.
    for (let start = 0; start < added.length; start += 50) {
      const batch = added.slice(start, start + 50);
      await Promise.all(batch.map((name) => this.api.create('/api/v1/nodes', fakeNode(name))));
    }
    for (const name of added) {
      await until(`node ${name} to be Ready`, () => isNodeReady(this.api, name), 120_000);
    }
    this.#nodes.push(...added);
  }

  /** Lets fake nodes fall silent, as at a power cut: some 50 seconds later they are not Ready. */
  async silenceFakeNodes(names: readonly string[]): Promise<void> {
    const without = Object.keys(fakeKubeletLabel).map((label) => `${label}-`);
    await this.kubectl(['label', 'nodes', ...names, ...without]);
  }

  /**
   * Starts kubelet anew with these fields of its configuration beside those that the cluster was started
   * with; what runs on the node goes on.
   */
  async configureKubelet(fields: Readonly<Record<string, unknown>>): Promise<void> {
    this.#kubeletFields = fields;
    await this.stopDaemon('kubelet');
    await this.startDaemon('kubelet');
  }

  /** Starts a daemon that was stopped, or has died, and waits until it works. */
  async startDaemon(name: DaemonName): Promise<void> {
    const daemon = this.#prepare[name]?.();
    if (!daemon) throw new Error(`this cluster was started without ${name}`);
    await this.#processes.start(name, daemon.words, daemon.environment);
    const isReady = () => {
      if (!this.#processes.find(name)) throw new Error(`${name} has ended`);
      return daemon.isReady();
    };
    try {
      await until(`${name} to be ready`, isReady, 120_000);
    } catch (cause) {
      const file = this.#processes.logFile(name);
      const log = lastLines(await readFile(file, 'utf8'), 10);
      throw new Error(`starting ${name}: ${(cause as Error).message}; ${file} ends:\n${log}`, {
        cause,
      });
    }
  }

  /** Stops one daemon: by TERM, and by KILL after `graceMs`. Zero is a crash. */
  stopDaemon(name: DaemonName, graceMs = 5_000): Promise<void> {
    return this.#processes.stop(name, graceMs);
  }

  /**
   * The real node as after a power cut: daemons, containers and sandboxes end at once, and with them
   * all that is not on a disk: mounts, network namespaces, the runtime's state. The boot id, which
   * belongs to the machine, stays. Resolves when the node is Ready again; its pods come later.
   */
  async rebootNode(): Promise<void> {
    await this.stopDaemon('kubelet', 0);
    await this.stopDaemon('containerd', 0);
    await endContainers(this.#clusterName, this.#folders);
    await unmountBelow(this.#folders.data);
    for (const path of runtimeState(this.#folders)) rmSync(path, { recursive: true, force: true });
    await this.startDaemon('containerd');
    await this.startDaemon('kubelet');
  }

  /** Makes the registry a mirror of another host: the node pulls the images of that one from it. */
  mirror(host: string): void {
    pullFromRegistry({ folders: this.#folders, authority: this.#authority }, host);
  }

  /**
   * Opens a second door to the registry, for users with these passwords. The node can pull through it;
   * it ends with the cluster.
   */
  async openPrivateRegistry(passwords: Readonly<Record<string, string>>): Promise<PrivateRegistry> {
    const registry = await PrivateRegistry.open({
      host: network.node,
      port: privateRegistryPort,
      serving: this.#authority.server('private-registry', [`IP:${network.node}`]),
      behind: registryAddress,
      ca: this.certificateAuthority,
      passwords,
    });
    this.#privateRegistry = registry;
    const parts = { folders: this.#folders, authority: this.#authority };
    pullFromRegistry(parts, registry.address, registry.address);
    return registry;
  }

  /** Ends everything and removes what it stored; the logs stay until the next start. */
  async stop(): Promise<void> {
    await this.#privateRegistry?.close();
    await Promise.all([this.api.close(), this.registry.close()]);
    await removeCluster(this.#clusterName);
  }

  async #startControlPlane(options: RealClusterOptions): Promise<void> {
    const tools = {
      etcd: await tool('etcd', report),
      'control-plane': await tool('control-plane', report),
    };
    this.#kubectl = tools['control-plane'];
    const parts: ControlPlaneParts = {
      folders: this.#folders,
      authority: this.#authority,
      api: this.api,
      tools,
      flags: options.flags ?? {},
    };
    this.#prepare.etcd = () => prepareEtcd(parts);
    this.#prepare['kube-apiserver'] = () => prepareApiServer(parts);
    this.#prepare['kube-controller-manager'] = () => prepareControllerManager(parts);
    this.#prepare['kube-scheduler'] = () => prepareScheduler(parts);
    await this.startDaemon('etcd');
    await this.startDaemon('kube-apiserver');
    await Promise.all([
      this.startDaemon('kube-controller-manager'),
      this.startDaemon('kube-scheduler'),
    ]);
  }

  async #startNode(options: RealClusterOptions): Promise<void> {
    const tools = {
      registry: await tool('registry', report),
      containerd: await tool('containerd', report),
      runc: await tool('runc', report),
      cni: await tool('cni', report),
      kubelet: await tool('kubelet', report),
    };
    this.#busybox = await readFile(join(await tool('busybox', report), 'busybox'));
    const parts: NodeParts = {
      clusterName: this.#clusterName,
      folders: this.#folders,
      authority: this.#authority,
      api: this.api,
      tools,
      kubelet: options.kubelet ?? {},
    };
    this.#prepare.registry = () => prepareRegistry(parts);
    this.#prepare.containerd = () => prepareContainerd(parts);
    this.#prepare.kubelet = () =>
      prepareKubelet({ ...parts, kubelet: { ...parts.kubelet, ...this.#kubeletFields } });
    await this.startDaemon('registry');
    await this.registry.push(sandboxImage.slice(registryAddress.length + 1), {
      ...this.busyboxImage,
      entrypoint: ['/bin/sleep', 'infinity'],
    });
    await this.startDaemon('containerd');
    this.#runtime = new Runtime(join(tools.containerd, 'ctr'), runtimeSocket(this.#folders));
    await this.startDaemon('kubelet');
    this.#nodes.push(nodeName);
  }
}

function withoutNode(): never {
  throw new Error('this cluster was started without a real node');
}

function report(line: string): void {
  process.stderr.write(`${line}\n`);
}
