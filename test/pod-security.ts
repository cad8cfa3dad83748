/**
 * The restricted Pod Security level, and what OpenShift's restricted-v2 asks beyond it, read from a pod
 * as it is written down (kubernetes/pod-security-admission: policy/check_*.go;
 * openshift/cluster-kube-apiserver-operator: scc-restricted-v2). Stricter in one thing: a default that
 * the cluster might fill in does not count.
 */

interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly procMount?: string;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type?: string };
  readonly appArmorProfile?: { readonly type?: string };
  readonly seLinuxOptions?: Readonly<Record<string, string>>;
  readonly windowsOptions?: { readonly hostProcess?: boolean };
  readonly sysctls?: readonly { readonly name: string }[];
}

/** What asks a container for a sign of life, or is called when it starts or ends. */
interface Handler {
  readonly httpGet?: { readonly host?: string };
  readonly tcpSocket?: { readonly host?: string };
}

/** As much of a container as is judged here. */
export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly ports?: readonly { readonly containerPort?: number; readonly hostPort?: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly readOnly?: boolean }[];
  readonly securityContext?: SecurityContext;
  readonly livenessProbe?: Handler;
  readonly readinessProbe?: Handler;
  readonly startupProbe?: Handler;
  readonly lifecycle?: { readonly postStart?: Handler; readonly preStop?: Handler };
}

/** As much of a pod's spec as is judged here. */
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly ephemeralContainers?: readonly Container[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
  readonly securityContext?: SecurityContext;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly automountServiceAccountToken?: boolean;
  readonly serviceAccountName?: string;
}

/** Every container of a pod, whatever it is for. */
export function containersOf(pod: PodSpec): readonly Container[] {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod;
  return [...containers, ...initContainers, ...ephemeralContainers];
}

/** What the restricted level has against a pod, each in a few words; nothing where it accepts it. */
export function againstRestricted(pod: PodSpec): readonly string[] {
  return [
    ...ofPod.filter(([, isSo]) => isSo(pod)).map(([what]) => what),
    ...containersOf(pod).flatMap((container) =>
      ofContainer
        .filter(([, isSo]) => isSo(container, pod))
        .map(([what]) => `${container.name}: ${what}`),
    ),
  ];
}

/** What OpenShift has against a pod beyond the restricted level: ids, which it assigns from a range. */
export function againstOpenShift(pod: PodSpec): readonly string[] {
  const ids = ['runAsUser', 'runAsGroup', 'fsGroup', 'seLinuxOptions'] as const;
  const contexts = [pod, ...containersOf(pod)].map(({ securityContext }) => securityContext ?? {});
  return contexts.flatMap((context) => ids.filter((id) => context[id] !== undefined));
}

const volumeTypes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
  'image',
];

/** Those of the node's namespaces that a pod may set (as of Kubernetes 1.32). */
const safeSysctls = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
];

const seLinuxTypes = [
  '',
  'container_t',
  'container_init_t',
  'container_kvm_t',
  'container_engine_t',
];

type Objection<Subject extends readonly unknown[]> = readonly [
  what: string,
  isSo: (...subject: Subject) => boolean,
];

const ofPod: readonly Objection<[PodSpec]>[] = [
  ['host namespaces', ({ hostNetwork, hostPID, hostIPC }) => !!(hostNetwork || hostPID || hostIPC)],
  ['a volume type', ({ volumes = [] }) => volumes.some((volume) => !hasType(volume, volumeTypes))],
  ['a sysctl', ({ securityContext = {} }) => setsUnsafe(securityContext)],
  ['uid 0 for all', ({ securityContext }) => securityContext?.runAsUser === 0],
  ['SELinux options for all', ({ securityContext = {} }) => changesLabels(securityContext)],
  ['AppArmor off for all', ({ securityContext = {} }) => leavesAppArmor(securityContext)],
  ['a host process', ({ securityContext = {} }) => isHostProcess(securityContext)],
];

const ofContainer: readonly Objection<[Container, PodSpec]>[] = [
  ['privileged', ({ securityContext }) => securityContext?.privileged === true],
  ['escalation', ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false],
  ['capabilities kept', (container) => !capabilities(container).drop.includes('ALL')],
  [
    'capabilities added',
    (container) => capabilities(container).add.some((name) => name !== 'NET_BIND_SERVICE'),
  ],
  ['may be root', (container, pod) => effective(container, pod, 'runAsNonRoot') !== true],
  ['uid 0', ({ securityContext }) => securityContext?.runAsUser === 0],
  [
    'no seccomp profile',
    (container, pod) => {
      const { type = '' } = effective(container, pod, 'seccompProfile') ?? {};
      return !['RuntimeDefault', 'Localhost'].includes(type);
    },
  ],
  ['a port of the host', ({ ports = [] }) => ports.some(({ hostPort = 0 }) => hostPort !== 0)],
  ['a probe of another host', (container) => handlersOf(container).some(asksAnother)],
  [
    'unmasked /proc',
    ({ securityContext }) => (securityContext?.procMount ?? 'Default') !== 'Default',
  ],
  ['SELinux options', ({ securityContext = {} }) => changesLabels(securityContext)],
  ['AppArmor off', ({ securityContext = {} }) => leavesAppArmor(securityContext)],
  ['a host process', ({ securityContext = {} }) => isHostProcess(securityContext)],
];

/** A volume has its name and one field, which is called as its type. */
function hasType(volume: Readonly<Record<string, unknown>>, types: readonly string[]): boolean {
  const fields = Object.keys(volume).filter((field) => field !== 'name');
  return fields.length > 0 && fields.every((field) => types.includes(field));
}

function setsUnsafe({ sysctls = [] }: SecurityContext): boolean {
  return sysctls.some(({ name }) => !safeSysctls.includes(name));
}

function changesLabels({ seLinuxOptions = {} }: SecurityContext): boolean {
  const { type = '', user = '', role = '' } = seLinuxOptions;
  return !seLinuxTypes.includes(type) || user !== '' || role !== '';
}

function leavesAppArmor({ appArmorProfile }: SecurityContext): boolean {
  return appArmorProfile?.type === 'Unconfined';
}

function isHostProcess({ windowsOptions }: SecurityContext): boolean {
  return windowsOptions?.hostProcess === true;
}

function capabilities({ securityContext }: Container) {
  const { add = [], drop = [] } = securityContext?.capabilities ?? {};
  return { add, drop };
}

/** The container's own word, else that of its pod. */
function effective<Field extends 'runAsNonRoot' | 'seccompProfile'>(
  { securityContext }: Container,
  pod: PodSpec,
  field: Field,
): SecurityContext[Field] | undefined {
  return securityContext?.[field] ?? pod.securityContext?.[field];
}

function handlersOf(container: Container): readonly Handler[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle = {} } = container;
  const handlers = [
    ...[livenessProbe, readinessProbe, startupProbe],
    ...[lifecycle.postStart, lifecycle.preStop],
  ];
  return handlers.filter((handler) => handler !== undefined);
}

function asksAnother({ httpGet, tcpSocket }: Handler): boolean {
  return [httpGet?.host, tcpSocket?.host].some((host = '') => host !== '');
}
