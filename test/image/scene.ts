import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { render } from '../../src/cli/render.ts';
import { operatorConfig } from '../../src/config.ts';
import { generatedFiles } from '../../src/generate.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import {
  type EmbeddedCluster,
  type EmbeddedOptions,
  startEmbeddedCluster,
} from '../cluster/embedded/embedded-cluster.ts';
import { goldenPath } from '../golden.ts';

/** The operator's own user. */

/** Without a meaning where the operator is no pod of the cluster. */
const ofItsPods = ['Deployment', 'PodDisruptionBudget', 'Service'];

/** A cluster in which everything of config/default is installed but the operator itself. */
export async function clusterWithoutOperator(
  options: EmbeddedOptions = {},
): Promise<EmbeddedCluster> {
  const cluster = await startEmbeddedCluster({ nodes: 1, ...options });
  const paths = ['crds/', 'config/namespace/', 'config/manager/', 'config/rbac/cluster/'];
  cluster.apply(
    ...generatedFiles()
      .filter(({ path }) => paths.some((start) => path.startsWith(start)))
      .map(({ text }) => parse(text) as KubeObject)
      .filter(({ kind }) => !ofItsPods.includes(kind)),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'workspaces' } },
  );
  return cluster;
}

/** Mounts the ConfigMap of a golden puller: one file for each key. */
export function mountConfigMap(directory: string): void {
  const { output } = render(['-f', goldenPath('everything.input.yaml')], operatorConfig({}));
  const configMap = parseAllDocuments(output)
    .map((document) => document.toJS() as KubeObject)
    .find((object) => object.kind === 'ConfigMap' && Object.hasOwn(object, 'data'));
  mkdirSync(directory, { recursive: true });
  for (const [key, value] of Object.entries(configMap?.['data'] ?? {})) {
    writeFileSync(join(directory, key), String(value));
  }
}
