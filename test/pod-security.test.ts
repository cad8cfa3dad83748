import {
  againstOpenShift,
  againstRestricted,
  type Container,
  type PodSpec,
} from './pod-security.ts';

const container: Container = {
  name: 'main',
  securityContext: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  },
};

/** A pod that the restricted level accepts, but for what is given. */
const aPod = (pod: Partial<PodSpec>): PodSpec => ({ containers: [container], ...pod });

/** The same with one container, which has more in its security context. */
const whoseContainer = (context: object): PodSpec =>
  aPod({
    containers: [{ ...container, securityContext: { ...container.securityContext, ...context } }],
  });

describe('the restricted Pod Security level', () => {
  it('accepts a pod that asks for nothing', () => {
    expect(againstRestricted(aPod({}))).toEqual([]);
  });

  it('takes the word of the pod where a container has none of its own', () => {
    const securityContext = {
      runAsNonRoot: true,
      seccompProfile: { type: 'Localhost' },
    };
    const { allowPrivilegeEscalation = false, capabilities = {} } = container.securityContext ?? {};
    const silent = { name: 'main', securityContext: { allowPrivilegeEscalation, capabilities } };
    expect(againstRestricted({ securityContext, containers: [silent] })).toEqual([]);
    expect(againstRestricted({ containers: [silent] })).toEqual([
      'main: may be root',
      'main: no seccomp profile',
    ]);
  });

  it.each<[string, PodSpec]>([
    ['host namespaces', aPod({ hostNetwork: true })],
    ['host namespaces', aPod({ hostPID: true })],
    ['host namespaces', aPod({ hostIPC: true })],
    ['a volume type', aPod({ volumes: [{ name: 'v', hostPath: { path: '/' } }] })],
    ['a volume type', aPod({ volumes: [{ name: 'v', nfs: {} }] })],
    ['a sysctl', aPod({ securityContext: { sysctls: [{ name: 'kernel.msgmax' }] } })],
    ['uid 0 for all', aPod({ securityContext: { runAsUser: 0 } })],
    ['SELinux options for all', aPod({ securityContext: { seLinuxOptions: { role: 'r' } } })],
    [
      'AppArmor off for all',
      aPod({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }),
    ],
    ['a host process', aPod({ securityContext: { windowsOptions: { hostProcess: true } } })],
    ['main: privileged', whoseContainer({ privileged: true })],
    ['main: escalation', whoseContainer({ allowPrivilegeEscalation: undefined })],
    ['main: capabilities kept', whoseContainer({ capabilities: { drop: ['NET_RAW'] } })],
    [
      'main: capabilities added',
      whoseContainer({ capabilities: { add: ['CHOWN'], drop: ['ALL'] } }),
    ],
    ['main: may be root', whoseContainer({ runAsNonRoot: false })],
    ['main: uid 0', whoseContainer({ runAsUser: 0 })],
    ['main: no seccomp profile', whoseContainer({ seccompProfile: { type: 'Unconfined' } })],
    ['main: unmasked /proc', whoseContainer({ procMount: 'Unmasked' })],
    ['main: SELinux options', whoseContainer({ seLinuxOptions: { type: 'spc_t' } })],
    ['main: AppArmor off', whoseContainer({ appArmorProfile: { type: 'Unconfined' } })],
    ['main: a host process', whoseContainer({ windowsOptions: { hostProcess: true } })],
    [
      'main: a port of the host',
      aPod({ containers: [{ ...container, ports: [{ hostPort: 80 }] }] }),
    ],
    [
      'main: a probe of another host',
      aPod({ containers: [{ ...container, livenessProbe: { tcpSocket: { host: 'a' } } }] }),
    ],
    [
      'main: a probe of another host',
      aPod({
        containers: [{ ...container, lifecycle: { preStop: { httpGet: { host: '10.0.0.1' } } } }],
      }),
    ],
  ])('refuses %s', (what, pod) => {
    expect(againstRestricted(pod)).toEqual([what]);
  });

  it.each(['initContainers', 'ephemeralContainers'] as const)('looks at %s too', (field) => {
    const bad = {
      name: 'bad',
      securityContext: { ...container.securityContext, privileged: true },
    };
    expect(againstRestricted(aPod({ [field]: [bad] }))).toEqual(['bad: privileged']);
  });
});

describe('the restricted-v2 constraint of OpenShift', () => {
  it('refuses ids, of a pod and of a container', () => {
    expect(againstOpenShift(aPod({}))).toEqual([]);
    expect(againstOpenShift(aPod({ securityContext: { fsGroup: 1 } }))).toEqual(['fsGroup']);
    expect(againstOpenShift(whoseContainer({ runAsUser: 65532 }))).toEqual(['runAsUser']);
  });
});
