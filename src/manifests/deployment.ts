import { createHash } from 'node:crypto';
import type { KubeObject } from '../kube/objects.ts';
import { configMap } from './config-map.ts';
import { childMeta, type ManifestInput } from './input.ts';
import { configHashAnnotation, deploymentSelector, serviceAccountName } from './names.ts';
import { containerSecurityContext, podSecurityContext } from './pod-security.ts';
import { priority } from './priority.ts';
import { pullerResources } from './puller-resources.ts';

/** Where the puller finds its ConfigMap: files, as one environment variable ends at 128 KiB. */
const configDirectory = '/etc/image-puller';

const healthPort = 8081;

/** Two pullers at once would write one report in turn. */
const recreate = { type: 'Recreate' };

/**
 * Whether the puller has its pod, or makes room for the cache; or is still to be made, with all that only it
 * needs, after the first pods of the cache.
 */
export type PullerState = 'works' | 'rests' | 'waits';

/**
 * The merge patch after which a Deployment takes its strategy: where it was a rolling update once, for
 * example as the Go operator made it, the server has filled in a `rollingUpdate`, which it refuses beside
 * Recreate (kubernetes/kubernetes: pkg/apis/apps/validation/validation.go).
 */
export function strategyCleared(live: KubeObject): object | undefined {
  const { strategy } = (live['spec'] ?? {}) as { strategy?: { rollingUpdate?: object } };
  if (strategy?.rollingUpdate === undefined) return undefined;
  return { spec: { strategy: { ...recreate, rollingUpdate: null } } };
}

/** The puller: one pod of the operator's own image, so that no image a user chose runs with its token. */
export function deployment(input: ManifestInput, state: PullerState): KubeObject {
  const { spec, settings } = input;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: childMeta(input, spec.deploymentName, deploymentSelector),
    spec: {
      replicas: state === 'rests' ? 0 : 1,
      strategy: recreate,
      selector: { matchLabels: deploymentSelector },
      template: {
        metadata: {
          annotations: { [configHashAnnotation]: dataHash(configMap(input)) },
          labels: deploymentSelector,
        },
        spec: {
          serviceAccountName: serviceAccountName(spec.deploymentName),
          // The puller asks the API server for nothing.
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          ...priority(input),
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          securityContext: podSecurityContext(settings.openshift),
          containers: [
            {
              name: 'kubernetes-image-puller',
              image: settings.operatorImage,
              imagePullPolicy: 'IfNotPresent',
              args: ['puller', '--managed', '--config', configDirectory],
              env: [{ name: 'DEPLOYMENT_NAME', value: spec.deploymentName }],
              ports: [{ name: 'health', containerPort: healthPort, protocol: 'TCP' }],
              livenessProbe: { httpGet: { path: '/healthz', port: 'health' }, periodSeconds: 20 },
              readinessProbe: { httpGet: { path: '/readyz', port: 'health' }, periodSeconds: 5 },
              resources: pullerResources,
              securityContext: containerSecurityContext,
              volumeMounts: [{ name: 'config', mountPath: configDirectory, readOnly: true }],
            },
          ],
          volumes: [{ name: 'config', configMap: { name: spec.configMapName } }],
        },
      },
    },
  };
}

/** Changes exactly when the data of a ConfigMap does. */
function dataHash(configMap: KubeObject): string {
  const data = Object.entries(configMap['data'] as Record<string, string>).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return createHash('sha256').update(JSON.stringify(data)).digest('hex');
}
