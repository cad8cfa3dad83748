import {
  defaultConfigMapName,
  defaultDaemonSetName,
  defaultDeploymentName,
} from '../manifests/names.ts';
import type { SpecField } from './types.ts';

/**
 * What an unset field means: the values of the peer
 * (che-incubator/kubernetes-image-puller-operator: pkg/config/configmap.go). They are never written
 * into a spec.
 */
export const defaults: Readonly<Record<SpecField, string>> = {
  configMapName: defaultConfigMapName,
  daemonsetName: defaultDaemonSetName,
  deploymentName: defaultDeploymentName,
  images:
    'che-code=quay.io/che-incubator/che-code:next;base-developer-image=quay.io/devfile/base-developer-image:ubi9-latest',
  cachingIntervalHours: '1',
  cachingMemoryRequest: '10Mi',
  cachingMemoryLimit: '20Mi',
  cachingCPURequest: '.05',
  cachingCPULimit: '.2',
  nodeSelector: '{}',
  imagePullSecrets: '',
  affinity: '{}',
  tolerations: '[]',
  /** Empty: the operator's own sleeper image. */
  imagePullerImage: '',
};
