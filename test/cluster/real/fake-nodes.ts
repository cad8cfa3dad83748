import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CertificateAuthority, kubeconfig } from './certificates.ts';
import { apiServerUrl } from './control-plane.ts';
import type { Daemon } from './daemon.ts';
import { podStages } from './fake-pods.ts';
import type { ClusterFolders } from './folders.ts';
import { answers } from './http.ts';

/** On every fake node and on no real one: for a node selector. */
const fakeNodeLabel = { 'kip.test/node': 'fake' } as const;

/** Keeps real pods off: what is to run on fake nodes tolerates it. */
export const fakeNodeTaint = { key: 'kip.test/node', value: 'fake', effect: 'NoSchedule' } as const;

/** Says that kwok plays the kubelet of a fake node. Without it that node falls silent. */
export const fakeKubeletLabel = { 'kip.test/kubelet': 'kwok' } as const;

/** Plays the kubelet of every fake node: nodes are Ready, their pods go through `podStages`. */
export function prepareKwok(parts: {
  readonly folders: ClusterFolders;
  readonly authority: CertificateAuthority;
  readonly tools: { readonly kwok: string };
}): Daemon {
  const { folders, authority, tools } = parts;
  const file = join(folders.configuration, 'kwok.kubeconfig');
  const client = authority.client('kwok', ['system:masters']);
  writeFileSync(file, kubeconfig(apiServerUrl, authority.root, client), { mode: 0o600 });
  const stages = join(folders.configuration, 'kwok.yaml');
  // JSON is YAML.
  writeFileSync(
    stages,
    [parallelism, ...podStages()].map((part) => JSON.stringify(part)).join('\n---\n'),
  );
  const [[label, value] = []] = Object.entries(fakeKubeletLabel);
  return {
    words: [
      join(tools.kwok, 'kwok'),
      ...[`--config=${tools.kwok}/stages.yaml`, `--config=${stages}`, `--kubeconfig=${file}`],
      '--manage-all-nodes=false',
      `--manage-nodes-with-label-selector=${label}=${value}`,
      ...['--node-lease-duration-seconds=40', '--server-address=127.0.0.1:10247', '--v=WARN'],
    ],
    isReady: () => answers('http://127.0.0.1:10247/healthz'),
  };
}

/**
 * How much kwok has on its way at a time. Its default, 4, lets the Leases of a thousand nodes run out
 * where an answer of the API server takes a while (kubernetes-sigs/kwok: pkg/apis/config/v1alpha1).
 */
const parallelism = {
  apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
  kind: 'KwokConfiguration',
  options: { nodeLeaseParallelism: 16, nodePlayStageParallelism: 16, podPlayStageParallelism: 16 },
};

/** A node that exists on paper only. */
export function fakeNode(name: string): object {
  const size = { cpu: '32', memory: '256Gi', pods: '110' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        ...fakeNodeLabel,
        ...fakeKubeletLabel,
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
      },
    },
    spec: { taints: [fakeNodeTaint] },
    status: { capacity: size, allocatable: size },
  };
}

/** `fake-0001` and so on. */
export function fakeNodeName(number: number): string {
  return `fake-${String(number).padStart(4, '0')}`;
}
