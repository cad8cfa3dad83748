import { controllerOf, type KubeObject } from '../../../../src/kube/objects.ts';
import { asList, asObject, asObjects, at, type JsonObject } from '../json.ts';
import { ageColumn, since } from './age.ts';
import { type Column, column, nameColumn, wide } from './column.ts';
import { labelText, selectorOrNone, selectorText } from './labels.ts';
import { podColumns } from './pod.ts';

/** A number of the object, 0 where it is not there. */
function count(name: string, ...path: readonly string[]): Column {
  return column(name, (object) => Number(at(object, ...path) ?? 0), { type: 'integer' });
}

function text(object: unknown, ...path: readonly string[]): string {
  return String(at(object, ...path) ?? '');
}

/** What a pod template holds. */
const templateColumns: readonly Column[] = [
  wide('Containers', (object) => containersOf(object, 'name')),
  wide('Images', (object) => containersOf(object, 'image')),
];

/** What selects the pods. */
const selectorColumn = wide('Selector', (object) => selectorOrNone(at(object, 'spec', 'selector')));

function containersOf(object: KubeObject, field: 'name' | 'image'): string {
  const containers = asObjects(at(object, 'spec', 'template', 'spec', 'containers'));
  return containers.map((container) => container[field]).join(',');
}

const bindingColumns: readonly Column[] = [
  nameColumn,
  column(
    'Role',
    (object) => `${text(object, 'roleRef', 'kind')}/${text(object, 'roleRef', 'name')}`,
  ),
  ageColumn,
  wide('Users', (object) => subjectsOf(object, 'User')),
  wide('Groups', (object) => subjectsOf(object, 'Group')),
  wide('ServiceAccounts', (object) => subjectsOf(object, 'ServiceAccount')),
];

function subjectsOf(binding: KubeObject, wanted: string): string {
  return asObjects(binding['subjects'])
    .filter(({ kind }) => kind === wanted)
    .map(({ namespace, name }) => (wanted === 'ServiceAccount' ? `${namespace}/${name}` : name))
    .join(', ');
}

const nodeColumns: readonly Column[] = [
  nameColumn,
  column('Status', nodeStatus),
  column('Roles', nodeRoles),
  ageColumn,
  column('Version', (node) => nodeInfo(node, 'kubeletVersion')),
  wide('Internal-IP', (node) => nodeAddress(node, 'InternalIP')),
  wide('External-IP', (node) => nodeAddress(node, 'ExternalIP')),
  wide('OS-Image', (node) => nodeInfo(node, 'osImage') || '<unknown>'),
  wide('Kernel-Version', (node) => {
    const architecture = nodeInfo(node, 'architecture');
    const kernel = nodeInfo(node, 'kernelVersion') || '<unknown>';
    return architecture === '' ? kernel : `${kernel} (${architecture})`;
  }),
  wide('Container-Runtime', (node) => nodeInfo(node, 'containerRuntimeVersion') || '<unknown>'),
];

function nodeInfo(node: KubeObject, field: string): string {
  return text(node, 'status', 'nodeInfo', field);
}

function nodeStatus(node: KubeObject): string {
  const ready = asObjects(at(node, 'status', 'conditions')).find(({ type }) => type === 'Ready');
  const state = ready === undefined ? 'Unknown' : readiness(ready);
  return at(node, 'spec', 'unschedulable') === true ? `${state},SchedulingDisabled` : state;
}

function readiness({ status }: JsonObject): string {
  return status === 'True' ? 'Ready' : 'NotReady';
}

const rolePrefix = 'node-role.kubernetes.io/';

function nodeRoles({ metadata: { labels = {} } }: KubeObject): string {
  const roles = Object.entries(labels)
    .map(([key, value]) => {
      if (key === 'kubernetes.io/role') return value;
      return key.startsWith(rolePrefix) ? key.slice(rolePrefix.length) : '';
    })
    .filter((role) => role !== '');
  return [...new Set(roles)].sort().join(',') || '<none>';
}

function nodeAddress(node: KubeObject, wanted: string): unknown {
  const addresses = asObjects(at(node, 'status', 'addresses'));
  return addresses.find(({ type }) => type === wanted)?.['address'] ?? '<none>';
}

const eventColumns: readonly Column[] = [
  column('Last Seen', lastSeen),
  column('Type', (event) => text(event, 'type')),
  column('Reason', (event) => text(event, 'reason')),
  column('Object', (event) => {
    const name = text(event, 'involvedObject', 'name');
    const kind = text(event, 'involvedObject', 'kind').toLowerCase();
    return name === '' ? kind : `${kind}/${name}`;
  }),
  wide('Subobject', (event) => text(event, 'involvedObject', 'fieldPath')),
  wide('Source', (event) => {
    const component = text(event, 'source', 'component') || text(event, 'reportingComponent');
    const instance = text(event, 'source', 'host') || text(event, 'reportingInstance');
    return instance === '' ? component : `${component}, ${instance}`;
  }),
  column('Message', (event) => text(event, 'message').trim()),
  wide('First Seen', firstSeen),
  wide('Count', (event) => Number(at(event, 'series', 'count') ?? (event['count'] || 1))),
  { ...nameColumn, priority: 1 },
];

function firstSeen(event: KubeObject, now: number): string {
  return since(event['firstTimestamp'] ?? event['eventTime'], now);
}

function lastSeen(event: KubeObject, now: number): string {
  const last = at(event, 'series', 'lastObservedTime') ?? event['lastTimestamp'];
  return last === undefined || last === null ? firstSeen(event, now) : since(last, now);
}

/** The object that made this one, as `daemonset.apps/name`. */
function controllerText(object: KubeObject): string {
  const controller = controllerOf(object);
  if (controller === undefined) return '<none>';
  const group = /^(.+)\//.exec(controller.apiVersion)?.[1];
  const kind = group === undefined ? controller.kind : `${controller.kind}.${group}`;
  return `${kind.toLowerCase()}/${controller.name}`;
}

/** Either what quotas say of requests and numbers, or what they say of limits. */
function quotaText(quota: KubeObject, isLimit: boolean): string {
  const used = asObject(at(quota, 'status', 'used'));
  return Object.entries(asObject(at(quota, 'status', 'hard')))
    .filter(([resource]) => resource.startsWith('limits.') === isLimit)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([resource, hard]) => `${resource}: ${used[resource] ?? '0'}/${hard}`)
    .join(', ');
}

function portsText(service: KubeObject): string {
  return asObjects(at(service, 'spec', 'ports'))
    .map(({ port, nodePort, protocol }) => `${nodePort ? `${port}:${nodePort}` : port}/${protocol}`)
    .join(',');
}

function orNotApplicable(value: unknown): string {
  return value === undefined ? 'N/A' : String(value);
}

/**
 * What the API server prints of built-in kinds (kubernetes/kubernetes:
 * pkg/printers/internalversion/printers.go); other kinds have {@link plainColumns}.
 */
export const builtInColumns: Readonly<Record<string, readonly Column[]>> = {
  Pod: podColumns,
  Node: nodeColumns,
  Event: eventColumns,
  RoleBinding: bindingColumns,
  ClusterRoleBinding: bindingColumns,
  ServiceAccount: [nameColumn, ageColumn],
  Namespace: [nameColumn, column('Status', (object) => text(object, 'status', 'phase')), ageColumn],
  ConfigMap: [
    nameColumn,
    column('Data', ({ data, binaryData }) => fieldsIn(data) + fieldsIn(binaryData)),
    ageColumn,
  ],
  Secret: [
    nameColumn,
    column('Type', (secret) => text(secret, 'type')),
    column('Data', ({ data }) => fieldsIn(data)),
    ageColumn,
  ],
  Service: [
    nameColumn,
    column('Type', (service) => text(service, 'spec', 'type')),
    column('Cluster-IP', (service) => asList(at(service, 'spec', 'clusterIPs'))[0] ?? '<none>'),
    column(
      'External-IP',
      (service) => asList(at(service, 'spec', 'externalIPs')).join(',') || '<none>',
    ),
    column('Port(s)', (service) => portsText(service) || '<none>'),
    ageColumn,
    wide('Selector', (service) => labelText(at(service, 'spec', 'selector'))),
  ],
  DaemonSet: [
    nameColumn,
    count('Desired', 'status', 'desiredNumberScheduled'),
    count('Current', 'status', 'currentNumberScheduled'),
    count('Ready', 'status', 'numberReady'),
    count('Up-to-date', 'status', 'updatedNumberScheduled'),
    count('Available', 'status', 'numberAvailable'),
    column('Node Selector', (object) =>
      labelText(at(object, 'spec', 'template', 'spec', 'nodeSelector')),
    ),
    ageColumn,
    ...templateColumns,
    selectorColumn,
  ],
  Deployment: [
    nameColumn,
    column('Ready', (object) => {
      const ready = at(object, 'status', 'readyReplicas') ?? 0;
      return `${ready}/${at(object, 'spec', 'replicas') ?? 0}`;
    }),
    { ...count('Up-to-date', 'status', 'updatedReplicas'), type: 'string' },
    { ...count('Available', 'status', 'availableReplicas'), type: 'string' },
    ageColumn,
    ...templateColumns,
    wide('Selector', (object) => selectorText(at(object, 'spec', 'selector'))),
  ],
  ReplicaSet: [
    nameColumn,
    count('Desired', 'spec', 'replicas'),
    count('Current', 'status', 'replicas'),
    count('Ready', 'status', 'readyReplicas'),
    ageColumn,
    ...templateColumns,
    selectorColumn,
  ],
  ControllerRevision: [
    nameColumn,
    column('Controller', controllerText),
    column('Revision', ({ revision }) => revision ?? 0),
    ageColumn,
  ],
  Lease: [
    nameColumn,
    column('Holder', (lease) => text(lease, 'spec', 'holderIdentity')),
    ageColumn,
  ],
  NetworkPolicy: [
    nameColumn,
    column('Pod-Selector', (policy) => selectorOrNone(at(policy, 'spec', 'podSelector'))),
    ageColumn,
  ],
  PodDisruptionBudget: [
    nameColumn,
    column('Min Available', (budget) => orNotApplicable(at(budget, 'spec', 'minAvailable'))),
    column('Max Unavailable', (budget) => orNotApplicable(at(budget, 'spec', 'maxUnavailable'))),
    count('Allowed Disruptions', 'status', 'disruptionsAllowed'),
    ageColumn,
  ],
  ResourceQuota: [
    nameColumn,
    column('Request', (quota) => quotaText(quota, false)),
    column('Limit', (quota) => quotaText(quota, true)),
    ageColumn,
  ],
};

function fieldsIn(data: unknown): number {
  return Object.keys(asObject(data)).length;
}

/** The columns of a kind that nobody has thought about: apiserver/pkg/registry/rest/table.go. */
export const plainColumns: readonly Column[] = [
  nameColumn,
  column('Created At', ({ metadata }) => metadata.creationTimestamp ?? '', { type: 'date' }),
];
