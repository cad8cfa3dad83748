import type { CachedImage } from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';
import { sleeperImage } from './config-map.ts';
import { childMeta, type ManifestInput } from './input.ts';
import { daemonSetSelector, pullerUidLabel } from './names.ts';
import { containerSecurityContext, podSecurityContext } from './pod-security.ts';

/** Where the static `sleep` lies in every container of the pod. */
const sleepDirectory = '/kip';

/** Ten years: the peer's 720h would end every container at once on day 30. */
const sleepTime = '87600h';

/**
 * The cache: one pod on every selected node, one sleeping container for each image. A container, not
 * an image volume, so that any supported server has it; not init containers, as one bad image would
 * hold up all behind it.
 */
export function daemonSet(input: ManifestInput): KubeObject {
  const { spec, settings, puller } = input;
  const selector = daemonSetSelector(spec.daemonsetName);
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: childMeta(input, spec.daemonsetName, {
      'app.kubernetes.io/name': 'image-puller',
    }),
    spec: {
      selector: { matchLabels: selector },
      // The new pod holds every image before the old one goes, as long as the old one is Ready.
      updateStrategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: settings.maxSurge, maxUnavailable: 0 },
      },
      template: {
        metadata: {
          labels: {
            ...selector,
            ...(puller.uid === undefined ? {} : { [pullerUidLabel]: puller.uid }),
          },
        },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          // `sleep` as the first process of a container ignores TERM, so waiting would be for nothing.
          terminationGracePeriodSeconds: 0,
          securityContext: podSecurityContext(settings.openshift),
          nodeSelector: { 'kubernetes.io/os': 'linux', ...spec.nodeSelector },
          ...(spec.affinity === undefined ? {} : { affinity: spec.affinity }),
          ...(spec.tolerations.length === 0 ? {} : { tolerations: spec.tolerations }),
          ...(spec.imagePullSecrets.length === 0
            ? {}
            : { imagePullSecrets: spec.imagePullSecrets.map((name) => ({ name })) }),
          initContainers: [copySleep(input)],
          containers: spec.images.map((image) => cacheContainer(input, image)),
          volumes: [{ name: 'kip', emptyDir: { sizeLimit: '50Mi' } }],
        },
      },
    },
  };
}

function copySleep(input: ManifestInput) {
  return {
    name: 'copy-sleep',
    image: sleeperImage(input),
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/sh', '-c', `cp /bin/sleep ${sleepDirectory}/sleep`],
    resources: resources(input),
    securityContext: containerSecurityContext,
    volumeMounts: [{ name: 'kip', mountPath: sleepDirectory }],
  };
}

function cacheContainer(input: ManifestInput, image: CachedImage) {
  return {
    name: image.container,
    image: image.reference,
    // From disk where it is there: a node that restarts while the registry is down keeps its cache.
    imagePullPolicy: 'IfNotPresent',
    command: [`${sleepDirectory}/sleep`, sleepTime],
    resources: resources(input),
    securityContext: containerSecurityContext,
    volumeMounts: [{ name: 'kip', mountPath: sleepDirectory, readOnly: true }],
  };
}

function resources({ spec }: ManifestInput) {
  return { requests: spec.requests, limits: spec.limits };
}
