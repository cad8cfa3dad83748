import type { PullerSpec, SpecField } from '../api/types.ts';
import {
  configMaps,
  daemonSets,
  deployments,
  type KubeObject,
  type Resource,
  roleBindings,
  roles,
  serviceAccounts,
} from '../kube/objects.ts';
import { configMap } from './config-map.ts';
import { daemonSet } from './daemon-set.ts';
import { deployment, type PullerState } from './deployment.ts';
import type { ManifestInput } from './input.ts';
import { reportName, serviceAccountName } from './names.ts';
import { report } from './report.ts';
import { role } from './role.ts';
import { roleBinding } from './role-binding.ts';
import { serviceAccount } from './service-account.ts';
import { type Part, partsOf } from './shards.ts';

/** One object that should exist. */
export interface Child {
  readonly resource: Resource;
  readonly body: KubeObject;
}

/** The kinds a puller's children have: one of each, but for the two ConfigMaps and a long list's DaemonSets. */
export const childResources: readonly Resource[] = [
  daemonSets,
  serviceAccounts,
  roles,
  roleBindings,
  configMaps,
  deployments,
];

/**
 * What the server never changes of a child that is there: where somebody has brought one that differs in
 * it, the child has to be made anew. DaemonSets are not, as their pods would go with them: others stand in.
 * kubernetes/kubernetes: ValidateRoleBindingUpdate of pkg/apis/rbac/validation, ValidateConfigMapUpdate of
 * pkg/apis/core/validation, ValidateDeploymentUpdate of pkg/apis/apps/validation.
 */
export const fixedFields: ReadonlyMap<Resource, readonly string[]> = new Map([
  [roleBindings, ['roleRef']],
  [configMaps, ['data', 'binaryData', 'immutable']],
  [deployments, ['spec.selector']],
]);

/**
 * Everything that should exist for a puller. DaemonSets lead, as they are what users wait for: one for
 * each part, which are those of the list unless others are given, and none without an image, because
 * a pod must have a container.
 */
export function children(
  input: ManifestInput,
  parts: readonly Part[] = partsOf(input.spec),
  puller: PullerState = 'works',
): readonly Child[] {
  return [
    ...parts.map((part) => ({ resource: daemonSets, body: daemonSet(input, part) })),
    { resource: serviceAccounts, body: serviceAccount(input) },
    { resource: roles, body: role(input) },
    { resource: roleBindings, body: roleBinding(input) },
    { resource: configMaps, body: configMap(input) },
    { resource: configMaps, body: report(input) },
    { resource: deployments, body: deployment(input, puller) },
  ];
}

/** The name of a child, and the field of the spec that it comes from. */
export interface ChildName {
  readonly resource: Resource;
  readonly name: string;
  readonly field: SpecField;
}

/** The names of everything that should exist for a spec, without making it. */
export function childNames(spec: PullerSpec): readonly ChildName[] {
  const { configMapName, deploymentName } = spec;
  const report = reportName(deploymentName);
  const field = 'deploymentName';
  return [
    ...partsOf(spec).map(({ name }) => ({
      resource: daemonSets,
      name,
      field: 'daemonsetName' as const,
    })),
    { resource: serviceAccounts, name: serviceAccountName(deploymentName), field },
    { resource: roles, name: report, field },
    { resource: roleBindings, name: report, field },
    { resource: configMaps, name: configMapName, field: 'configMapName' },
    { resource: configMaps, name: report, field },
    { resource: deployments, name: deploymentName, field },
  ];
}

/** Tells a name from the same one of another kind. */
export function nameId({ plural }: Resource, name: string): string {
  return `${plural}/${name}`;
}
