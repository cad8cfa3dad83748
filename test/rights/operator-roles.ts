import type { KubeObject } from '../../src/kube/objects.ts';
import { operatorServiceAccount } from '../../src/manifests/operator.ts';
import { resourcesOf } from '../shipped.ts';

interface Subject {
  readonly name: string;
}

interface RoleRef {
  readonly kind: string;
  readonly name: string;
}

/** A role of the operator, and what binds it to the operator. */
export interface OperatorRole {
  readonly role: KubeObject;
  readonly binding: KubeObject;
}

/** The roles that `kubectl apply -k config/default` gives the operator. */
export function operatorRoles(): readonly OperatorRole[] {
  const all = resourcesOf('config/default');
  return all.flatMap((binding) => {
    const subjects = (binding['subjects'] ?? []) as readonly Subject[];
    if (!subjects.some(({ name }) => name === operatorServiceAccount)) return [];
    const { kind, name } = binding['roleRef'] as RoleRef;
    const role = all.find((object) => object.kind === kind && object.metadata.name === name);
    if (role === undefined) throw new Error(`${binding.metadata.name} binds no ${kind} of ours`);
    return [{ role, binding }];
  });
}
