import type { KubeObject } from '../../../src/kube/objects.ts';
import type { Cluster } from '../cluster.ts';
import { aConfigMap, aDaemonSet, aDeployment, stageOf } from './api.ts';

interface Workload {
  readonly spec: { readonly template: { readonly spec: Record<string, unknown> } };
}

/** The object with more in the spec of its pod template. */
function withPodSpec(object: KubeObject, fields: object): KubeObject {
  const { spec } = object as unknown as Workload;
  const podSpec = { ...spec.template.spec, ...fields };
  return { ...object, spec: { ...spec, template: { ...spec.template, spec: podSpec } } };
}

function withSpec(object: KubeObject, fields: object): KubeObject {
  return { ...object, spec: { ...(object['spec'] as object), ...fields } };
}

/** What the server fills in and what it refuses in the built-in kinds. */
export function describeValidation(cluster: () => Cluster): void {
  describe('defaults and validation', () => {
    const stage = stageOf(cluster);
    const createDaemonSet = (object: KubeObject) =>
      stage.admin.create(stage.path('apps/v1/daemonsets'), object);
    const createDeployment = (object: KubeObject) =>
      stage.admin.create(stage.path('apps/v1/deployments'), object);

    it('drops an unknown field, unless strict validation is asked for', async () => {
      const path = stage.path('configmaps');
      const strict = await stage.admin.create(`${path}?fieldValidation=Strict`, {
        ...aConfigMap('strict'),
        bogus: { a: 1 },
      });
      expect(strict.code).toBe(400);
      expect(strict.body['message']).toContain('strict decoding error: unknown field "bogus"');
      const nested = await stage.admin.create(
        `${stage.path('apps/v1/daemonsets')}?fieldValidation=Strict`,
        withPodSpec(aDaemonSet('strict'), { bogus: true }),
      );
      expect(nested.body['message']).toContain('unknown field "spec.template.spec.bogus"');
      const lax = await stage.admin.create(path, { ...aConfigMap('lax'), bogus: { a: 1 } });
      expect(lax.code).toBe(201);
      expect(lax.body).not.toHaveProperty('bogus');
    });

    it('fills in a DaemonSet', async () => {
      const { body } = await createDaemonSet(aDaemonSet('a', { image: 'registry.invalid/image' }));
      expect(body.metadata.annotations).toMatchObject({
        'deprecated.daemonset.template.generation': '1',
      });
      expect(body['spec']).toEqual({
        revisionHistoryLimit: 10,
        selector: { matchLabels: { app: 'a' } },
        updateStrategy: {
          type: 'RollingUpdate',
          rollingUpdate: { maxSurge: 0, maxUnavailable: 1 },
        },
        template: {
          metadata: { labels: { app: 'a' } },
          spec: {
            containers: [
              {
                name: 'main',
                image: 'registry.invalid/image',
                imagePullPolicy: 'Always',
                resources: {},
                terminationMessagePath: '/dev/termination-log',
                terminationMessagePolicy: 'File',
              },
            ],
            dnsPolicy: 'ClusterFirst',
            nodeSelector: { 'contract/none': 'true' },
            restartPolicy: 'Always',
            schedulerName: 'default-scheduler',
            securityContext: {},
            terminationGracePeriodSeconds: 30,
          },
        },
      });
    });

    it('fills in a Deployment', async () => {
      const object = withSpec(aDeployment('a'), { strategy: undefined, replicas: undefined });
      const { body } = await createDeployment(withPodSpec(object, { serviceAccountName: 'sa' }));
      expect(body['spec']).toMatchObject({
        replicas: 1,
        progressDeadlineSeconds: 600,
        revisionHistoryLimit: 10,
        strategy: {
          type: 'RollingUpdate',
          rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
        },
        template: { spec: { serviceAccountName: 'sa', serviceAccount: 'sa' } },
      });
    });

    it.each([
      ['image:1', 'IfNotPresent'],
      ['image:latest', 'Always'],
      ['registry:5000/image', 'Always'],
      [`image@sha256:${'0'.repeat(64)}`, 'IfNotPresent'],
    ])('chooses the pull policy of %s', async (image, imagePullPolicy) => {
      const { body } = await createDaemonSet(aDaemonSet('a', { image }));
      expect(body).toMatchObject({
        spec: { template: { spec: { containers: [{ imagePullPolicy }] } } },
      });
    });

    it('fills in probes, ports, references to fields and volumes', async () => {
      const container = {
        ports: [{ containerPort: 80 }],
        env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        readinessProbe: { httpGet: { port: 80 } },
        volumeMounts: [{ name: 'empty', mountPath: '/empty' }],
      };
      const volumes = [
        { name: 'empty' },
        { name: 'config', configMap: { name: 'c' } },
        { name: 'secret', secret: { secretName: 's', optional: true } },
      ];
      const { body } = await createDaemonSet(withPodSpec(aDaemonSet('a', container), { volumes }));
      expect(body).toMatchObject({
        spec: {
          template: {
            spec: {
              containers: [
                {
                  ports: [{ containerPort: 80, protocol: 'TCP' }],
                  env: [{ valueFrom: { fieldRef: { apiVersion: 'v1' } } }],
                  readinessProbe: {
                    httpGet: { path: '/', port: 80, scheme: 'HTTP' },
                    timeoutSeconds: 1,
                    periodSeconds: 10,
                    successThreshold: 1,
                    failureThreshold: 3,
                  },
                },
              ],
              volumes: [
                { name: 'empty', emptyDir: {} },
                { name: 'config', configMap: { name: 'c', defaultMode: 420 } },
                { name: 'secret', secret: { secretName: 's', optional: true, defaultMode: 420 } },
              ],
            },
          },
        },
      });
    });

    it('drops what it does not know and what says nothing', async () => {
      const container = { unknown: 1, args: [], env: [{ name: 'A', value: '' }], tty: false };
      const object = withPodSpec(aDaemonSet('a', container), {
        hostNetwork: false,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
      });
      const { body } = await createDaemonSet(object);
      const { spec } = (body as unknown as Workload).spec.template;
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
      });
      expect(spec).not.toHaveProperty('hostNetwork');
      const [main] = spec['containers'] as readonly Record<string, unknown>[];
      expect(main).toMatchObject({ env: [{ name: 'A' }] });
      for (const dropped of ['unknown', 'args', 'tty']) expect(main).not.toHaveProperty(dropped);
    });

    it('refuses a value of another type', async () => {
      const object = withSpec(aDeployment('a'), { replicas: 'many' });
      expect(await createDeployment(object)).toMatchObject({
        code: 400,
        body: {
          reason: 'BadRequest',
          message: expect.stringMatching(
            /^Deployment in version "v1" cannot be handled as a Deployment: .*cannot unmarshal string/,
          ),
        },
      });
    });

    it('refuses a quantity that is none', async () => {
      const resources = { requests: { cpu: 'much' } };
      expect(await createDaemonSet(aDaemonSet('a', { resources }))).toMatchObject({
        code: 400,
        body: { message: expect.stringContaining('quantities must match the regular expression') },
      });
    });

    const rolling = (rollingUpdate: object) => ({
      updateStrategy: { type: 'RollingUpdate', rollingUpdate },
    });
    const template = 'spec.template.spec';
    const refusals: readonly (readonly [string, KubeObject, string])[] = [
      [
        'a container name that is no label',
        aDaemonSet('a', { name: 'Main' }),
        `${template}.containers[0].name: Invalid value: "Main": a lowercase RFC 1123 label must consist of`,
      ],
      [
        'a container without an image',
        aDaemonSet('a', { image: '' }),
        `${template}.containers[0].image: Required value`,
      ],
      [
        'a container without a name',
        aDaemonSet('a', { name: undefined }),
        `${template}.containers[0].name: Required value`,
      ],
      [
        'no containers',
        withPodSpec(aDaemonSet('a'), { containers: [] }),
        `${template}.containers: Required value`,
      ],
      [
        'two containers of one name',
        withPodSpec(aDaemonSet('a'), {
          containers: [
            { name: 'main', image: 'a:1' },
            { name: 'main', image: 'b:1' },
          ],
        }),
        `${template}.containers[1].name: Duplicate value: "main"`,
      ],
      [
        'an init container with the name of a container',
        withPodSpec(aDaemonSet('a'), { initContainers: [{ name: 'main', image: 'a:1' }] }),
        `${template}.initContainers[0].name: Duplicate value: "main"`,
      ],
      [
        'a request above its limit',
        aDaemonSet('a', { resources: { requests: { cpu: '1' }, limits: { cpu: '500m' } } }),
        `${template}.containers[0].resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m`,
      ],
      [
        'a negative request',
        aDaemonSet('a', { resources: { requests: { cpu: '-1' } } }),
        `${template}.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0`,
      ],
      [
        'a mount of a volume that is not there',
        aDaemonSet('a', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
        `${template}.containers[0].volumeMounts[0].name: Not found: "v"`,
      ],
      [
        'two mounts at one path',
        withPodSpec(
          aDaemonSet('a', {
            volumeMounts: [
              { name: 'v', mountPath: '/v' },
              { name: 'w', mountPath: '/v' },
            ],
          }),
          { volumes: [{ name: 'v' }, { name: 'w' }] },
        ),
        'must be unique',
      ],
      [
        'two volumes of one name',
        withPodSpec(aDaemonSet('a'), { volumes: [{ name: 'v' }, { name: 'v' }] }),
        `${template}.volumes[1].name: Duplicate value: "v"`,
      ],
      [
        'a pull policy that is none',
        aDaemonSet('a', { imagePullPolicy: 'Sometimes' }),
        `${template}.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"`,
      ],
      [
        'a restart policy other than Always',
        withPodSpec(aDaemonSet('a'), { restartPolicy: 'Never' }),
        `${template}.restartPolicy: Unsupported value: "Never": supported values: "Always"`,
      ],
      [
        'a toleration of every key that does not say Exists',
        withPodSpec(aDaemonSet('a'), { tolerations: [{ value: 'v' }] }),
        `${template}.tolerations[0].operator: Invalid value: "": operator must be Exists when \`key\` is empty`,
      ],
      [
        'a toleration with Exists and a value',
        withPodSpec(aDaemonSet('a'), {
          tolerations: [{ key: 'k', operator: 'Exists', value: 'v' }],
        }),
        `${template}.tolerations[0].operator: Invalid value: "v": value must be empty when \`operator\` is 'Exists'`,
      ],
      [
        'a toleration in seconds of another effect than NoExecute',
        withPodSpec(aDaemonSet('a'), {
          tolerations: [
            { key: 'k', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 1 },
          ],
        }),
        `${template}.tolerations[0].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
      ],
      [
        'a toleration of an unknown effect',
        withPodSpec(aDaemonSet('a'), { tolerations: [{ operator: 'Exists', effect: 'Never' }] }),
        `${template}.tolerations[0].effect: Unsupported value: "Never"`,
      ],
      [
        'a node selector that is no label',
        withPodSpec(aDaemonSet('a'), { nodeSelector: { a: 'b c' } }),
        `${template}.nodeSelector: Invalid value: "b c": a valid label must be`,
      ],
      [
        'a selector that does not match the template',
        withSpec(aDaemonSet('a'), { selector: { matchLabels: { app: 'b' } } }),
        'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
      ],
      [
        'an empty selector',
        withSpec(aDaemonSet('a'), { selector: {} }),
        'empty selector is invalid for daemonset',
      ],
      [
        'a roll that may do nothing',
        withSpec(aDaemonSet('a'), rolling({ maxSurge: 0, maxUnavailable: 0 })),
        'spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0',
      ],
      [
        'a roll by surge and by unavailability',
        withSpec(aDaemonSet('a'), rolling({ maxSurge: 1, maxUnavailable: 1 })),
        'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero',
      ],
      [
        'a surge without unavailability switched off, which defaults to one',
        withSpec(aDaemonSet('a'), rolling({ maxSurge: '10%' })),
        'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "10%": may not be set when maxUnavailable is non-zero',
      ],
      [
        'more than all',
        withSpec(aDaemonSet('a'), rolling({ maxSurge: '101%', maxUnavailable: 0 })),
        'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "101%": must not be greater than 100%',
      ],
      [
        'an object name that is no subdomain',
        aDaemonSet('A'),
        'metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of',
      ],
      [
        'a label value that is too long',
        { ...aDaemonSet('a'), metadata: { name: 'a', labels: { l: 'v'.repeat(64) } } },
        'metadata.labels: Invalid value: ',
      ],
    ];

    it.each(refusals)('refuses %s', async (_, object, message) => {
      expect(await createDaemonSet(object)).toMatchObject({
        code: 422,
        body: { reason: 'Invalid', message: expect.stringContaining(message) },
      });
    });

    it('accepts a surge as a percentage', async () => {
      const object = withSpec(aDaemonSet('a'), rolling({ maxSurge: '10%', maxUnavailable: 0 }));
      expect(await createDaemonSet(object)).toMatchObject({ code: 201 });
    });

    it('refuses a rolling update beside the strategy Recreate', async () => {
      const strategy = { type: 'Recreate', rollingUpdate: { maxSurge: 1 } };
      expect(await createDeployment(withSpec(aDeployment('a'), { strategy }))).toMatchObject({
        code: 422,
        body: { message: expect.stringContaining('spec.strategy.rollingUpdate: Forbidden') },
      });
    });

    it('takes Recreate by server-side apply once what it has filled in for a rolling update is cleared', async () => {
      const deployment = withSpec(aDeployment('a'), { strategy: { type: 'RollingUpdate' } });
      await createDeployment(deployment);
      const path = stage.path('apps/v1/deployments', 'a');
      const strategy = { type: 'Recreate' };
      const recreate = withSpec(aDeployment('a'), { strategy });
      expect(await stage.admin.apply(path, recreate, { force: 'true' })).toMatchObject({
        code: 422,
        body: { message: expect.stringContaining('spec.strategy.rollingUpdate: Forbidden') },
      });
      await stage.admin.merge(path, { spec: { strategy: { ...strategy, rollingUpdate: null } } });
      expect(await stage.admin.apply(path, recreate, { force: 'true' })).toMatchObject({
        code: 200,
        body: { spec: { strategy } },
      });
    });

    it.each(['daemonsets', 'deployments'])('refuses another selector of %s', async (plural) => {
      const object = plural === 'daemonsets' ? aDaemonSet('a') : aDeployment('a');
      await stage.admin.create(stage.path(`apps/v1/${plural}`), object);
      const labels = { app: 'b' };
      const change = {
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels } } },
      };
      expect(await stage.admin.merge(stage.path(`apps/v1/${plural}`, 'a'), change)).toMatchObject({
        code: 422,
        body: {
          message: expect.stringContaining('field is immutable'),
          details: { causes: [{ field: 'spec.selector' }] },
        },
      });
    });

    it('counts generations of the template of a DaemonSet', async () => {
      await createDaemonSet(aDaemonSet('a'));
      const path = stage.path('apps/v1/daemonsets', 'a');
      await stage.admin.merge(path, { spec: { minReadySeconds: 1 } });
      const annotations = { changed: 'true' };
      const { body } = await stage.admin.merge(path, {
        spec: { template: { metadata: { annotations } } },
      });
      expect(body.metadata.generation).toBe(3);
      expect(body.metadata.annotations).toMatchObject({
        'deprecated.daemonset.template.generation': '2',
      });
    });

    it('takes requests for the whole pod that cover those of its containers', async () => {
      const none = { resources: { requests: { cpu: '0' }, limits: { cpu: '200m' } } };
      const resources = { requests: { cpu: '50m' } };
      const fitting = withPodSpec(aDaemonSet('a', none), { resources });
      const { body } = await createDaemonSet(fitting);
      expect(body).toMatchObject({ spec: { template: { spec: { resources } } } });
      const some = { resources: { requests: { cpu: '100m' } } };
      const exceeding = withPodSpec(aDaemonSet('b', some), { resources });
      expect(await createDaemonSet(exceeding)).toMatchObject({
        code: 422,
        body: {
          message: expect.stringContaining(
            'must be greater than or equal to aggregate container requests',
          ),
        },
      });
    });

    it('tells by a dry run whether it keeps requests for the whole pod', async () => {
      const none = { resources: { requests: { cpu: '0', memory: '0' }, limits: { cpu: '200m' } } };
      const resources = { requests: { cpu: '50m', memory: '5Mi' } };
      const path = `${stage.path('apps/v1/daemonsets', 'a')}`;
      const metadata = { name: 'a', resourceVersion: '1' };
      const question = withPodSpec({ ...aDaemonSet('a', none), metadata }, { resources });
      const { code, body } = await stage.admin.apply(path, question, { dryRun: 'All' });
      expect(code).toBe(201);
      const container = expect.objectContaining(none);
      expect(body).toMatchObject({
        spec: { template: { spec: { resources, containers: [container] } } },
      });
      expect((await stage.admin.get(path)).code).toBe(404);
    });

    it('refuses keys of a ConfigMap that are no file names', async () => {
      const object = aConfigMap('a', { 'a/b': '1' });
      expect(await stage.admin.create(stage.path('configmaps'), object)).toMatchObject({
        code: 422,
        body: { message: expect.stringContaining('data[a/b]: Invalid value: "a/b"') },
      });
    });

    it('refuses a ConfigMap of more than a mebibyte', async () => {
      const object = aConfigMap('a', { big: 'x'.repeat(1_048_577) });
      expect(await stage.admin.create(stage.path('configmaps'), object)).toMatchObject({
        code: 422,
        body: { message: expect.stringContaining('Too long: may not be more than 1048576 bytes') },
      });
    });

    it('refuses two controllers of one object', async () => {
      const owner = (uid: string) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: 'o',
        uid,
        controller: true,
      });
      const metadata = { ownerReferences: [owner('1'), owner('2')] };
      const object = aConfigMap('a', {}, metadata);
      expect(await stage.admin.create(stage.path('configmaps'), object)).toMatchObject({
        code: 422,
        body: {
          message: expect.stringContaining('Only one reference can have Controller set to true'),
        },
      });
    });

    it('refuses to change what a pod runs', async () => {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'a' },
        spec: { nodeName: 'no-such-node', containers: [{ name: 'main', image: 'a:1' }] },
      };
      await stage.until(
        async () => (await stage.admin.get(stage.path('serviceaccounts', 'default'))).code === 200,
      );
      const created = await stage.admin.create(stage.path('pods'), pod);
      expect(created).toMatchObject({ code: 201, body: { status: { phase: 'Pending' } } });
      const path = stage.path('pods', 'a');
      expect(await stage.admin.merge(path, { spec: { hostNetwork: true } })).toMatchObject({
        code: 422,
        body: { message: expect.stringContaining('pod updates may not change fields other than') },
      });
      await stage.admin.remove(path, { gracePeriodSeconds: 0 });
    });
  });
}
