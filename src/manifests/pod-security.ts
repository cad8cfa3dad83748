/**
 * Security contexts that the restricted Pod Security level accepts
 * (kubernetes/pod-security-admission: policy/check_*.go).
 */

/** The uid and gid of everything we run, off OpenShift: any image then satisfies runAsNonRoot. */
const nonRoot = 65532;

/** For a pod. OpenShift's restricted-v2 assigns ids of the namespace's own range, so none are set there. */
export function podSecurityContext(openshift: boolean) {
  return {
    runAsNonRoot: true,
    ...(openshift ? {} : { runAsUser: nonRoot, runAsGroup: nonRoot, fsGroup: nonRoot }),
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** For every container, init containers included. */
export const containerSecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
};
