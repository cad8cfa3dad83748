import type { CachedImage } from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';
import { sleeperImage } from './config-map.ts';
import { childMeta, type ManifestInput } from './input.ts';
import {
  cacheNameLabel,
  daemonSetSelector,
  deploymentSelector,
  imagesAnnotation,
  perContainer,
  pullerUidLabel,
  requestsAnnotation,
  roomMadeAnnotation,
  shardOfAnnotation,
  successorSinceAnnotation,
} from './names.ts';
import { containerResources, podResources } from './pod-requests.ts';
import { containerSecurityContext, podSecurityContext } from './pod-security.ts';
import { priority } from './priority.ts';
import { gapless } from './roll-strategy.ts';
import type { Part } from './shards.ts';
import { imagesText, type TemplateContainer, templateContainers } from './template-images.ts';

/** Where the static `sleep` lies in every container of the pod. */
const sleepDirectory = '/kip';

/** What every container of the cache runs; the peer's do too. */
const sleepProgram = `${sleepDirectory}/sleep`;

/** Ten years: the peer's 720h would end every container at once on day 30. */
const sleepTime = '87600h';

/**
 * A part of the cache: one pod on every selected node, one sleeping container for each image. A
 * container, not an image volume, so that any supported server has it; not init containers, as one bad
 * image would hold up all behind it.
 */
export function daemonSet(input: ManifestInput, part: Part): KubeObject {
  const { spec, settings, puller } = input;
  const labels = daemonSetSelector(part.name);
  const resources = podResources(input, part);
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: {
      ...childMeta(input, part.name, {
        ...cacheNameLabel,
        // By it the documentation of Eclipse Che looks for DaemonSets (eclipse-che/che-docs:
        // modules/optimize/pages/verify-optimization-impact.adoc). Pods with it would be the Deployment's.
        ...deploymentSelector,
      }),
      annotations: annotations(input, part),
    },
    spec: {
      selector: { matchLabels: part.selector ?? labels },
      updateStrategy: {
        type: 'RollingUpdate',
        rollingUpdate: part.strategy ?? gapless(settings.maxSurge),
      },
      template: {
        metadata: {
          labels: {
            ...labels,
            ...(puller.uid === undefined ? {} : { [pullerUidLabel]: puller.uid }),
          },
        },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          // `sleep` as the first process of a container ignores TERM, so waiting would be for nothing.
          terminationGracePeriodSeconds: 0,
          ...priority(input),
          securityContext: podSecurityContext(settings.openshift),
          nodeSelector: { 'kubernetes.io/os': 'linux', ...spec.nodeSelector },
          ...(spec.affinity === undefined ? {} : { affinity: spec.affinity }),
          ...(spec.tolerations.length === 0 ? {} : { tolerations: spec.tolerations }),
          ...(spec.imagePullSecrets.length === 0
            ? {}
            : { imagePullSecrets: spec.imagePullSecrets.map((name) => ({ name })) }),
          ...(resources === undefined ? {} : { resources }),
          initContainers: [copySleep(input)],
          containers: part.images.map((image) => cacheContainer(input, image)),
          volumes: [{ name: 'kip', emptyDir: { sizeLimit: '50Mi' } }],
        },
      },
    },
  };
}

/** The references that the template of a DaemonSet holds; containers that others put into it hold none. */
export function cachedReferences(daemonSet: KubeObject): readonly string[] {
  return templateContainers(daemonSet)
    .filter(({ command }) => isOfCache(command))
    .map(({ image = '' }) => image);
}

/**
 * Takes out of a DaemonSet the containers of the cache that its body does not have: whoever wrote the whole
 * object, to restore it for example, owns them as well, and server-side apply leaves them.
 */
export function containersTrimmed(body: KubeObject) {
  const wanted = new Set(containersOf(body).map(({ name }) => name));
  return {
    field: 'spec.template.spec.containers',
    patch(live: KubeObject): object | undefined {
      const present = containersOf(live);
      const kept = present.filter(({ name, command }) => wanted.has(name) || !isOfCache(command));
      if (kept.length === present.length) return undefined;
      return { spec: { template: { spec: { containers: kept } } } };
    },
  };
}

/**
 * The selector of a DaemonSet that has the name of one of ours, which nobody can change; undefined
 * where the pods that we would make do not match it, so that it has to be replaced.
 */
export function keptSelector(present: KubeObject): Readonly<Record<string, string>> | undefined {
  const { matchLabels = {}, matchExpressions = [] } = (present['spec'] as DaemonSetSpec).selector;
  const labels = daemonSetSelector(present.metadata.name ?? '');
  const fits = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return fits && matchExpressions.length === 0 ? matchLabels : undefined;
}

function containersOf(daemonSet: KubeObject): readonly TemplateContainer[] {
  return (daemonSet['spec'] as DaemonSetSpec).template.spec.containers;
}

function isOfCache(command: readonly string[] | undefined): boolean {
  return command?.[0] === sleepProgram;
}

interface DaemonSetSpec {
  readonly template: { readonly spec: { readonly containers: readonly TemplateContainer[] } };
  readonly selector: {
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly unknown[];
  };
}

function annotations(
  { settings }: ManifestInput,
  { images, shardOf, successorSince, roomMade }: Part,
) {
  return {
    [imagesAnnotation]: imagesText(images),
    ...(shardOf !== undefined && { [shardOfAnnotation]: shardOf }),
    ...(successorSince !== undefined && { [successorSinceAnnotation]: successorSince }),
    ...(roomMade !== undefined && { [roomMadeAnnotation]: roomMade }),
    ...(settings.podRequests === 'refused' && { [requestsAnnotation]: perContainer }),
  };
}

function copySleep(input: ManifestInput) {
  return {
    name: 'copy-sleep',
    image: sleeperImage(input),
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/sh', '-c', `cp /bin/sleep ${sleepProgram}`],
    resources: containerResources(input),
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
    command: [sleepProgram, sleepTime],
    resources: containerResources(input),
    securityContext: containerSecurityContext,
    volumeMounts: [{ name: 'kip', mountPath: sleepDirectory, readOnly: true }],
  };
}
