/**
 * Grants of the operator that no line of an audit log shows, as only admission asks for them. Each is
 * taken away in necessity.test.ts as well, and something fails there.
 */
export const shownByNoRequest: readonly string[] = [
  // OwnerReferencesPermissionEnforcement asks for it where an owner's deletion is to be blocked.
  'update kubernetesimagepullers/finalizers.che.eclipse.org',
];

/**
 * Bindings of Kubernetes' own by which every account may ask what the server is and can do
 * (kubernetes/kubernetes: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go).
 */
export const everybodysBindings: readonly string[] = [
  'system:discovery',
  'system:public-info-viewer',
];
