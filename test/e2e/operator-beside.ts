import { join } from 'node:path';
import { type OperatorProcess, startOperator } from '../../src/cli/demo/operator-process.ts';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';
import type { RealCluster } from '../cluster/real/real-cluster.ts';

const project = join(import.meta.dirname, '../..');

/** Makes the operator's service account, with the definitions and rights that config/ installs. */
export async function installRights(cluster: RealCluster): Promise<void> {
  const account = ['create', 'serviceaccount', operatorServiceAccount];
  await cluster.kubectl(['create', 'namespace', operatorNamespace]);
  await cluster.kubectl(['-n', operatorNamespace, ...account]);
  await cluster.kubectl(['apply', '-k', join(project, 'crds')]);
  await cluster.kubectl(['apply', '-k', join(project, 'config/rbac/cluster')]);
}

/** Starts the operator beside this process, as its service account; caches get `sleep` from `sleeper:1`. */
export async function startBeside(
  cluster: RealCluster,
  settings: Readonly<Record<string, string>> = {},
): Promise<OperatorProcess> {
  return startOperator(await cluster.tokenKubeconfig(operatorNamespace, operatorServiceAccount), {
    HEALTH_PORT: '0',
    METRICS_PORT: '0',
    RELATED_IMAGE_SLEEPER: cluster.registry.reference('sleeper:1'),
    ...settings,
  });
}
