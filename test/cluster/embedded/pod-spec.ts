import type {
  V1Container,
  V1PodSpec,
  V1Probe,
  V1Toleration,
  V1Volume,
} from '@kubernetes/client-node';
import { isEqual } from './json.ts';
import { grammarErrors, labelErrors } from './metadata-rules.ts';
import { dnsLabel, dnsSubdomain, labelKey, labelValue } from './name-rules.ts';
import { parseQuantity } from './quantity.ts';
import { type FieldError, fieldError } from './status-error.ts';

/** Fills in what a pod spec leaves open, in pods and templates alike (pkg/apis/core/v1/defaults.go). */
export function podSpecDefaults(spec: V1PodSpec): V1PodSpec {
  const serviceAccountName = spec.serviceAccountName ?? spec.serviceAccount;
  return {
    dnsPolicy: 'ClusterFirst',
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    ...spec,
    ...(serviceAccountName ? { serviceAccountName, serviceAccount: serviceAccountName } : {}),
    containers: (spec.containers ?? []).map(containerDefaults),
    ...(spec.initContainers ? { initContainers: spec.initContainers.map(containerDefaults) } : {}),
    ...(spec.volumes ? { volumes: spec.volumes.map(volumeDefaults) } : {}),
  };
}

function containerDefaults(container: V1Container): V1Container {
  const { livenessProbe, readinessProbe, startupProbe, env } = container;
  return {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: isLatest(container.image ?? '') ? 'Always' : 'IfNotPresent',
    ...container,
    ...(livenessProbe ? { livenessProbe: probeDefaults(livenessProbe) } : {}),
    ...(readinessProbe ? { readinessProbe: probeDefaults(readinessProbe) } : {}),
    ...(startupProbe ? { startupProbe: probeDefaults(startupProbe) } : {}),
    ...(env ? { env: env.map(variableDefaults) } : {}),
  };
}

/** A reference without tag and digest means the tag `latest`. */
function isLatest(image: string): boolean {
  if (image === '' || image.includes('@')) return false;
  const [, tag = 'latest'] = /:([^/:]+)$/.exec(image) ?? [];
  return tag === 'latest';
}

function probeDefaults(probe: V1Probe): V1Probe {
  return {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
    ...probe,
    ...(probe.httpGet ? { httpGet: { path: '/', scheme: 'HTTP', ...probe.httpGet } } : {}),
  };
}

function variableDefaults(variable: NonNullable<V1Container['env']>[number]) {
  const fieldRef = variable.valueFrom?.fieldRef;
  if (fieldRef === undefined) return variable;
  return {
    ...variable,
    valueFrom: { ...variable.valueFrom, fieldRef: { apiVersion: 'v1', ...fieldRef } },
  };
}

const octal644 = 0o644;

function volumeDefaults(volume: V1Volume): V1Volume {
  const { name, ...source } = volume;
  if (Object.keys(source).length === 0) return { name, emptyDir: {} };
  const { configMap, secret, projected, downwardAPI, hostPath } = source;
  return {
    ...volume,
    ...(configMap ? { configMap: { defaultMode: octal644, ...configMap } } : {}),
    ...(secret ? { secret: { defaultMode: octal644, ...secret } } : {}),
    ...(projected ? { projected: { defaultMode: octal644, ...projected } } : {}),
    ...(downwardAPI ? { downwardAPI: { defaultMode: octal644, ...downwardAPI } } : {}),
    ...(hostPath ? { hostPath: { type: '', ...hostPath } } : {}),
  };
}

/** What is wrong with a pod spec (pkg/apis/core/validation/validation.go, ValidatePodSpec). */
export function podSpecErrors(spec: V1PodSpec, path: string): readonly FieldError[] {
  const volumes = (spec.volumes ?? []).map(({ name }) => name);
  const containers = spec.containers ?? [];
  const none = containers.length === 0 ? [fieldError.required(`${path}.containers`)] : [];
  return [
    ...volumeErrors(spec.volumes ?? [], `${path}.volumes`),
    ...none,
    ...containerListErrors(containers, { path: `${path}.containers`, volumes, taken: [] }),
    ...containerListErrors(spec.initContainers ?? [], {
      path: `${path}.initContainers`,
      volumes,
      taken: containers.map(({ name }) => name),
    }),
    ...podResourceErrors(spec, `${path}.resources`),
    ...labelErrors(spec.nodeSelector ?? {}, `${path}.nodeSelector`),
    ...nameErrors(spec.serviceAccountName, `${path}.serviceAccountName`),
    ...nameErrors(spec.nodeName, `${path}.nodeName`),
    ...(spec.tolerations ?? []).flatMap((toleration, index) =>
      tolerationErrors(toleration, `${path}.tolerations[${index}]`),
    ),
    ...oneOf(spec.restartPolicy, ['Always', 'OnFailure', 'Never'], `${path}.restartPolicy`),
  ];
}

function nameErrors(name: string | undefined, path: string): readonly FieldError[] {
  return name ? grammarErrors(path, name, dnsSubdomain) : [];
}

function oneOf(
  value: string | undefined,
  supported: readonly string[],
  path: string,
): readonly FieldError[] {
  return value === undefined || supported.includes(value)
    ? []
    : [fieldError.notSupported(path, value, supported)];
}

function volumeErrors(volumes: readonly V1Volume[], path: string): readonly FieldError[] {
  const names = new Set<string>();
  return volumes.flatMap(({ name }, index) => {
    const field = `${path}[${index}].name`;
    const errors = name ? grammarErrors(field, name, dnsLabel) : [fieldError.required(field)];
    const isTaken = names.has(name);
    names.add(name);
    return isTaken ? [...errors, fieldError.duplicate(field, name)] : errors;
  });
}

interface ContainerPlace {
  readonly path: string;
  /** The volumes that can be mounted. */
  readonly volumes: readonly string[];
  /** Names that other lists of the pod use. */
  readonly taken: readonly string[];
}

function containerListErrors(
  containers: readonly V1Container[],
  { path, volumes, taken }: ContainerPlace,
): readonly FieldError[] {
  const names = new Set(taken);
  return containers.flatMap((container, index) => {
    const place = `${path}[${index}]`;
    const errors = containerErrors(container, place, volumes);
    const isTaken = names.has(container.name);
    names.add(container.name);
    return isTaken ? [...errors, fieldError.duplicate(`${place}.name`, container.name)] : errors;
  });
}

function containerErrors(
  container: V1Container,
  path: string,
  volumes: readonly string[],
): readonly FieldError[] {
  const { name, image, imagePullPolicy } = container;
  return [
    ...(name
      ? grammarErrors(`${path}.name`, name, dnsLabel)
      : [fieldError.required(`${path}.name`)]),
    ...(image ? [] : [fieldError.required(`${path}.image`)]),
    ...mountErrors(container, `${path}.volumeMounts`, volumes),
    ...oneOf(imagePullPolicy, ['Always', 'IfNotPresent', 'Never'], `${path}.imagePullPolicy`),
    ...resourceErrors(container.resources ?? {}, `${path}.resources`),
  ];
}

function mountErrors(
  { volumeMounts = [] }: V1Container,
  path: string,
  volumes: readonly string[],
): readonly FieldError[] {
  const paths = new Set<string>();
  return volumeMounts.flatMap(({ name, mountPath }, index) => {
    const field = `${path}[${index}]`;
    const isTaken = paths.has(mountPath);
    paths.add(mountPath);
    return [
      ...(volumes.includes(name) ? [] : [fieldError.notFound(`${field}.name`, name)]),
      ...(mountPath ? [] : [fieldError.required(`${field}.mountPath`)]),
      ...(isTaken ? [fieldError.invalid(`${field}.mountPath`, mountPath, 'must be unique')] : []),
    ];
  });
}

type Resources = NonNullable<V1Container['resources']>;

const amount = (quantity: string) => parseQuantity(quantity)?.nanos ?? 0n;

function resourceErrors(
  { requests = {}, limits = {} }: Resources,
  path: string,
): readonly FieldError[] {
  const negative = [
    ...Object.entries(limits).map(([name, value]) => [`${path}.limits[${name}]`, value] as const),
    ...Object.entries(requests).map(
      ([name, value]) => [`${path}.requests[${name}]`, value] as const,
    ),
  ].filter(([, value]) => amount(value) < 0n);
  const above = Object.entries(requests).filter(([name, request]) => {
    const limit = limits[name];
    return limit !== undefined && amount(request) > amount(limit);
  });
  return [
    ...negative.map(([field, value]) =>
      fieldError.invalid(field, value, 'must be greater than or equal to 0'),
    ),
    ...above.map(([name, request]) => {
      const detail = `must be less than or equal to ${name} limit of ${limits[name]}`;
      return fieldError.invalid(`${path}.requests`, request, detail);
    }),
  ];
}

/** Requests for the whole pod cover those of its containers together. */
function podResourceErrors(spec: V1PodSpec, path: string): readonly FieldError[] {
  if (spec.resources === undefined) return [];
  const { requests = {} } = spec.resources;
  const low = Object.entries(requests).flatMap(([name, request]) => {
    const sum = spec.containers
      .map(({ resources }) => amount(resources?.requests?.[name] ?? '0'))
      .reduce((total, one) => total + one, 0n);
    if (sum <= amount(request)) return [];
    const detail = 'must be greater than or equal to aggregate container requests';
    return [fieldError.invalid(`${path}.requests[${name}]`, request, detail)];
  });
  return [...resourceErrors(spec.resources, path), ...low];
}

function tolerationErrors(toleration: V1Toleration, path: string): readonly FieldError[] {
  const { key = '', operator = '', effect, tolerationSeconds } = toleration;
  const matchesAll =
    'operator must be Exists when `key` is empty, which means "match all values and all keys"';
  return [
    ...(key ? grammarErrors(`${path}.key`, key, labelKey) : []),
    ...(key || operator === 'Exists'
      ? []
      : [fieldError.invalid(`${path}.operator`, operator, matchesAll)]),
    ...(tolerationSeconds === undefined || effect === 'NoExecute'
      ? []
      : [
          fieldError.invalid(
            `${path}.effect`,
            effect ?? '',
            "effect must be 'NoExecute' when `tolerationSeconds` is set",
          ),
        ]),
    ...tolerationValueErrors(toleration, `${path}.operator`),
    ...oneOf(effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'], `${path}.effect`),
  ];
}

function tolerationValueErrors(
  { operator = 'Equal', value = '' }: V1Toleration,
  path: string,
): readonly FieldError[] {
  switch (operator) {
    case 'Equal':
      return grammarErrors(path, value, labelValue);
    case 'Exists':
      return value
        ? [fieldError.invalid(path, value, "value must be empty when `operator` is 'Exists'")]
        : [];
    default:
      return [fieldError.notSupported(path, operator, ['Equal', 'Exists'])];
  }
}

/** Requests of a pod that has none are its limits; a template keeps what it says. */
export function requestsFromLimits(container: V1Container): V1Container {
  const { limits, requests } = container.resources ?? {};
  if (limits === undefined) return container;
  return {
    ...container,
    resources: { ...container.resources, requests: { ...limits, ...requests } },
  };
}

/**
 * A running pod changes only in images, deadlines, gates and further tolerations, and gets its
 * node once. (A real server takes the node by the `binding` subresource only.)
 */
export function podChangeErrors(next: V1PodSpec, live: V1PodSpec): readonly FieldError[] {
  const fixed = (spec: V1PodSpec) => ({
    ...spec,
    nodeName: live.nodeName ? spec.nodeName : undefined,
    containers: spec.containers.map((container) => ({ ...container, image: '' })),
    initContainers: spec.initContainers?.map((container) => ({ ...container, image: '' })),
    activeDeadlineSeconds: undefined,
    terminationGracePeriodSeconds: undefined,
    schedulingGates: undefined,
    tolerations: undefined,
  });
  if (isEqual(fixed(next), fixed(live))) return [];
  const changeable =
    '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
  return [
    fieldError.forbidden('spec', `pod updates may not change fields other than ${changeable}`),
  ];
}
