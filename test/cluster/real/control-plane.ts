import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { type CertificateAuthority, kubeconfig } from './certificates.ts';
import type { Daemon } from './daemon.ts';
import type { ClusterFolders } from './folders.ts';
import { type AdminApi, answers } from './http.ts';
import { network } from './namespace.ts';

/** The API server as everybody in the cluster's network sees it; pods use the service address. */
export const apiServerUrl = 'https://127.0.0.1:443';

/** Who signs the tokens of service accounts, and whom they are for. */
export const tokenIssuer = 'https://kubernetes.default.svc';

const etcdUrl = 'http://127.0.0.1:2379';

/** What the programs of the control plane are put together from. */
export interface ControlPlaneParts {
  readonly folders: ClusterFolders;
  readonly authority: CertificateAuthority;
  readonly api: AdminApi;
  /** The folders with the binaries. */
  readonly tools: { readonly etcd: string; readonly 'control-plane': string };
  /** More flags, which go last and so have the last word. */
  readonly flags: {
    readonly 'kube-apiserver'?: readonly string[];
    readonly 'kube-controller-manager'?: readonly string[];
    readonly 'kube-scheduler'?: readonly string[];
  };
}

/** The store. It may forget everything at a power cut: that saves the disk's flushes. */
export function prepareEtcd({ folders, tools }: ControlPlaneParts): Daemon {
  const client = etcdUrl;
  const peer = 'http://127.0.0.1:2380';
  return {
    words: [
      join(tools.etcd, 'etcd'),
      ...['--name=etcd', `--data-dir=${folders.data}/etcd`, '--unsafe-no-fsync'],
      ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
      ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
      ...[`--initial-cluster=etcd=${peer}`, '--log-level=warn'],
    ],
    isReady: () => answers(`${client}/health`),
  };
}

/** Makes the store forget all revisions but the present ones (etcd API v3 as JSON: KV.Compact). */
export async function compactEtcd(): Promise<void> {
  const { header } = (await etcd('range', { key: Buffer.from('/').toString('base64') })) as {
    readonly header: { readonly revision: string };
  };
  await etcd('compaction', { revision: header.revision });
}

async function etcd(call: string, message: object): Promise<unknown> {
  const { statusCode, body } = await request(`${etcdUrl}/v3/kv/${call}`, {
    method: 'POST',
    body: JSON.stringify(message),
  });
  const text = await body.text();
  if (statusCode >= 300) throw new Error(`etcd answered ${statusCode} to ${call}: ${text}`);
  return JSON.parse(text);
}

/**
 * The API server: RBAC, the default admission plug-ins (PodSecurity among them, which goes by the
 * labels of namespaces), OwnerReferencesPermissionEnforcement as on OpenShift, and an audit log.
 */
export function prepareApiServer({
  folders,
  authority,
  api,
  tools,
  flags,
}: ControlPlaneParts): Daemon {
  const serving = authority.server('kube-apiserver', [
    ...['127.0.0.1', network.node, network.apiServer].map((address) => `IP:${address}`),
    ...['localhost', 'kubernetes.default', 'kubernetes.default.svc'].map((host) => `DNS:${host}`),
  ]);
  const kubelet = authority.client('kube-apiserver-kubelet-client', ['system:masters']);
  const tokens = authority.tokenKey();
  const auditPolicy = join(folders.configuration, 'audit-policy.json');
  writeFileSync(auditPolicy, JSON.stringify(audit));
  return {
    words: [
      join(tools['control-plane'], 'kube-apiserver'),
      ...[`--etcd-servers=${etcdUrl}`, `--service-cluster-ip-range=${network.services}`],
      ...['--bind-address=0.0.0.0', '--secure-port=443', `--advertise-address=${network.node}`],
      `--tls-cert-file=${serving.certificate}`,
      `--tls-private-key-file=${serving.key}`,
      `--client-ca-file=${authority.root.certificate}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement',
      '--allow-privileged=true',
      `--service-account-issuer=${tokenIssuer}`,
      `--service-account-signing-key-file=${tokens.key}`,
      `--service-account-key-file=${tokens.certificate}`,
      `--kubelet-client-certificate=${kubelet.certificate}`,
      `--kubelet-client-key=${kubelet.key}`,
      `--kubelet-certificate-authority=${authority.root.certificate}`,
      '--kubelet-preferred-address-types=InternalIP',
      // No kube-proxy: what the server calls by a service name is reached at its pod's address.
      '--enable-aggregator-routing=true',
      ...[`--audit-policy-file=${auditPolicy}`, `--audit-log-path=${folders.log}/audit.log`],
      ...['--audit-log-mode=blocking', '--audit-log-maxsize=2000', '--profiling=false'],
      ...(flags['kube-apiserver'] ?? []),
    ],
    isReady: () => api.isReady(),
  };
}

/** Everything that clients write and read; of the cluster's own parts only what they write. */
const audit = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', resources: [{ group: 'coordination.k8s.io' }], userGroups: ['system:nodes'] },
    { level: 'None', users: ['kwok'], resources: [{ group: 'coordination.k8s.io' }] },
    {
      level: 'None',
      verbs: ['get', 'list', 'watch'],
      users: [
        'kwok',
        'system:apiserver',
        'system:kube-controller-manager',
        'system:kube-scheduler',
      ],
    },
    {
      level: 'None',
      verbs: ['get', 'list', 'watch'],
      userGroups: ['system:nodes', 'system:serviceaccounts:kube-system'],
    },
    { level: 'Metadata' },
  ],
};

/** Ready once it runs its controllers: the first sign is the default service account. */
export function prepareControllerManager(parts: ControlPlaneParts): Daemon {
  const { authority, api, tools, flags } = parts;
  const { certificate, key } = authority.root;
  return {
    words: [
      join(tools['control-plane'], 'kube-controller-manager'),
      ...clientFlags(parts, 'kube-controller-manager'),
      ...['--secure-port=10257', '--use-service-account-credentials=true'],
      `--root-ca-file=${certificate}`,
      `--service-account-private-key-file=${authority.tokenKey().key}`,
      ...[`--cluster-signing-cert-file=${certificate}`, `--cluster-signing-key-file=${key}`],
      ...(flags['kube-controller-manager'] ?? []),
    ],
    isReady: async () =>
      (await answers('https://127.0.0.1:10257/healthz')) &&
      (await api.get('/api/v1/namespaces/default/serviceaccounts/default')) !== undefined,
  };
}

/** The scheduler with its default profile. */
export function prepareScheduler(parts: ControlPlaneParts): Daemon {
  return {
    words: [
      join(parts.tools['control-plane'], 'kube-scheduler'),
      ...clientFlags(parts, 'kube-scheduler'),
      '--secure-port=10259',
      ...(parts.flags['kube-scheduler'] ?? []),
    ],
    isReady: () => answers('https://127.0.0.1:10259/healthz'),
  };
}

function clientFlags(
  { folders, authority }: ControlPlaneParts,
  name: 'kube-controller-manager' | 'kube-scheduler',
): string[] {
  const file = join(folders.configuration, `${name}.kubeconfig`);
  writeFileSync(
    file,
    kubeconfig(apiServerUrl, authority.root, authority.client(`system:${name}`)),
    {
      mode: 0o600,
    },
  );
  return [
    ...[`--kubeconfig=${file}`, `--authentication-kubeconfig=${file}`],
    ...[`--authorization-kubeconfig=${file}`, '--bind-address=127.0.0.1', '--leader-elect=false'],
    // The defaults, 20 and 50 a second, let a thousand nodes wait for minutes.
    ...['--kube-api-qps=500', '--kube-api-burst=1000'],
  ];
}
