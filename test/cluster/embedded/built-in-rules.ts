import type {
  V1DaemonSetSpec,
  V1DeploymentSpec,
  V1LabelSelector,
  V1PodSpec,
  V1PodTemplateSpec,
} from '@kubernetes/client-node';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { eventDefaults, eventErrors } from './event-rules.ts';
import { asList, asObject, asObjects, at, isEqual, type JsonObject } from './json.ts';
import type { Rules } from './kinds.ts';
import { limitRangeDefaults } from './limit-range.ts';
import { grammarErrors, labelErrors } from './metadata-rules.ts';
import { configKey, dnsLabel, pathSegment } from './name-rules.ts';
import { podChangeErrors, podSpecDefaults, podSpecErrors, requestsFromLimits } from './pod-spec.ts';
import { matchesLabels } from './selectors.ts';
import { type FieldError, fieldError } from './status-error.ts';

const specChanged = (live: KubeObject, next: KubeObject) => !isEqual(live['spec'], next['spec']);

/** The typed spec of an object that was decoded by its kind. */
function specOf<T>(object: KubeObject): T {
  return asObject(object['spec']) as T;
}

/** The object with more fields in its spec; those that it has win. */
function withSpecDefaults(object: KubeObject, defaults: JsonObject): KubeObject {
  return { ...object, spec: { ...defaults, ...asObject(object['spec']) } };
}

/** What `apps` kinds share: a selector, and a template with defaults. */
function withTemplateDefaults(object: KubeObject): KubeObject {
  const spec = specOf<{ template?: V1PodTemplateSpec }>(object);
  if (spec.template === undefined) return object;
  const template = {
    ...spec.template,
    spec: podSpecDefaults(spec.template.spec ?? { containers: [] }),
  };
  return { ...object, spec: { ...spec, template } };
}

interface TemplateOwner {
  readonly selector: V1LabelSelector | null;
  readonly template?: V1PodTemplateSpec;
}

function templateErrors(next: KubeObject): readonly FieldError[] {
  const { selector, template } = specOf<TemplateOwner>(next);
  const labels = template?.metadata?.labels;
  const spec = template?.spec ?? { containers: [] };
  return [
    ...selectorErrors(next.kind, selector, labels),
    ...labelErrors(labels ?? {}, 'spec.template.labels'),
    ...podSpecErrors(spec, 'spec.template.spec'),
    ...(spec.restartPolicy === 'Always'
      ? []
      : [
          fieldError.notSupported('spec.template.spec.restartPolicy', spec.restartPolicy, [
            'Always',
          ]),
        ]),
  ];
}

function selectorChangeErrors(next: KubeObject, live: KubeObject | undefined) {
  const { selector } = specOf<TemplateOwner>(next);
  return live === undefined || isEqual(selector, specOf<TemplateOwner>(live).selector)
    ? []
    : [fieldError.invalid('spec.selector', selector, 'field is immutable')];
}

function selectorErrors(
  kind: string,
  selector: V1LabelSelector | null,
  labels: Readonly<Record<string, string>> | undefined,
): readonly FieldError[] {
  const field = 'spec.template.metadata.labels';
  const mismatch = '`selector` does not match template `labels`';
  if (selector === null) {
    // A DaemonSet without a selector selects nothing, its own template included.
    return kind === 'DaemonSet'
      ? [fieldError.invalid(field, labels ?? null, mismatch)]
      : [fieldError.required('spec.selector')];
  }
  const { matchLabels = {}, matchExpressions = [] } = selector;
  if (Object.keys(matchLabels).length + matchExpressions.length === 0) {
    const detail = `empty selector is invalid for ${kind.toLowerCase()}`;
    return [fieldError.invalid('spec.selector', selector, detail)];
  }
  const wrong = labelErrors(matchLabels, 'spec.selector.matchLabels');
  return matchesLabels(selector, labels ?? {})
    ? wrong
    : [...wrong, fieldError.invalid(field, labels ?? null, mismatch)];
}

/** A number, or a percentage up to a hundred. */
function amountErrors(amount: unknown, field: string): readonly FieldError[] {
  if (typeof amount === 'number') {
    return amount < 0
      ? [fieldError.invalid(field, amount, 'must be greater than or equal to 0')]
      : [];
  }
  const [, percent] = /^(\d+)%$/.exec(String(amount)) ?? [];
  if (percent === undefined) {
    const detail =
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
    return [fieldError.invalid(field, amount, detail)];
  }
  return Number(percent) > 100
    ? [fieldError.invalid(field, amount, 'must not be greater than 100%')]
    : [];
}

const isNone = (amount: unknown) => Number.parseInt(String(amount), 10) === 0;

function daemonSetDefaults(object: KubeObject): KubeObject {
  const { updateStrategy } = specOf<V1DaemonSetSpec>(object);
  const type = updateStrategy?.type ?? 'RollingUpdate';
  const rolls = type === 'RollingUpdate';
  const given = updateStrategy?.rollingUpdate;
  const rollingUpdate = { maxSurge: 0, maxUnavailable: rolls ? 1 : 0, ...given };
  const strategy = rolls || given ? { type, rollingUpdate } : { type };
  const decided = withTemplateDefaults(object);
  return withSpecDefaults(
    { ...decided, spec: { ...asObject(decided['spec']), updateStrategy: strategy } },
    { revisionHistoryLimit: 10 },
  );
}

function daemonSetErrors(next: KubeObject, live: KubeObject | undefined): readonly FieldError[] {
  return [
    ...selectorChangeErrors(next, live),
    ...templateErrors(next),
    ...updateStrategyErrors(specOf<V1DaemonSetSpec>(next)),
  ];
}

function updateStrategyErrors({ updateStrategy }: V1DaemonSetSpec): readonly FieldError[] {
  const path = 'spec.updateStrategy';
  if (updateStrategy?.type === 'OnDelete') return [];
  if (updateStrategy?.type !== 'RollingUpdate') {
    return [fieldError.notSupported(path, updateStrategy, ['RollingUpdate', 'OnDelete'])];
  }
  const { maxSurge, maxUnavailable } = updateStrategy.rollingUpdate ?? {};
  const rolling = `${path}.rollingUpdate`;
  const amounts = [
    ...amountErrors(maxUnavailable, `${rolling}.maxUnavailable`),
    ...amountErrors(maxSurge, `${rolling}.maxSurge`),
  ];
  if (!isNone(maxSurge) && !isNone(maxUnavailable)) {
    const detail = 'may not be set when maxUnavailable is non-zero';
    return [...amounts, fieldError.invalid(`${rolling}.maxSurge`, maxSurge, detail)];
  }
  return isNone(maxSurge) && isNone(maxUnavailable)
    ? [
        ...amounts,
        fieldError.required(`${rolling}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'),
      ]
    : amounts;
}

const templateGeneration = 'deprecated.daemonset.template.generation';

/** Whoever leaves the generation of the template out says that it is zero, and so comes to own it. */
function withAnyTemplateGeneration(object: KubeObject): KubeObject {
  const annotations = { [templateGeneration]: '0', ...object.metadata.annotations };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** The generation of the template is kept in an annotation whose value only the server decides. */
function withTemplateGeneration(next: KubeObject, live: KubeObject | undefined): KubeObject {
  const before = Number(live?.metadata.annotations?.[templateGeneration] ?? 0);
  const isNew =
    live === undefined ||
    !isEqual(specOf<V1DaemonSetSpec>(live).template, specOf<V1DaemonSetSpec>(next).template);
  const annotations = {
    ...next.metadata.annotations,
    [templateGeneration]: String(isNew ? before + 1 : before),
  };
  return { ...next, metadata: { ...next.metadata, annotations } };
}

function deploymentDefaults(object: KubeObject): KubeObject {
  const { strategy } = specOf<V1DeploymentSpec>(object);
  const type = strategy?.type ?? 'RollingUpdate';
  const rollingUpdate = { maxSurge: '25%', maxUnavailable: '25%', ...strategy?.rollingUpdate };
  const decided = withTemplateDefaults(object);
  const chosen = type === 'RollingUpdate' ? { type, rollingUpdate } : { ...strategy, type };
  return withSpecDefaults(
    { ...decided, spec: { ...asObject(decided['spec']), strategy: chosen } },
    { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 },
  );
}

function deploymentErrors(next: KubeObject, live: KubeObject | undefined): readonly FieldError[] {
  const { strategy } = specOf<V1DeploymentSpec>(next);
  return [
    ...templateErrors(next),
    ...deploymentStrategyErrors(strategy),
    ...selectorChangeErrors(next, live),
  ];
}

function deploymentStrategyErrors(strategy: V1DeploymentSpec['strategy']): readonly FieldError[] {
  const path = 'spec.strategy';
  if (strategy?.type === 'Recreate') {
    if (strategy.rollingUpdate === undefined) return [];
    const detail = "may not be specified when strategy `type` is 'Recreate'";
    return [fieldError.forbidden(`${path}.rollingUpdate`, detail)];
  }
  if (strategy?.type !== 'RollingUpdate') {
    return [fieldError.notSupported(path, strategy, ['Recreate', 'RollingUpdate'])];
  }
  const { maxSurge, maxUnavailable } = strategy.rollingUpdate ?? {};
  const field = `${path}.rollingUpdate.maxUnavailable`;
  const bothNone = isNone(maxSurge) && isNone(maxUnavailable);
  return [
    ...amountErrors(maxUnavailable, field),
    ...amountErrors(maxSurge, `${path}.rollingUpdate.maxSurge`).filter(
      ({ detail }) => !detail.includes('100%'),
    ),
    ...(bothNone
      ? [fieldError.invalid(field, maxUnavailable, 'may not be 0 when `maxSurge` is 0')]
      : []),
  ];
}

function podDefaults(object: KubeObject): KubeObject {
  const spec = podSpecDefaults(specOf<V1PodSpec>(object));
  const serviceAccountName = spec.serviceAccountName ?? 'default';
  return {
    ...object,
    spec: {
      enableServiceLinks: true,
      ...spec,
      serviceAccountName,
      serviceAccount: serviceAccountName,
      containers: spec.containers.map(requestsFromLimits),
      ...(spec.initContainers
        ? { initContainers: spec.initContainers.map(requestsFromLimits) }
        : {}),
    },
  };
}

function podErrors(next: KubeObject, live: KubeObject | undefined): readonly FieldError[] {
  const spec = specOf<V1PodSpec>(next);
  if (live !== undefined) {
    const changes = podChangeErrors(spec, specOf<V1PodSpec>(live));
    if (changes.length > 0) return changes;
  }
  return podSpecErrors(spec, 'spec');
}

/** kubernetes/kubernetes: pkg/registry/core/pod/strategy.go, CheckGracefulDelete. */
function podGracePeriod(pod: KubeObject, requested: number | undefined): number {
  const { nodeName, terminationGracePeriodSeconds = 30 } = specOf<V1PodSpec>(pod);
  const { phase } = asObject(pod['status']);
  if (!nodeName || phase === 'Failed' || phase === 'Succeeded') return 0;
  return requested ?? terminationGracePeriodSeconds;
}

const dataLimitBytes = 1_048_576;

function configMapErrors(next: KubeObject, live: KubeObject | undefined): readonly FieldError[] {
  const data = Object.entries({ ...asObject(next['data']), ...asObject(next['binaryData']) });
  const size = data.reduce((sum, [, value]) => sum + Buffer.byteLength(String(value)), 0);
  const frozen = live?.['immutable'] === true && !isEqual(live['data'], next['data']);
  return [
    ...data.flatMap(([key]) => grammarErrors(`data[${key}]`, key, configKey)),
    ...(size > dataLimitBytes ? [fieldError.tooLong('', dataLimitBytes)] : []),
    ...(frozen ? [fieldError.forbidden('data', 'field is immutable when `immutable` is set')] : []),
  ];
}

/** What the server fills in without giving a Service an address: nothing would answer there. */
function serviceDefaults(object: KubeObject): KubeObject {
  const ports = asObjects(at(object, 'spec', 'ports')).map((port) => ({
    protocol: 'TCP',
    targetPort: port['port'],
    ...port,
  }));
  const defaults = {
    type: 'ClusterIP',
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
  };
  return { ...object, spec: { ...defaults, ...asObject(object['spec']), ports } };
}

function namespaceDefaults(object: KubeObject): KubeObject {
  const { name = '', labels } = object.metadata;
  const named = { ...labels, 'kubernetes.io/metadata.name': name };
  return {
    ...object,
    metadata: { ...object.metadata, labels: named },
    status: { phase: 'Active', ...asObject(object['status']) },
  };
}

/** A new namespace is active and holds itself until it is empty; only the server ends that. */
function prepareNamespace(next: KubeObject, live: KubeObject | undefined): KubeObject {
  if (live !== undefined) return next;
  return { ...next, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
}

const group = 'rbac.authorization.k8s.io';

function bindingDefaults(object: KubeObject): KubeObject {
  const subjects = asObjects(object['subjects']).map((subject) =>
    subject['kind'] === 'ServiceAccount' ? subject : { apiGroup: group, ...subject },
  );
  return {
    ...object,
    roleRef: { ...asObject(object['roleRef']), apiGroup: group },
    ...(subjects.length > 0 ? { subjects } : {}),
  };
}

function bindingErrors(next: KubeObject): readonly FieldError[] {
  const { kind, name } = asObject(next['roleRef']);
  return [
    ...(kind === 'ClusterRole' || (kind === 'Role' && next.kind === 'RoleBinding')
      ? []
      : [fieldError.notSupported('roleRef.kind', kind, ['Role', 'ClusterRole'])]),
    ...(name ? [] : [fieldError.required('roleRef.name')]),
  ];
}

function roleErrors(next: KubeObject): readonly FieldError[] {
  return asObjects(next['rules']).flatMap((rule, index) => ruleErrors(rule, `rules[${index}]`));
}

function ruleErrors(rule: JsonObject, path: string): readonly FieldError[] {
  const count = (field: string) => asList(rule[field]).length;
  const verbs =
    count('verbs') > 0
      ? []
      : [fieldError.required(`${path}.verbs`, 'verbs must contain at least one value')];
  if (count('nonResourceURLs') > 0) return verbs;
  return [
    ...verbs,
    ...(count('apiGroups') > 0
      ? []
      : [
          fieldError.required(
            `${path}.apiGroups`,
            'resource rules must supply at least one api group',
          ),
        ]),
    ...(count('resources') > 0
      ? []
      : [
          fieldError.required(
            `${path}.resources`,
            'resource rules must supply at least one resource',
          ),
        ]),
  ];
}

/** The names by which a definition's objects are called follow from one another. */
function definitionDefaults(object: KubeObject): KubeObject {
  const spec = asObject(object['spec']);
  const names = asObject(spec['names']);
  const kind = String(names['kind'] ?? '');
  return {
    ...object,
    spec: {
      conversion: { strategy: 'None' },
      ...spec,
      names: { singular: kind.toLowerCase(), listKind: `${kind}List`, ...names },
    },
  };
}

function definitionErrors(next: KubeObject): readonly FieldError[] {
  const spec = asObject(next['spec']);
  const { plural } = asObject(spec['names']);
  const name = `${plural}.${spec['group']}`;
  const versions = asObjects(spec['versions']);
  const stored = versions.filter(({ storage }) => storage === true).length;
  return [
    ...(next.metadata.name === name
      ? []
      : [
          fieldError.invalid(
            'metadata.name',
            next.metadata.name,
            `must be spec.names.plural+"."+spec.group`,
          ),
        ]),
    ...(stored === 1
      ? []
      : [
          fieldError.invalid(
            'spec.versions',
            versions.map((version) => version['name']),
            'must have exactly one version marked as storage version',
          ),
        ]),
    ...versions.flatMap((version, index) =>
      at(version, 'schema', 'openAPIV3Schema') === undefined
        ? [
            fieldError.required(
              `spec.versions[${index}].schema.openAPIV3Schema`,
              'schemas are required',
            ),
          ]
        : [],
    ),
  ];
}

/** What becomes of a definition when its deletion begins: its objects go first. */
function endDefinition(live: KubeObject): KubeObject {
  const finalizer = 'customresourcecleanup.apiextensions.k8s.io';
  const finalizers = [...new Set([...(live.metadata.finalizers ?? []), finalizer])];
  return { ...live, metadata: { ...live.metadata, finalizers } };
}

const roleRules: Rules = {
  nameGrammar: pathSegment,
  createsOnUpdate: true,
  validate: roleErrors,
};
const bindingRules: Rules = {
  nameGrammar: pathSegment,
  createsOnUpdate: true,
  defaults: bindingDefaults,
  validate: bindingErrors,
};

/** The rules of the built-in kinds that have any, by kind. */
export const builtInRules: Readonly<Record<string, Rules>> = {
  Namespace: {
    status: true,
    nameGrammar: dnsLabel,
    defaults: namespaceDefaults,
    prepare: prepareNamespace,
    beginDeletion: (live) => ({
      ...live,
      status: { ...asObject(live['status']), phase: 'Terminating' },
    }),
  },
  Node: { status: true },
  Pod: {
    status: true,
    changesGeneration: specChanged,
    defaults: podDefaults,
    prepare: (next, live) =>
      live === undefined ? { ...next, status: { phase: 'Pending' } } : next,
    validate: podErrors,
    gracePeriodSeconds: podGracePeriod,
  },
  ResourceQuota: { status: true },
  LimitRange: { defaults: limitRangeDefaults },
  ConfigMap: { validate: configMapErrors },
  Secret: { defaults: (object) => ({ type: 'Opaque', ...object }), validate: configMapErrors },
  Service: { status: true, nameGrammar: dnsLabel, defaults: serviceDefaults },
  Deployment: {
    status: true,
    changesGeneration: (live, next) =>
      specChanged(live, next) || !isEqual(live.metadata.annotations, next.metadata.annotations),
    defaults: deploymentDefaults,
    validate: deploymentErrors,
  },
  ReplicaSet: {
    status: true,
    changesGeneration: specChanged,
    defaults: (object) => withSpecDefaults(withTemplateDefaults(object), { replicas: 1 }),
    validate: (next, live) => [...templateErrors(next), ...selectorChangeErrors(next, live)],
  },
  DaemonSet: {
    status: true,
    changesGeneration: specChanged,
    defaults: (object) => daemonSetDefaults(withAnyTemplateGeneration(object)),
    prepare: withTemplateGeneration,
    validate: daemonSetErrors,
  },
  Role: roleRules,
  ClusterRole: roleRules,
  RoleBinding: bindingRules,
  ClusterRoleBinding: bindingRules,
  CustomResourceDefinition: {
    status: true,
    needsResourceVersion: true,
    changesGeneration: specChanged,
    defaults: definitionDefaults,
    validate: definitionErrors,
    beginDeletion: endDefinition,
  },
  Event: { createsOnUpdate: true, defaults: eventDefaults, validate: eventErrors },
  Lease: { createsOnUpdate: true, needsResourceVersion: true },
  PodDisruptionBudget: { status: true, needsResourceVersion: true, changesGeneration: specChanged },
  NetworkPolicy: { changesGeneration: specChanged },
};
