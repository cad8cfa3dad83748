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
import { deployment } from './deployment.ts';
import type { ManifestInput } from './input.ts';
import { report } from './report.ts';
import { role } from './role.ts';
import { roleBinding } from './role-binding.ts';
import { serviceAccount } from './service-account.ts';

/** One object that should exist. */
export interface Child {
  readonly resource: Resource;
  readonly body: KubeObject;
}

/** The kinds a puller's children have, one of each but for the two ConfigMaps. */
export const childResources: readonly Resource[] = [
  daemonSets,
  serviceAccounts,
  roles,
  roleBindings,
  configMaps,
  deployments,
];

/**
 * Everything that should exist for a puller. The DaemonSet leads, as it is what users wait for;
 * with no image there is none, because a pod must have a container.
 */
export function children(input: ManifestInput): readonly Child[] {
  return [
    ...(input.spec.images.length === 0 ? [] : [{ resource: daemonSets, body: daemonSet(input) }]),
    { resource: serviceAccounts, body: serviceAccount(input) },
    { resource: roles, body: role(input) },
    { resource: roleBindings, body: roleBinding(input) },
    { resource: configMaps, body: configMap(input) },
    { resource: configMaps, body: report(input) },
    { resource: deployments, body: deployment(input) },
  ];
}
