import type { KubeObject } from '../kube/objects.ts';
import {
  metricsCertSecret,
  metricsPort,
  metricsPortName,
  operatorNamespace,
  operatorServiceAccount,
} from './operator.ts';

/** As its namespace, the operator's pods and whatever is the operator's are called. */
const operator = operatorNamespace;
const labels = { name: operator };

/** By this name and port the Go operator is scraped, and its users go on scraping. */
export const metricsServiceName = `${operator}-manager-metrics-service`;

/** The host names by which an operator in this namespace is scraped; outside a pod it has none. */
export function metricsHosts(namespace: string): readonly [string, ...string[]] {
  return namespace === '' ? ['localhost'] : ['localhost', `${metricsServiceName}.${namespace}.svc`];
}

/** On the metrics Services of all installations, whatever their pods are called by. */
const scraped = { 'app.kubernetes.io/name': operator };

const authRoleName = `${operator}-metrics-auth-role`;
const runbook =
  'https://github.com/che-incubator/kubernetes-image-puller-operator/blob/main/docs/runbook.md';

/** By it the metrics are scraped; OpenShift makes its certificate. */
export function metricsService(): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: metricsServiceName,
      namespace: operatorNamespace,
      labels: { ...labels, ...scraped },
      annotations: { 'service.beta.openshift.io/serving-cert-secret-name': metricsCertSecret },
    },
    spec: {
      selector: labels,
      ports: [{ name: metricsPortName, port: metricsPort, targetPort: metricsPortName }],
    },
  };
}

/** What the operator needs to know who asks for its metrics: it puts two questions, and reads nothing. */
export function metricsAuthRole(): KubeObject {
  const ask = (apiGroup: string, resource: string) => ({
    apiGroups: [apiGroup],
    resources: [resource],
    verbs: ['create'],
  });
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: authRoleName },
    rules: [
      ask('authentication.k8s.io', 'tokenreviews'),
      ask('authorization.k8s.io', 'subjectaccessreviews'),
    ],
  };
}

/** Gives the operator {@link metricsAuthRole}. */
export function metricsAuthRoleBinding(): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `${operator}-metrics-auth-rolebinding` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: authRoleName },
    subjects: [
      { kind: 'ServiceAccount', name: operatorServiceAccount, namespace: operatorNamespace },
    ],
  };
}

/** To be bound to whoever scrapes. */
export function metricsReaderRole(): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: `${operator}-metrics-reader` },
    rules: [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }],
  };
}

/** For the Prometheus operator. The certificate is not looked at, as it may be one that signs itself. */
export function serviceMonitor(): KubeObject {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { name: `${operator}-metrics-monitor`, namespace: operatorNamespace, labels },
    spec: {
      selector: { matchLabels: scraped },
      endpoints: [
        {
          path: '/metrics',
          port: metricsPortName,
          scheme: 'https',
          bearerTokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
          tlsConfig: { insecureSkipVerify: true },
        },
      ],
    },
  };
}

/** An alert, as Prometheus knows it. */
interface Alert {
  readonly alert: string;
  readonly expr: string;
  /** How long it must have been so; at once where it says that itself. */
  readonly for?: string;
  readonly labels: { readonly severity: 'warning' | 'critical' };
  readonly annotations: { readonly summary: string; readonly description: string };
}

/** A further installation in one namespace has a Service whose name goes on: docs/leader-election.md. */
const job = `job=~"${metricsServiceName}(-.+)?"`;
const puller = '{{ $labels.puller_namespace }}/{{ $labels.puller_name }}';
const show = 'kubectl -n {{ $labels.puller_namespace }} get kip {{ $labels.puller_name }} -o yaml';

const alerts: readonly Alert[] = [
  {
    alert: 'ImagePullerImageFailing',
    expr: 'max by (puller_namespace, puller_name) (image_puller_images_failing) > 0',
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `Images of ${puller} cannot be cached.`,
      description: `Images of the puller ${puller} that fail on at least one node: {{ $value }}. Its status says which, where and why: ${show}`,
    },
  },
  {
    alert: 'ImagePullerCacheIncomplete',
    expr: 'max by (puller_namespace, puller_name) (image_puller_since_complete_seconds) > 1800',
    labels: { severity: 'warning' },
    annotations: {
      summary: `The cache of ${puller} is not complete.`,
      description: `For {{ $value | humanizeDuration }} not every node has had every image of the puller ${puller}. Its conditions say what is missing: ${show}`,
    },
  },
  {
    alert: 'ImagePullerNoLeader',
    // Each installation by itself, and for an hour also one of which nothing is left to scrape.
    expr: `(sum by (namespace, job) (leader_election_master_status{${job}}) or 0 * sum by (namespace, job) (last_over_time(leader_election_master_status{${job}}[1h]))) == 0 or absent(leader_election_master_status{${job}})`,
    for: '5m',
    labels: { severity: 'critical' },
    annotations: {
      summary: 'No image puller operator is at work.',
      description:
        'For five minutes no process of the operator has led, or none could be scraped. What is cached stays, but no change of a puller takes effect.',
    },
  },
  {
    alert: 'ImagePullerWatchStorm',
    // The worst cache of each installation: in a mean over namespaces or processes one would not show.
    expr: 'max by (namespace, job, resource) (increase(image_puller_watch_starts_total[10m]) + increase(image_puller_list_starts_total[10m])) > 15',
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'The operator cannot keep its watch of {{ $labels.resource }}.',
      description:
        'In ten minutes a cache of {{ $labels.resource }} began {{ $value | humanize }} lists and watches; three or four are usual. The operator may be late, and the API server has more to do than it should.',
    },
  },
];

/** The alerts of docs/runbook.md, each with a link to its chapter. */
export function prometheusRule(): KubeObject {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: `${operator}-alerts`, namespace: operatorNamespace, labels },
    spec: {
      groups: [
        {
          name: 'image-puller',
          rules: alerts.map(({ annotations, ...alert }) => ({
            ...alert,
            annotations: { ...annotations, runbook_url: `${runbook}#${alert.alert.toLowerCase()}` },
          })),
        },
      ],
    },
  };
}
