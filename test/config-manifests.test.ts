import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { render } from '../src/cli/render.ts';
import { operatorConfig } from '../src/config.ts';
import type { KubeObject } from '../src/kube/objects.ts';
import { flags } from './image/launcher.ts';
import { resourcesOf } from './shipped.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const kinds = (directory: string) => resourcesOf(directory).map(({ kind }) => kind);

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

function rulesOf(directory: string): readonly Rule[] {
  return rulesIn(
    resourcesOf(directory).find(
      ({ metadata }) => metadata.name === 'kubernetes-image-puller-operator-role',
    ),
  );
}

function rulesIn(role: KubeObject | undefined): readonly Rule[] {
  return (role?.['rules'] ?? []) as readonly Rule[];
}

/** They bind nobody: the cluster's own view, edit and admin take their rules in. */
const peopleRoles = ['ClusterRole', 'ClusterRole', 'ClusterRole'];

/** One that the operator is bound to, to know who asks for its metrics, and one for who may. */
const metricsRoles = ['ClusterRole', 'ClusterRoleBinding', 'ClusterRole'];

describe('the install manifests', () => {
  it('of config/default are the operator for all namespaces', () => {
    expect(kinds('config/default')).toEqual([
      'CustomResourceDefinition',
      'Namespace',
      'ServiceAccount',
      'Deployment',
      'Service',
      'PodDisruptionBudget',
      'ClusterRole',
      'ClusterRoleBinding',
      'Role',
      'RoleBinding',
      ...metricsRoles,
      ...peopleRoles,
    ]);
  });

  it('of config/namespaced bind the operator to no cluster-wide right', () => {
    expect(kinds('config/namespaced')).toEqual([
      'CustomResourceDefinition',
      'Namespace',
      'ServiceAccount',
      'Deployment',
      'Service',
      'PodDisruptionBudget',
      'Role',
      'RoleBinding',
      'Role',
      'RoleBinding',
      ...peopleRoles,
    ]);
  });

  it('of config/manager are the operator alone: who deletes them deletes nobody else and no puller', () => {
    expect(kinds('config/manager')).toEqual([
      'ServiceAccount',
      'Deployment',
      'Service',
      'PodDisruptionBudget',
    ]);
  });

  it('grant the same in both', () => {
    expect(rulesOf('config/default')).toEqual(rulesOf('config/namespaced'));
  });

  it.each(['config/default', 'config/namespaced'])(
    '%s grants no wildcard and nothing that escalates',
    (directory) => {
      expect(rulesOf(directory)).not.toEqual([]);
      for (const { apiGroups, resources, verbs } of rulesOf(directory)) {
        expect([...apiGroups, ...resources, ...verbs]).not.toContain('*');
        expect(resources).not.toContain('secrets');
        expect(resources).not.toContain('nodes');
        if (resources.includes('pods')) expect(verbs).toEqual(['list', 'watch']);
        expect(resources.filter((resource) => resource.startsWith('pods/'))).toEqual([]);
        for (const verb of ['escalate', 'bind', 'impersonate']) expect(verbs).not.toContain(verb);
      }
    },
  );

  it.each(['config/default', 'config/namespaced'])(
    '%s lets who may view, edit or administer a namespace do so with its pullers',
    (directory) => {
      const people = resourcesOf(directory).filter(({ metadata }) =>
        Object.keys(metadata.labels ?? {}).some((label) => label.includes('aggregate-to-')),
      );
      const reading = ['get', 'list', 'watch'];
      const writing = [...reading, 'create', 'update', 'patch', 'delete', 'deletecollection'];
      const rights = people.map((role) => [role.metadata.labels, rulesIn(role)]);
      const rule = (verbs: readonly string[]) => [
        { apiGroups: ['che.eclipse.org'], resources: ['kubernetesimagepullers'], verbs },
      ];
      const label = (level: string) => ({
        [`rbac.authorization.k8s.io/aggregate-to-${level}`]: 'true',
      });
      expect(rights).toEqual([
        [label('view'), rule(reading)],
        [label('edit'), rule(writing)],
        [label('admin'), rule(writing)],
      ]);
    },
  );

  it('run the operator under the restricted Pod Security level, which its namespace enforces', () => {
    const all = resourcesOf('config/default');
    expect(all.find(({ kind }) => kind === 'Namespace')?.metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    expect(all.find(({ kind }) => kind === 'Deployment')).toMatchObject({
      spec: {
        template: {
          spec: {
            securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
            containers: [
              {
                livenessProbe: { httpGet: { path: '/healthz' } },
                readinessProbe: { httpGet: { path: '/readyz' } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  capabilities: { drop: ['ALL'] },
                  readOnlyRootFilesystem: true,
                },
              },
            ],
          },
        },
      },
    });
  });

  it.each(['config/default', 'config/namespaced'])(
    '%s runs two operators, of which a drain or an update takes one at a time',
    (directory) => {
      const all = resourcesOf(directory);
      const labels = { name: 'kubernetes-image-puller-operator' };
      expect(all.find(({ kind }) => kind === 'Deployment')).toMatchObject({
        spec: {
          replicas: 2,
          strategy: { rollingUpdate: { maxUnavailable: 0 } },
          selector: { matchLabels: labels },
          template: { metadata: { labels } },
        },
      });
      expect(all.find(({ kind }) => kind === 'PodDisruptionBudget')).toMatchObject({
        spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
      });
    },
  );

  it.each(['config/default', 'config/namespaced'])(
    '%s lets the operator look at and renew the one Lease that it leads by',
    (directory) => {
      const all = resourcesOf(directory);
      const role = all.find(({ metadata }) => metadata.name?.endsWith('leader-election-role'));
      const lease = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
      expect(role?.['rules']).toEqual([
        { ...lease, verbs: ['create'] },
        { ...lease, resourceNames: ['06ff708d.eclipse.che'], verbs: ['get', 'update'] },
      ]);
      expect(all).toContainEqual(
        expect.objectContaining({
          kind: 'RoleBinding',
          roleRef: expect.objectContaining({ kind: 'Role', name: role?.metadata.name }),
        }),
      );
    },
  );

  it('offer a NetworkPolicy for the same pods, through which the probes and metrics come', () => {
    const [policy] = resourcesOf('config/network-policy');
    const deployment = resourcesOf('config/default').find(({ kind }) => kind === 'Deployment');
    expect(policy).toMatchObject({
      kind: 'NetworkPolicy',
      metadata: { namespace: deployment?.metadata.namespace },
      spec: {
        podSelector: { matchLabels: { name: 'kubernetes-image-puller-operator' } },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ ports: [{ port: 8081 }] }, { ports: [{ port: 8443 }] }],
      },
    });
  });

  it('offer another one for the caches of whatever namespace it is applied in', () => {
    const [policy, ...others] = resourcesOf('config/network-policy/caches');
    expect(policy).toMatchObject({ kind: 'NetworkPolicy' });
    expect(policy?.metadata.namespace).toBeUndefined();
    expect(others).toEqual([]);
  });

  it('let the metrics be scraped by the names of the Go operator, and of its ServiceMonitor', () => {
    const all = resourcesOf('config/default');
    const service = all.find(({ kind }) => kind === 'Service');
    expect(service).toMatchObject({
      metadata: {
        name: 'kubernetes-image-puller-operator-manager-metrics-service',
        labels: {
          name: 'kubernetes-image-puller-operator',
          'app.kubernetes.io/name': 'kubernetes-image-puller-operator',
        },
      },
      spec: {
        selector: { name: 'kubernetes-image-puller-operator' },
        ports: [{ name: 'https', port: 8443, targetPort: 'https' }],
      },
    });
    const deployment = all.find(({ kind }) => kind === 'Deployment');
    expect(deployment).toHaveProperty('spec.template.spec.containers.0.ports.1', {
      name: 'https',
      containerPort: 8443,
    });
    const [monitor] = resourcesOf('config/prometheus');
    expect(monitor).toMatchObject({
      metadata: { namespace: service?.metadata.namespace },
      spec: {
        selector: { matchLabels: { 'app.kubernetes.io/name': 'kubernetes-image-puller-operator' } },
        endpoints: [{ path: '/metrics', port: 'https', scheme: 'https' }],
      },
    });
  });

  it('let the operator ask who somebody is and what they may, and somebody read the metrics', () => {
    const roles = resourcesOf('config/rbac/metrics');
    expect(roles.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['ClusterRole', 'kubernetes-image-puller-operator-metrics-auth-role'],
      ['ClusterRoleBinding', 'kubernetes-image-puller-operator-metrics-auth-rolebinding'],
      ['ClusterRole', 'kubernetes-image-puller-operator-metrics-reader'],
    ]);
    const [asker, binding, reader] = roles;
    expect(asker?.['rules']).toEqual([
      {
        apiGroups: ['authentication.k8s.io'],
        resources: ['tokenreviews'],
        verbs: ['create'],
      },
      {
        apiGroups: ['authorization.k8s.io'],
        resources: ['subjectaccessreviews'],
        verbs: ['create'],
      },
    ]);
    expect(binding?.['roleRef']).toMatchObject({ name: asker?.metadata.name });
    expect(reader?.['rules']).toEqual([{ nonResourceURLs: ['/metrics'], verbs: ['get'] }]);
  });

  it('show a certificate that somebody gives the Service, from a folder that the image may read', () => {
    const all = resourcesOf('config/default');
    const pod = 'spec.template.spec';
    const deployment = all.find(({ kind }) => kind === 'Deployment');
    const secretName = 'kubernetes-image-puller-operator-metrics-cert';
    expect(deployment).toHaveProperty(
      `${pod}.volumes`,
      expect.arrayContaining([{ name: 'metrics-cert', secret: { secretName, optional: true } }]),
    );
    const directory = '/etc/image-puller/metrics-cert';
    expect(deployment).toHaveProperty(
      `${pod}.containers.0.volumeMounts`,
      expect.arrayContaining([{ name: 'metrics-cert', mountPath: directory, readOnly: true }]),
    );
    expect(deployment).toHaveProperty(
      `${pod}.containers.0.env`,
      expect.arrayContaining([{ name: 'METRICS_CERT_DIR', value: directory }]),
    );
    expect(flags).toContain('--allow-fs-read=/etc/image-puller');
    expect(all.find(({ kind }) => kind === 'Service')?.metadata.annotations).toEqual({
      'service.beta.openshift.io/serving-cert-secret-name': secretName,
    });
  });

  it('let config/namespaced replace the variable that the Deployment has first', () => {
    const [patch] = parse(
      readFileSync(join(root, 'config/namespaced/watch_own_namespace.yaml'), 'utf8'),
    ) as readonly [{ path: string; value: { name: string } }];
    expect(patch.path).toBe('/spec/template/spec/containers/0/env/0');
    const deployment = resourcesOf('config/default').find(({ kind }) => kind === 'Deployment');
    expect(deployment).toHaveProperty(
      'spec.template.spec.containers.0.env.0.name',
      patch.value.name,
    );
  });
});

describe('the samples', () => {
  /** The objects that the operator would make of all of them. */
  const made = globSync('config/samples/*.yaml', { cwd: root }).flatMap((sample) => {
    const { output } = render(['-f', join(root, sample)], operatorConfig({}));
    return parseAllDocuments(output).map((document) => document.toJS() as KubeObject);
  });

  it('can all be applied at once, as no two want an object of the same name', () => {
    const names = made.map(
      ({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`,
    );
    expect(names).toContain('DaemonSet default/kubernetes-image-puller');
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
