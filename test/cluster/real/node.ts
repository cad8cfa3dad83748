import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CertificateAuthority, kubeconfig } from './certificates.ts';
import { output } from './command.ts';
import { controlGroups } from './control-groups.ts';
import { apiServerUrl } from './control-plane.ts';
import type { Daemon } from './daemon.ts';
import type { ClusterFolders } from './folders.ts';
import { type AdminApi, answers } from './http.ts';
import { network } from './namespace.ts';

/** The real node's name. */
export const nodeName = 'node-1';

/** HTTPS at an address that node and pods share: in a pod 127.0.0.1 is the pod. */
export const registryAddress = `${network.node}:5000`;

/** Where the registry is to be had by whoever knows a password. */
export const privateRegistryPort = 5001;

/** The image that holds a pod's namespaces open; `pause` in other clusters. */
export const sandboxImage = `${registryAddress}/sandbox:1`;

/** What the programs of the node are put together from. */
export interface NodeParts {
  readonly clusterName: string;
  readonly folders: ClusterFolders;
  readonly authority: CertificateAuthority;
  readonly api: AdminApi;
  readonly tools: {
    readonly registry: string;
    readonly containerd: string;
    readonly runc: string;
    readonly cni: string;
    readonly kubelet: string;
  };
  /** More fields of the KubeletConfiguration. */
  readonly kubelet: Readonly<Record<string, unknown>>;
}

/** The runtime's socket: containerd's own and kubelet's way to it. */
export function runtimeSocket(folders: ClusterFolders): string {
  return join(folders.run, 'containerd.sock');
}

/** Where the runtime keeps what a reboot takes away: elsewhere below /run. */
export function runtimeState(folders: ClusterFolders): readonly string[] {
  return [containerdState(folders), runcState(folders), runtimeSocket(folders)];
}

function containerdState(folders: ClusterFolders): string {
  return join(folders.data, 'containerd', 'state');
}

function runcState(folders: ClusterFolders): string {
  return join(folders.run, 'runc');
}

/** An OCI registry, empty at first; its log has a line per request. */
export function prepareRegistry({ folders, authority, tools }: NodeParts): Daemon {
  const serving = authority.server('registry', [`IP:${network.node}`]);
  const file = join(folders.configuration, 'registry.yaml');
  const configuration = {
    version: '0.1',
    log: { level: 'info', formatter: 'text', accesslog: { disabled: false } },
    storage: {
      filesystem: { rootdirectory: join(folders.data, 'registry') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: {
      addr: registryAddress,
      tls: { certificate: serving.certificate, key: serving.key },
    },
  };
  writeFileSync(file, JSON.stringify(configuration)); // JSON is YAML
  return {
    words: [join(tools.registry, 'docker-registry'), 'serve', file],
    environment: { OTEL_TRACES_EXPORTER: 'none' },
    isReady: () => answers(`https://${registryAddress}/v2/`),
  };
}

/** The container runtime with the bridge network of the pods. */
export function prepareContainerd(parts: NodeParts): Daemon {
  const { folders, tools } = parts;
  const file = join(folders.configuration, 'containerd.toml');
  writeFileSync(file, containerdConfiguration(parts));
  writeNetworkConfiguration(folders);
  pullFromRegistry(parts, registryAddress);
  const ctr = join(tools.containerd, 'ctr');
  return {
    words: [join(tools.containerd, 'containerd'), '--config', file],
    environment: { PATH: `${tools.containerd}:${process.env['PATH']}` },
    isReady: () =>
      output([ctr, '--address', runtimeSocket(folders), 'version']).then(
        () => true,
        () => false,
      ),
  };
}

/**
 * Lets the runtime pull images of a host (with its port) from another one, of which that is then a mirror
 * (containerd: docs/hosts.md): from the cluster's registry by default.
 */
export function pullFromRegistry(
  { folders, authority }: Pick<NodeParts, 'folders' | 'authority'>,
  host: string,
  from = registryAddress,
): void {
  const hosts = join(registryHosts(folders), host, 'hosts.toml');
  mkdirSync(dirname(hosts), { recursive: true });
  const ca = authority.root.certificate;
  writeFileSync(hosts, `server = "https://${host}"\n[host."https://${from}"]\nca = "${ca}"\n`);
}

function containerdConfiguration({ folders, tools }: NodeParts): string {
  const data = join(folders.data, 'containerd');
  return `version = 3
root = "${data}/root"
state = "${containerdState(folders)}"
oom_score = 0
disabled_plugins = [
  "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs",
  "io.containerd.differ.v1.erofs",
]

[grpc]
address = "${runtimeSocket(folders)}"

[plugins."io.containerd.internal.v1.opt"]
path = "${data}/opt"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
pinned_images.sandbox = "${sandboxImage}"
registry.config_path = "${registryHosts(folders)}"

[plugins."io.containerd.cri.v1.runtime"]
# A machine without CAP_SYS_RESOURCE may not lower any oom_score_adj, which the sandbox asks for.
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true
cni.bin_dirs = ["${tools.cni}"]
cni.conf_dir = "${networkConfiguration(folders)}"

[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
options.BinaryName = "${tools.runc}/runc"
options.Root = "${runcState(folders)}"
options.SystemdCgroup = false
`;
}

function registryHosts(folders: ClusterFolders): string {
  return join(folders.configuration, 'registry-hosts');
}

function networkConfiguration(folders: ClusterFolders): string {
  return join(folders.configuration, 'cni');
}

function writeNetworkConfiguration(folders: ClusterFolders): void {
  const folder = networkConfiguration(folders);
  mkdirSync(folder, { recursive: true });
  const bridge = {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: network.bridge,
        isGateway: true,
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: join(folders.data, 'pod-addresses'),
          ranges: [[{ subnet: network.pods, gateway: network.node }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  };
  writeFileSync(join(folder, '10-pods.conflist'), JSON.stringify(bridge));
  const loopback = { cniVersion: '1.0.0', name: 'loopback', type: 'loopback' };
  writeFileSync(join(folder, '99-loopback.conf'), JSON.stringify(loopback));
}

/** Ready when the node says so by a heartbeat of this kubelet: after a restart it still says it of old. */
export function prepareKubelet(parts: NodeParts): Daemon {
  const { folders, authority, api, tools, clusterName } = parts;
  controlGroups(clusterName).make();
  const user = `system:node:${nodeName}`;
  const clientFile = join(folders.configuration, 'kubelet.kubeconfig');
  const client = authority.client(user, ['system:nodes']);
  writeFileSync(clientFile, kubeconfig(apiServerUrl, authority.root, client), { mode: 0o600 });
  const file = join(folders.configuration, 'kubelet.yaml');
  writeFileSync(file, JSON.stringify(kubeletConfiguration(parts)));
  // The API server cuts times to seconds.
  const startedAt = Math.floor(Date.now() / 1000) * 1000;
  return {
    words: [
      join(tools.kubelet, 'kubelet'),
      ...[`--config=${file}`, `--kubeconfig=${clientFile}`, `--hostname-override=${nodeName}`],
      ...[`--node-ip=${network.node}`, `--root-dir=${folders.data}/kubelet`],
      ...[`--cert-dir=${folders.data}/kubelet/pki`, '--v=2'],
    ],
    isReady: () => isNodeReady(api, nodeName, startedAt),
  };
}

/**
 * Claims that a node takes pods: it says it is Ready, said so at `since` (ms since the epoch) or
 * later, and the taint that every new node gets is off, which the controllers do after that.
 */
export async function isNodeReady(api: AdminApi, name: string, since = 0): Promise<boolean> {
  const node = (await api.get(`/api/v1/nodes/${name}`)) as NodeObject | undefined;
  const ready = node?.status.conditions?.find(({ type }) => type === 'Ready');
  const isTainted = node?.spec.taints?.some(({ key }) => key === 'node.kubernetes.io/not-ready');
  return ready?.status === 'True' && Date.parse(ready.lastHeartbeatTime) >= since && !isTainted;
}

/** As much of a Node as is read here. */
interface NodeObject {
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
  readonly status: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastHeartbeatTime: string;
    }[];
  };
}

function kubeletConfiguration({ clusterName, folders, authority, kubelet }: NodeParts): object {
  const serving = authority.server(`kubelet-${nodeName}`, [
    `IP:${network.node}`,
    `DNS:${nodeName}`,
  ]);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: network.node,
    healthzPort: 0,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: authority.root.certificate },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: serving.certificate,
    tlsPrivateKeyFile: serving.key,
    containerRuntimeEndpoint: `unix://${runtimeSocket(folders)}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${controlGroups(clusterName).name}`,
    // Fatal by default since 1.35, and the machine's own affair here.
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    podLogsDir: join(folders.log, 'pods'),
    volumePluginDir: join(folders.data, 'kubelet', 'volume-plugins'),
    resolvConf: '',
    // The disk of a developer's machine may be nearly full: only a full one is a reason to evict.
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'imagefs.available': '1%',
      'nodefs.inodesFree': '1%',
    },
    ...kubelet,
  };
}
