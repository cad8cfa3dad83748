import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { KubeObject } from '../src/kube/objects.ts';
import { children } from '../src/manifests/children.ts';
import type { ManifestSettings } from '../src/manifests/input.ts';
import {
  credentialsDir,
  metricsCertSecret,
  operatorServiceAccount,
} from '../src/manifests/operator.ts';
import { missingRights, type PolicyRule, rulesIn } from './cluster/embedded/rbac.ts';
import { goldenPath } from './golden.ts';
import { flags } from './image/launcher.ts';
import { anInput } from './manifests/inputs.ts';
import { againstOpenShift, againstRestricted, containersOf, type PodSpec } from './pod-security.ts';
import { shippedObjects } from './shipped.ts';

/** Whatever the operator can be told about a cluster that changes what pods look like. */
const settings: readonly Partial<ManifestSettings>[] = [false, true].flatMap((openshift) =>
  ([undefined, 'kept', 'refused'] as const).flatMap((podRequests) =>
    [undefined, 'image-puller'].map((priorityClass) => ({ openshift, podRequests, priorityClass })),
  ),
);

/** The pullers of the golden files, which between them use every field. */
const pullers = readdirSync(goldenPath('.'))
  .filter((file) => file.endsWith('.input.yaml'))
  .map((file) => parse(readFileSync(goldenPath(file), 'utf8')) as KubeObject);

function rendered(how: Partial<ManifestSettings>): readonly KubeObject[] {
  return pullers.flatMap((puller) => children(anInput(puller, false, how)).map(({ body }) => body));
}

const shipped = shippedObjects();
const renderedAll = settings.flatMap(rendered);

/** The pods that objects make, by the name of the object. */
function podsOf(objects: readonly KubeObject[]): readonly (readonly [string, PodSpec])[] {
  return objects.flatMap(({ kind, metadata, spec }) => {
    const { template } = (spec ?? {}) as { readonly template?: { readonly spec?: PodSpec } };
    return template?.spec ? [[`${kind}/${metadata.name}`, template.spec] as const] : [];
  });
}

/** Of the objects that make pods, what is said against each; empty where nothing is. */
function objections(
  objects: readonly KubeObject[],
  against: (pod: PodSpec) => readonly unknown[],
): readonly unknown[] {
  return podsOf(objects)
    .map(([name, pod]) => [name, against(pod)] as const)
    .filter(([, said]) => said.length > 0);
}

const ofKind = (objects: readonly KubeObject[], kind: string) =>
  objects.filter((object) => object.kind === kind);

const caches = ofKind(renderedAll, 'DaemonSet');
const pullerPods = ofKind(renderedAll, 'Deployment');
const operators = ofKind(shipped, 'Deployment');

describe('every pod', () => {
  it('is looked at: caches and pullers under all settings, and the operator', () => {
    expect(pullers.length).toBeGreaterThanOrEqual(5);
    expect(pullerPods).toHaveLength(settings.length * pullers.length);
    expect(caches.length).toBeGreaterThan(pullerPods.length);
    expect(podsOf(shipped).map(([name]) => name)).toEqual([
      'Deployment/kubernetes-image-puller-operator-manager',
    ]);
    expect(podsOf(renderedAll)).toHaveLength(caches.length + pullerPods.length);
  });

  it('passes the restricted Pod Security level', () => {
    expect(objections([...renderedAll, ...shipped], againstRestricted)).toEqual([]);
  });

  it('says in each container, and not only for all, that nobody is root', () => {
    const silent = (pod: PodSpec) =>
      containersOf(pod).filter(({ securityContext }) => securityContext?.runAsNonRoot !== true);
    expect(objections(renderedAll, silent)).toEqual([]);
  });

  it('passes on OpenShift, where no uid may be set', () => {
    const onOpenShift = settings.filter(({ openshift }) => openshift === true).flatMap(rendered);
    expect(objections([...onOpenShift, ...shipped], againstOpenShift)).toEqual([]);
    expect(objections(onOpenShift, againstRestricted)).toEqual([]);
  });

  it('has a uid elsewhere, or one in its image: a name in an image cannot be seen not to be root', () => {
    const elsewhere = settings.filter(({ openshift }) => openshift === false).flatMap(rendered);
    const unset = ({ securityContext }: PodSpec) =>
      securityContext?.runAsUser === 65532 ? [] : ['no uid'];
    expect(objections(elsewhere, unset)).toEqual([]);
  });

  it('has a root that is read-only', () => {
    const writable = (pod: PodSpec) =>
      containersOf(pod).filter(
        ({ securityContext }) => securityContext?.readOnlyRootFilesystem !== true,
      );
    expect(objections([...renderedAll, ...shipped], writable)).toEqual([]);
  });

  it('has no port of the privileged ones', () => {
    const low = (pod: PodSpec) =>
      containersOf(pod)
        .flatMap(({ ports = [] }) => ports)
        .filter(({ containerPort = 0 }) => containerPort < 1024);
    expect(objections([...renderedAll, ...shipped], low)).toEqual([]);
  });
});

describe('volumes', () => {
  const writableMounts = (pod: PodSpec) =>
    pod.containers
      .flatMap(({ volumeMounts = [] }) => volumeMounts)
      .filter(({ readOnly }) => readOnly !== true);

  it('of the operator and of the puller cannot be written to', () => {
    expect(objections([...operators, ...pullerPods], writableMounts)).toEqual([]);
    const emptied = ({ volumes = [] }: PodSpec) => volumes.filter((volume) => 'emptyDir' in volume);
    expect(objections([...operators, ...pullerPods], emptied)).toEqual([]);
  });

  it('of a cache are one of a limited size, which only the sleeper writes to', () => {
    expect(objections(caches, writableMounts)).toEqual([]);
    const other = ({ volumes }: PodSpec) =>
      JSON.stringify(volumes) === '[{"name":"kip","emptyDir":{"sizeLimit":"50Mi"}}]'
        ? []
        : (volumes ?? []);
    expect(objections(caches, other)).toEqual([]);
  });

  it('hold no Secret but the certificate for the metrics', () => {
    const secrets = ({ volumes = [] }: PodSpec) => volumes.filter((volume) => 'secret' in volume);
    expect(objections(renderedAll, secrets)).toEqual([]);
    expect(podsOf(operators).flatMap(([, pod]) => secrets(pod))).toEqual([
      { name: 'metrics-cert', secret: { secretName: metricsCertSecret, optional: true } },
    ]);
  });
});

describe('tokens', () => {
  it('are in no pod that the operator makes, and in none that forgets to refuse them', () => {
    const mounted = ({ automountServiceAccountToken }: PodSpec) =>
      automountServiceAccountToken === false ? [] : ['a token'];
    expect(objections(renderedAll, mounted)).toEqual([]);
    const accounts = ofKind(renderedAll, 'ServiceAccount');
    expect(accounts).toHaveLength(pullerPods.length);
    for (const account of accounts) expect(account['automountServiceAccountToken']).toBe(false);
  });

  it('of the operator are asked for by the hour, and none is mounted that is good for a year', () => {
    const [[, operator] = ['', undefined]] = podsOf(operators);
    expect(operator?.serviceAccountName).toBe(operatorServiceAccount);
    expect(operator?.automountServiceAccountToken).toBe(false);
    expect(operator?.volumes).toContainEqual({
      name: 'credentials',
      projected: {
        sources: [
          // Not 3607: the API server prolongs that one.
          { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }],
            },
          },
        ],
      },
    });
    expect(operator?.containers[0]?.volumeMounts).toContainEqual({
      name: 'credentials',
      mountPath: credentialsDir,
      readOnly: true,
    });
  });

  it('are kept nowhere', () => {
    // Kept in a Secret they would not end.
    expect(ofKind(shipped, 'Secret')).toEqual([]);
    expect(ofKind(shipped, 'ServiceAccount').every((account) => !account['secrets'])).toBe(true);
  });

  it('are in no container whose image a user chose', () => {
    const [chosen = []] = podsOf(ofKind(renderedAll, 'DaemonSet')).map(([, pod]) => [
      pod.serviceAccountName,
      pod.automountServiceAccountToken,
    ]);
    expect(chosen).toEqual([undefined, false]);
    const images = podsOf(pullerPods).flatMap(([, pod]) =>
      containersOf(pod).map(({ image }) => image),
    );
    expect(new Set(images)).toEqual(new Set(['registry.example/operator:2']));
  });
});

describe('the programs', () => {
  it('run in a Node that is locked down', () => {
    expect(flags).toEqual(
      expect.arrayContaining([
        '--permission',
        '--disallow-code-generation-from-strings',
        '--disable-proto=throw',
        '--no-addons',
      ]),
    );
    const allowed = flags.filter((flag) => flag.startsWith('--allow-'));
    expect(allowed).toEqual([
      '--allow-fs-read=/etc/image-puller',
      '--allow-fs-read=/var/run/secrets/kubernetes.io/serviceaccount',
    ]);
  });

  it('are alone in their pods: nothing stands between the metrics and who asks for them', () => {
    for (const [, pod] of podsOf([...operators, ...pullerPods])) {
      expect(containersOf(pod)).toHaveLength(1);
    }
  });
});

describe('rights', () => {
  const bound = (kind: string, reference: string) =>
    ofKind(shipped, kind).map((binding) => {
      const { kind: roleKind, name } = binding['roleRef'] as { kind: string; name: string };
      const role = shipped.find(
        (object) => object.kind === roleKind && object.metadata.name === name,
      );
      return { reference: `${reference} ${name}`, rules: rulesIn(role ?? binding) };
    });
  /** Everything that is bound to the operator. */
  const roles = [...bound('ClusterRoleBinding', 'cluster'), ...bound('RoleBinding', 'namespace')];
  const pullerRules = ofKind(renderedAll, 'Role').flatMap(rulesIn);

  it('of the operator are bound to it alone', () => {
    expect(roles.map(({ reference }) => reference)).toEqual([
      'cluster kubernetes-image-puller-operator-role',
      'cluster kubernetes-image-puller-operator-metrics-auth-role',
      'namespace kubernetes-image-puller-operator-leader-election-role',
      'namespace kubernetes-image-puller-operator-role',
    ]);
    const subjects = shipped.flatMap((object) => (object['subjects'] ?? []) as readonly object[]);
    for (const subject of subjects) {
      expect(subject).toMatchObject({ kind: 'ServiceAccount', name: operatorServiceAccount });
    }
    for (const { rules } of roles) expect(rules).not.toEqual([]);
  });

  it('have no wildcard, no Secrets, no nodes, no pods but to look at, and nothing that escalates', () => {
    expect([...roles.flatMap(({ rules }) => rules), ...pullerRules].flatMap(tooMuch)).toEqual([]);
  });

  it.each<[string, PolicyRule]>([
    ['any verb', { apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }],
    ['any resource', { apiGroups: ['apps'], resources: ['*'], verbs: ['get'] }],
    ['Secrets', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }],
    ['nodes', { apiGroups: [''], resources: ['nodes'], verbs: ['list'] }],
    ['pods that are made', { apiGroups: [''], resources: ['pods'], verbs: ['create'] }],
    ['commands in pods', { apiGroups: [''], resources: ['pods/exec'], verbs: ['get'] }],
    ['tokens', { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] }],
    ['escalate', { apiGroups: [''], resources: ['roles'], verbs: ['escalate'] }],
    ['bind', { apiGroups: [''], resources: ['roles'], verbs: ['bind'] }],
    ['impersonate', { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['impersonate'] }],
    ['any path', { nonResourceURLs: ['/*'], verbs: ['get'] }],
  ])('would be seen to be too much: %s', (_what, rule) => {
    expect(tooMuch(rule)).toEqual([rule]);
  });

  it('of a puller are none that the operator does not hold itself', () => {
    const operator = ofKind(shipped, 'ClusterRole').find(
      ({ metadata }) => metadata.name === 'kubernetes-image-puller-operator-role',
    );
    expect(pullerRules).toHaveLength(pullerPods.length);
    expect(
      missingRights(rulesIn(operator ?? { apiVersion: '', kind: '', metadata: {} }), pullerRules),
    ).toEqual([]);
  });

  it('of a puller are bound to nobody but its own account', () => {
    for (const binding of ofKind(renderedAll, 'RoleBinding')) {
      expect(binding['roleRef']).toMatchObject({ kind: 'Role', name: binding.metadata.name });
      expect(binding['subjects']).toEqual([
        expect.objectContaining({ kind: 'ServiceAccount', namespace: binding.metadata.namespace }),
      ]);
    }
  });

  it('for leading and for knowing who scrapes are Roles of their own', () => {
    const holders = (resource: string) =>
      roles
        .filter(({ rules }) => rules.some(({ resources }) => resources?.includes(resource)))
        .map(({ reference }) => reference);
    expect(holders('leases')).toEqual([
      'namespace kubernetes-image-puller-operator-leader-election-role',
    ]);
    const asker = 'cluster kubernetes-image-puller-operator-metrics-auth-role';
    expect(holders('tokenreviews')).toEqual([asker]);
    expect(holders('subjectaccessreviews')).toEqual([asker]);
  });
});

describe('the network', () => {
  const policies = ofKind(shipped, 'NetworkPolicy');
  const specOf = (name: string) =>
    policies.find(({ metadata }) => metadata.name === name)?.['spec'] as NetworkPolicySpec;
  const spec = specOf('kubernetes-image-puller-operator-manager');

  it('of the operator leads, wherever to, by the ports of names and the API server alone', () => {
    const ports = spec.egress.map((rule) => [...new Set(rule.ports.map(({ port }) => port))]);
    expect(ports).toEqual([
      [53, 5353],
      [443, 6443],
    ]);
    expect(spec.egress.flatMap(Object.keys)).toEqual(['ports', 'ports']);
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
  });

  it('leads to its metrics only from namespaces that are marked for it', () => {
    const toMetrics = spec.ingress.filter(({ ports }) => ports.some(({ port }) => port === 8443));
    expect(toMetrics).toEqual([
      {
        from: [{ namespaceSelector: { matchLabels: { metrics: 'enabled' } } }],
        ports: [{ protocol: 'TCP', port: 8443 }],
      },
    ]);
  });

  it('of caches leads nowhere, and that of pullers stays as it is', () => {
    const { podSelector, ...rest } = specOf('kubernetes-image-puller-caches');
    // Without a rule for a direction, nothing goes in that direction.
    expect(rest).toEqual({ policyTypes: ['Ingress', 'Egress'] });
    const selected = ({ spec }: KubeObject) => {
      const { labels = {} } = (spec as WithTemplate).template.metadata;
      const wanted = Object.entries(podSelector.matchLabels);
      return wanted.every(([label, value]) => labels[label] === value);
    };
    expect(caches.filter((object) => !selected(object))).toEqual([]);
    expect([...pullerPods, ...operators].filter(selected)).toEqual([]);
  });
});

interface WithTemplate {
  readonly template: { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } };
}

interface NetworkPolicySpec {
  readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly policyTypes: readonly string[];
  readonly ingress: readonly { readonly ports: readonly { readonly port: number }[] }[];
  readonly egress: readonly { readonly ports: readonly { readonly port: number }[] }[];
}

/** The rule, where it grants what no program of ours may have. */
function tooMuch(rule: PolicyRule): readonly PolicyRule[] {
  const { apiGroups = [], resources = [], verbs = [], nonResourceURLs = [] } = rule;
  const isWild = [...apiGroups, ...resources, ...verbs, ...nonResourceURLs].some((word) =>
    word.includes('*'),
  );
  const escalates = verbs.some((verb) => ['escalate', 'bind', 'impersonate'].includes(verb));
  const isSecret = resources.some(
    (resource) =>
      ['secrets', 'nodes'].includes(resource) || /^(pods|nodes|serviceaccounts)\//.test(resource),
  );
  const writesPods =
    resources.includes('pods') && verbs.some((verb) => !['list', 'watch'].includes(verb));
  return isWild || escalates || isSecret || writesPods ? [rule] : [];
}
