import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { KubeObject } from '../../src/kube/objects.ts';

/** Where the pullers are. */
export const namespace = 'workspaces';

const files = [
  'crds/che.eclipse.org_kubernetesimagepullers.yaml',
  'config/namespace/namespace.yaml',
  'config/manager/service_account.yaml',
  'config/rbac/leader-election/role.yaml',
  'config/rbac/leader-election/role_binding.yaml',
  'config/rbac/cluster/role.yaml',
  'config/rbac/cluster/role_binding.yaml',
];

/** What is installed before an operator runs, whose rights are those of config/rbac and no others; read once. */
export const installation: readonly KubeObject[] = [
  ...files.map((file) => {
    const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
    return parse(readFileSync(path, 'utf8')) as KubeObject;
  }),
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
];
