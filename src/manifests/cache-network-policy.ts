import type { KubeObject } from '../kube/objects.ts';
import { cachePodLabels } from './names.ts';

/**
 * Offered, not installed: cuts the pods of caches off from everybody, in the namespace that it is
 * applied in. They sleep, and it is kubelet that pulls their images. Pullers are not selected.
 */
export function cacheNetworkPolicy(): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'kubernetes-image-puller-caches' },
    spec: {
      podSelector: { matchLabels: cachePodLabels },
      policyTypes: ['Ingress', 'Egress'],
    },
  };
}
