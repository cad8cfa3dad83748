import type { KubeObject } from '../kube/objects.ts';

/**
 * Offered, not installed: cuts the pods of caches off from everybody, in the namespace that it is applied in.
 * They sleep, and it is kubelet that pulls their images. Pullers are not selected.
 */
export function cacheNetworkPolicy(): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'kubernetes-image-puller-caches' },
    spec: {
      podSelector: {
        matchLabels: { 'app.kubernetes.io/name': 'image-puller', test: 'daemonset-test' },
      },
      policyTypes: ['Ingress', 'Egress'],
    },
  };
}
