import type { KubeObject } from '../../src/kube/objects.ts';
import { metricsAuthRole } from '../../src/manifests/metrics.ts';
import { type Scene, startScene } from '../controllers/scene.ts';
import { shownByNoRequest } from './exceptions.ts';
import { grantsIn, textOf, without } from './grants.ts';
import { firstFailure, journey, namespace, type World } from './journey.ts';
import { operatorRoles } from './operator-roles.ts';

const installed = operatorRoles();
/** The questions of the metrics are none that the embedded cluster answers: ../e2e/rights.test.ts asks them. */
const grants = installed
  .filter(({ role }) => role.metadata.name !== metricsAuthRole().metadata.name)
  .flatMap(({ role }) => grantsIn(role).map((grant) => ({ role, grant })));

const begins = 'puts an image on the node';
const sees = 'sees by the pods that it is there';
const renames = 'removes what has another name now';

/** Where an operator fails that lacks a verb on a resource. A new right belongs here, with what needs it. */
const failures: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'kubernetesimagepullers.che.eclipse.org': {
    'list watch': begins,
    get: 'puts an image on the node',
  },
  'kubernetesimagepullers/status.che.eclipse.org': { patch: begins },
  'kubernetesimagepullers/finalizers.che.eclipse.org': { update: begins },
  'daemonsets.apps': { 'get list watch create patch': begins, delete: renames },
  'deployments.apps': {
    'get list watch': begins,
    'create patch': sees,
    delete: renames,
  },
  configmaps: {
    'get list watch': begins,
    'create patch': sees,
    delete: renames,
  },
  serviceaccounts: {
    'get list watch': begins,
    'create patch': sees,
    delete: renames,
  },
  'roles.rbac.authorization.k8s.io': {
    'get list watch': begins,
    'create patch': sees,
    delete: renames,
  },
  'rolebindings.rbac.authorization.k8s.io': {
    'get list watch': begins,
    'create patch': sees,
    delete: renames,
  },
  pods: { 'list watch': sees },
  events: { list: 'says why pods are refused' },
  'events.events.k8s.io': {
    create: 'tells of it by an Event',
    patch: 'counts an Event that comes again',
  },
  'leases.coordination.k8s.io': { create: 'takes the lease' },
  'leases.coordination.k8s.io/06ff708d.eclipse.che': {
    get: 'takes the lease',
    update: 'renews the lease',
  },
};

const failureWithout = new Map<string, string>(
  Object.entries(failures).flatMap(([resource, byVerbs]) =>
    Object.entries(byVerbs).flatMap(([verbs, step]) =>
      verbs.split(' ').map((verb) => [`${verb} ${resource}`, step] as const),
    ),
  ),
);

/** A journey of minutes takes seconds, or more where all processors have other things to do. */
const patienceMs = 90_000;

describe('an operator with the rights of config/default', () => {
  it(
    'gets through all that it is to do',
    async () => expect(await failureWith([])).toBeUndefined(),
    patienceMs,
  );

  it('has no right but those that are told of here', () => {
    expect(grants.map(({ grant }) => textOf(grant)).sort()).toEqual(
      [...failureWithout.keys()].sort(),
    );
  });
});

describe('an operator that may not', () => {
  it.each(
    grants.map(({ role, grant }) => {
      const text = textOf(grant);
      return [text, failureWithout.get(text) ?? 'is told of nowhere', role, grant] as const;
    }),
  )(
    '%s fails where it %s',
    async (_text, step, role, grant) =>
      expect(await failureWith([without(role, grant)])).toBe(step),
    patienceMs,
  );

  it.each(shownByNoRequest)('%s is among them, which no request shows', (text) => {
    expect(failureWithout.has(text)).toBe(true);
  });
});

/** Where an operator fails first, with roles in place of those of config/default that have their names. */
async function failureWith(changed: readonly KubeObject[]): Promise<string | undefined> {
  const scene = await startScene({ withoutOperator: true, nodes: 1 });
  try {
    scene.apply(...installed.flatMap(({ role, binding }) => [role, binding]), ...changed);
    scene.compete('one');
    return await firstFailure(worldOf(scene), journey());
  } finally {
    await scene.stop();
  }
}

function worldOf({ cluster, clock, apply, pass }: Scene): World {
  const { controlPlane } = cluster;
  return {
    reference: (name) => `quay.io/example/${name}:1`,
    apply: async (object) => apply(object),
    remove: async (resource, name) => void controlPlane.remove(resource, namespace, name),
    get: async (resource, name, where = namespace) => controlPlane.get(resource, where, name),
    list: async (resource) => controlPlane.list(resource, namespace),
    async until(condition, withinMs) {
      const end = clock.monotonic() + withinMs;
      while (!(await condition())) {
        if (clock.monotonic() >= end) return false;
        await pass(1_000);
      }
      return true;
    },
  };
}
