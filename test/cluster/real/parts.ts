import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * What a real cluster is made of: where each part comes from. Versions are pinned by the go.mod
 * files in tools/; a Debian package is only unpacked, never installed.
 */
export interface Part {
  /** Preferred where the machine's Debian offers at least this version. */
  readonly debian?: DebianSource;
  /** Built where no Debian package is named, or none is new enough. */
  readonly go?: GoSource;
}

/** A package of the machine's Debian, unpacked. */
export interface DebianSource {
  readonly package: string;
  /** Upstream version as Debian compares it (deb-version(7)). */
  readonly atLeast: string;
  /** Name of each binary, and its path inside the package. */
  readonly binaries: Readonly<Record<string, string>>;
  /** Packages with libraries that it needs and machines may lack: they are put beside the binaries. */
  readonly libraries?: readonly string[];
}

/** Packages of Go modules, built. */
export interface GoSource {
  /** The folder below tools/ whose go.mod pins the versions. */
  readonly module: string;
  /** Name of each binary, and its package. A lone binary may be named unlike its package. */
  readonly packages: Readonly<Record<string, string>>;
  readonly tags?: string;
  /** Variables set at link time: the version that a binary reports. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Files of a module to be joined as YAML documents, by the name of the result. */
  readonly documents?: Readonly<
    Record<string, { readonly module: string; readonly files: readonly string[] }>
  >;
  /** CPU time of a build from nothing, as measured: shown to whoever waits for it. */
  readonly cpuMinutes: number;
}

/** The folder with one Go module per source. */
export const toolsFolder = fileURLToPath(new URL('./tools/', import.meta.url));

/** The oldest Go that a module in tools/ can be built by, as its go.mod says it. */
export function oldestGo(folder: string): string {
  const text = readFileSync(`${toolsFolder}${folder}/go.mod`, 'utf8');
  return /^go (\S+)$/m.exec(text)?.[1] ?? '';
}

/** The version that a go.mod in tools/ pins a module to. */
function pinnedVersion(folder: string, module: string): string {
  const text = readFileSync(`${toolsFolder}${folder}/go.mod`, 'utf8');
  const line = text.split('\n').find((candidate) => candidate.startsWith(`require ${module} `));
  if (line === undefined) throw new Error(`tools/${folder}/go.mod does not require ${module}`);
  return line.split(' ')[2] ?? '';
}

/** Kubernetes binaries without this say v0.0.0-master, which clients take for an ancient server. */
function kubernetesVersion(): Record<string, string> {
  const version = pinnedVersion('kubernetes', 'k8s.io/kubernetes');
  const [major = '', minor = ''] = version.slice(1).split('.');
  const variable = (name: string) => `k8s.io/component-base/version.${name}`;
  return {
    [variable('gitVersion')]: version,
    [variable('gitMajor')]: major,
    [variable('gitMinor')]: minor,
    [variable('gitTreeState')]: 'clean',
    [variable('buildDate')]: '1970-01-01T00:00:00Z',
  };
}

const containerd = 'github.com/containerd/containerd/v2';

/** Every part by its name. */
export const parts = {
  etcd: {
    debian: {
      package: 'etcd-server',
      atLeast: '3.5.21',
      binaries: { etcd: 'usr/bin/etcd' },
    },
    go: { module: 'etcd', packages: { etcd: 'go.etcd.io/etcd/server/v3' }, cpuMinutes: 1 },
  },
  // One build for all four: they share nearly all of their packages.
  'control-plane': {
    go: {
      module: 'kubernetes',
      packages: {
        'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
        'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
        'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
        kubectl: 'k8s.io/kubernetes/cmd/kubectl',
      },
      variables: kubernetesVersion(),
      cpuMinutes: 10,
    },
  },
  kubelet: {
    go: {
      module: 'kubernetes',
      packages: { kubelet: 'k8s.io/kubernetes/cmd/kubelet' },
      variables: kubernetesVersion(),
      cpuMinutes: 3,
    },
  },
  containerd: {
    // 2.1 is the first that mounts image volumes.
    debian: {
      package: 'containerd',
      atLeast: '2.1',
      binaries: {
        containerd: 'usr/bin/containerd',
        'containerd-shim-runc-v2': 'usr/bin/containerd-shim-runc-v2',
        ctr: 'usr/bin/ctr',
      },
    },
    go: {
      module: 'containerd',
      packages: {
        containerd: `${containerd}/cmd/containerd`,
        'containerd-shim-runc-v2': `${containerd}/cmd/containerd-shim-runc-v2`,
        ctr: `${containerd}/cmd/ctr`,
      },
      tags: 'no_btrfs,no_zfs,no_devmapper,no_tracing',
      variables: { [`${containerd}/version.Version`]: pinnedVersion('containerd', containerd) },
      cpuMinutes: 2,
    },
  },
  // runc needs cgo and libseccomp's headers; the package has been built with both.
  runc: { debian: { package: 'runc', atLeast: '1.1', binaries: { runc: 'usr/sbin/runc' } } },
  cni: {
    debian: {
      package: 'containernetworking-plugins',
      atLeast: '1.1',
      binaries: {
        bridge: 'usr/lib/cni/bridge',
        loopback: 'usr/lib/cni/loopback',
        'host-local': 'usr/lib/cni/host-local',
      },
    },
  },
  registry: {
    debian: {
      package: 'docker-registry',
      atLeast: '2.8',
      binaries: { 'docker-registry': 'usr/bin/docker-registry' },
    },
  },
  busybox: {
    debian: { package: 'busybox-static', atLeast: '1:1.35', binaries: { busybox: 'bin/busybox' } },
  },
  kwok: {
    go: {
      module: 'kwok',
      packages: { kwok: 'sigs.k8s.io/kwok/cmd/kwok' },
      // The bare binary brings none. How pods start is our own: fake-pods.ts.
      documents: {
        'stages.yaml': {
          module: 'sigs.k8s.io/kwok',
          files: [
            'kustomize/stage/node/fast/node-initialize.yaml',
            'kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml',
            'kustomize/stage/pod/fast/pod-complete.yaml',
            'kustomize/stage/pod/fast/pod-delete.yaml',
          ],
        },
      },
      cpuMinutes: 3,
    },
  },
  prometheus: {
    debian: {
      package: 'prometheus',
      atLeast: '2.42',
      binaries: { prometheus: 'usr/bin/prometheus', promtool: 'usr/bin/promtool' },
    },
  },
  // For what we print for them to read.
  zsh: { debian: { package: 'zsh', atLeast: '5.9', binaries: { zsh: 'bin/zsh' } } },
  fish: {
    debian: {
      package: 'fish',
      atLeast: '3.6',
      binaries: { fish: 'usr/bin/fish' },
      libraries: ['libpcre2-32-0'],
    },
  },
  // Our own program around the libraries of others.
  judges: { go: { module: 'judges', packages: { judges: '.' }, cpuMinutes: 1 } },
} as const satisfies Readonly<Record<string, Part>>;

/** One of the parts. */
export type PartName = keyof typeof parts;
