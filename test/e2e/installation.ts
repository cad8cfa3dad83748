import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type Target, targets } from '../../.ci/image/root.ts';
import { deployment, operatorNamespace } from '../../src/manifests/operator.ts';
import { operatorImage, sleeperImage } from '../../src/release.ts';
import type { RealCluster } from '../cluster/real/real-cluster.ts';
import { build } from './build.ts';

const project = join(import.meta.dirname, '../..');

const released: Readonly<Record<Target, string>> = {
  operator: operatorImage,
  sleeper: sleeperImage,
};

/**
 * Builds an image of this checkout by the command that CI builds it with, and puts it into the
 * cluster's registry under repository and tag of the release. Returns its digest.
 *
 * @throws where it cannot be built, in the builder's words
 */
export async function pushImage(cluster: RealCluster, target: Target): Promise<string> {
  return await inFolder(async (folder) => {
    await build(target, '--oci', folder);
    return await cluster.registry.pushLayout(nameInRegistry(target), folder);
  });
}

/** How pods of the cluster refer to an image that was pushed. */
export function imageInCluster(cluster: RealCluster, target: Target): string {
  return cluster.registry.reference(nameInRegistry(target));
}

/**
 * Installs the operator by `kubectl apply -k` from config/default, to which a kustomization adds one
 * thing: that its images come from the cluster's registry. Resolves when the operator is ready.
 */
export async function installOperator(cluster: RealCluster): Promise<void> {
  await inFolder(async (folder) => {
    const base = relative(folder, join(project, 'config/default'));
    // JSON is YAML.
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(overlay(cluster, base)));
    await cluster.kubectl(['apply', '-k', folder]);
  });
  const name = `deployment/${deployment().metadata.name}`;
  await cluster.kubectl(['-n', operatorNamespace, 'rollout', 'status', name, '--timeout=180s']);
}

function overlay(cluster: RealCluster, base: string): object {
  const env = [
    { name: 'RELATED_IMAGE_OPERATOR', value: imageInCluster(cluster, 'operator') },
    { name: 'RELATED_IMAGE_SLEEPER', value: imageInCluster(cluster, 'sleeper') },
  ];
  const containers = [{ name: 'kubernetes-image-puller-operator', env }];
  const { apiVersion, kind, metadata } = deployment();
  const patch = { apiVersion, kind, metadata, spec: { template: { spec: { containers } } } };
  return {
    resources: [base],
    images: targets.map((target) => ({
      name: repositoryOf(released[target]),
      newName: repositoryOf(imageInCluster(cluster, target)),
    })),
    patches: [{ patch: JSON.stringify(patch) }],
  };
}

/** The last part of the released reference: `<repository>:<tag>`. */
function nameInRegistry(target: Target): string {
  const reference = released[target];
  return reference.slice(reference.lastIndexOf('/') + 1);
}

/** A reference without its tag. */
function repositoryOf(reference: string): string {
  return reference.slice(0, reference.lastIndexOf(':'));
}

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'installation-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
