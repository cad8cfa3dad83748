import * as api from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';
import { operatorImage, sleeperImage } from '../release.ts';
import { leaseName } from './names.ts';
import { containerSecurityContext } from './pod-security.ts';

/**
 * The operator's own installation. Names are the peer's (kubernetes-image-puller-operator: deploy/), so
 * that its users find what they know and an upgrade replaces instead of doubling.
 */
const operator = 'kubernetes-image-puller-operator';
/** Where the operator runs. */
export const operatorNamespace = operator;
/** Who the operator is. */
export const operatorServiceAccount = `${operator}-sa`;
/** The name that the API server knows the operator by. */
export const operatorUser = `system:serviceaccount:${operatorNamespace}:${operatorServiceAccount}`;
const roleName = `${operator}-role`;
const bindingName = `${operator}-role-binding`;
const leaderElectionRoleName = `${operator}-leader-election-role`;
/** The operator's pods. */
const labels = { name: operator };

const healthPort = 8081;
/** The port of /metrics, and its name wherever it has one: as the Go operator's ServiceMonitor says it. */
export const metricsPort = 8443;
export const metricsPortName = 'https';
/** Where a certificate for /metrics may be: OpenShift makes one by this name, cert-manager can. */
export const metricsCertSecret = `${operator}-metrics-cert`;
/** Below the one folder that the image's launcher lets the program read. */
const metricsCertDir = '/etc/image-puller/metrics-cert';
/** Where clients in pods look for their credentials (kubernetes/client-go: rest/config.go). */
export const credentialsDir = '/var/run/secrets/kubernetes.io/serviceaccount';
/**
 * How long a token of the operator is good for, in seconds. Those that kubelet mounts by itself are asked
 * for with 3607, which the API server takes for a sign that the holder may not read its token again, and
 * makes a year of (kubernetes/kubernetes: pkg/registry/core/serviceaccount/storage/token.go).
 */
export const tokenSeconds = 3600;

/** Enforces the strictest Pod Security level where the operator runs. */
export function namespace(): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: operatorNamespace,
      labels: {
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/warn': 'restricted',
        'pod-security.kubernetes.io/audit': 'restricted',
      },
    },
  };
}

/** Who the operator is; its rights are bound to this. */
export function serviceAccount(): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: operatorServiceAccount, namespace: operatorNamespace },
  };
}

/**
 * What the operator may do in each namespace that it watches. Server-side apply needs `create` and
 * `patch`; a change of owner needs `delete`; `blockOwnerDeletion` needs `update` on the finalizers of
 * the owner (admission plug-in OwnerReferencesPermissionEnforcement). Pods are only looked at, and of
 * Events those about refused pods are listed. No Secrets, no nodes, no wildcard.
 */
function rules() {
  const children = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
  return [
    { apiGroups: [api.group], resources: [api.plural], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [api.group], resources: [`${api.plural}/status`], verbs: ['patch'] },
    { apiGroups: [api.group], resources: [`${api.plural}/finalizers`], verbs: ['update'] },
    { apiGroups: ['apps'], resources: ['daemonsets', 'deployments'], verbs: children },
    { apiGroups: [''], resources: ['configmaps', 'serviceaccounts'], verbs: children },
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['roles', 'rolebindings'],
      verbs: children,
    },
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  ];
}

const subjects = [
  { kind: 'ServiceAccount', name: operatorServiceAccount, namespace: operatorNamespace },
];

/** For an operator that watches all namespaces. */
export function clusterRole(): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: roleName },
    rules: rules(),
  };
}

/** Gives the operator {@link clusterRole}. */
export function clusterRoleBinding(): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: bindingName },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
    subjects,
  };
}

/** For an operator that watches its own namespace. */
export function role(): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: roleName, namespace: operatorNamespace },
    rules: rules(),
  };
}

/** Gives the operator {@link role}. */
export function roleBinding(): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: bindingName, namespace: operatorNamespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: roleName },
    subjects,
  };
}

/**
 * What leader election needs where the operator itself runs. A name cannot be demanded of what is not
 * there yet, so `create` has none; looked at and renewed is the one Lease only.
 */
export function leaderElectionRole(): KubeObject {
  const lease = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: leaderElectionRoleName, namespace: operatorNamespace },
    rules: [
      { ...lease, verbs: ['create'] },
      { ...lease, resourceNames: [leaseName], verbs: ['get', 'update'] },
    ],
  };
}

/** Gives the operator {@link leaderElectionRole}. */
export function leaderElectionRoleBinding(): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: `${operator}-leader-election-rolebinding`, namespace: operatorNamespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: leaderElectionRoleName },
    subjects,
  };
}

/**
 * Drained nodes take one operator at a time. With `minAvailable` a single replica could not be drained at
 * all.
 */
export function podDisruptionBudget(): KubeObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: `${operator}-manager`, namespace: operatorNamespace },
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: labels },
      // One that cannot get Ready keeps no node from being drained.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  };
}

/** On the namespaces from which metrics are asked for, as in the policies that kubebuilder makes. */
const scrapers = { metrics: 'enabled' };

/**
 * Offered, not installed: who uses it may have to name other ports. The operator asks for names and
 * speaks to the API server, at the usual ports before and behind its Service. No policy can select that
 * server, so the ports are open to wherever. The operator is asked how it is, and for its metrics from
 * namespaces that are labelled for that.
 */
export function networkPolicy(): KubeObject {
  const tcp = (port: number) => ({ protocol: 'TCP', port });
  // The second is where OpenShift's DNS pods listen.
  const dns = [53, 5353].flatMap((port) => [tcp(port), { protocol: 'UDP', port }]);
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: `${operator}-manager`, namespace: operatorNamespace },
    spec: {
      podSelector: { matchLabels: labels },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { ports: [tcp(healthPort)] },
        { from: [{ namespaceSelector: { matchLabels: scrapers } }], ports: [tcp(metricsPort)] },
      ],
      egress: [{ ports: dns }, { ports: [tcp(443), tcp(6443)] }],
    },
  };
}

/**
 * Two replicas, of which one leads and the other stands by with its caches filled, on two nodes where
 * there are two. Both are ready, so an update replaces one after the other.
 */
export function deployment(): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `${operator}-manager`, namespace: operatorNamespace, labels },
    spec: {
      replicas: 2,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: operatorServiceAccount,
          // What would be mounted instead of `credentials` is good for a year.
          automountServiceAccountToken: false,
          // The operator takes up to 35 s to end by itself, yet mostly a moment.
          terminationGracePeriodSeconds: 40,
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: labels },
            },
          ],
          // No uid: the image has a numeric one, and OpenShift assigns its own.
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          volumes: [
            { name: 'credentials', projected: { sources: credentials() } },
            // Without it the operator signs a certificate itself, and takes this one when it comes.
            { name: 'metrics-cert', secret: { secretName: metricsCertSecret, optional: true } },
          ],
          containers: [
            {
              name: operator,
              image: operatorImage,
              args: ['operator'],
              env: [
                // First, as config/namespaced replaces it by position.
                { name: 'WATCH_NAMESPACE', value: '' },
                { name: 'POD_NAMESPACE', valueFrom: field('metadata.namespace') },
                { name: 'POD_NAME', valueFrom: field('metadata.name') },
                { name: 'OPERATOR_NAME', value: operator },
                { name: 'RELATED_IMAGE_OPERATOR', value: operatorImage },
                { name: 'RELATED_IMAGE_SLEEPER', value: sleeperImage },
                { name: 'METRICS_CERT_DIR', value: metricsCertDir },
              ],
              ports: [
                { name: 'health', containerPort: healthPort },
                { name: metricsPortName, containerPort: metricsPort },
              ],
              volumeMounts: [
                { name: 'credentials', mountPath: credentialsDir, readOnly: true },
                { name: 'metrics-cert', mountPath: metricsCertDir, readOnly: true },
              ],
              livenessProbe: { httpGet: { path: '/healthz', port: 'health' }, periodSeconds: 20 },
              readinessProbe: { httpGet: { path: '/readyz', port: 'health' }, periodSeconds: 5 },
              // Room for 500 pullers, or for 5,000 nodes: the figures are in the README.
              resources: {
                requests: { cpu: '50m', memory: '128Mi' },
                limits: { memory: '256Mi' },
              },
              securityContext: containerSecurityContext,
            },
          ],
        },
      },
    },
  };
}

/** The files that kubelet mounts by itself, with a token that ends. */
function credentials() {
  return [
    { serviceAccountToken: { path: 'token', expirationSeconds: tokenSeconds } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', ...field('metadata.namespace') }] } },
  ];
}

/** What config/namespaced puts in place of the first variable: the operator's own namespace. */
export const watchOwnNamespace = [
  {
    op: 'replace',
    path: '/spec/template/spec/containers/0/env/0',
    value: { name: 'WATCH_NAMESPACE', valueFrom: field('metadata.namespace') },
  },
];

function field(fieldPath: string) {
  return { fieldRef: { fieldPath } };
}
