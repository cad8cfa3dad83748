import { daemonSets, type KubeObject, leases } from '../../src/kube/objects.ts';
import { leaseName } from '../../src/manifests/names.ts';
import { operatorNamespace, serviceAccount } from '../../src/manifests/operator.ts';
import { aPuller } from '../pullers.ts';
import type { Competitor, SentWrite } from './competitor.ts';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;
let a: Competitor;
let b: Competitor;
/** When who took the lease, or gave it back. */
let terms: { readonly leader: string; readonly at: number }[];

/** `a` leads and `b` stands by. */
beforeEach(async () => {
  scene = await startScene({ withoutOperator: true, nodes: 1 });
  terms = [];
  scene.cluster.controlPlane.onChange(leases, () => {
    const leader = scene.leader();
    if (leader !== terms.at(-1)?.leader) terms.push({ leader, at: scene.clock.monotonic() });
  });
  a = scene.compete('a');
  await scene.until(() => scene.leader() === 'a');
  b = scene.compete('b');
  await scene.pass(3_000);
});

afterEach(() => scene.stop());

const pullerOf = (...names: readonly string[]) =>
  aPuller({ images: names.map((name) => `${name}=quay.io/example/${name}:1`).join(';') });

const cachedImages = () => {
  const template = scene.get(daemonSets, 'kubernetes-image-puller')?.['spec'] as
    | { template: { spec: { containers: readonly { readonly name: string }[] } } }
    | undefined;
  return template?.template.spec.containers.map(({ name }) => name) ?? [];
};
/** Waits until everything is as asked for, and said so. */
const isDone = (...names: readonly string[]) =>
  scene.until(
    () =>
      cachedImages().join() === names.join() &&
      scene.condition('Ready')?.status === 'True' &&
      scene.status().observedGeneration === scene.puller()?.metadata.generation,
  );

const sent = (...competitors: readonly Competitor[]): readonly SentWrite[] =>
  competitors.flatMap((competitor) => competitor.sent).sort((one, other) => one.at - other.at);

/** Writes that went out while another one held the lease, or nobody did. */
const trespasses = (...competitors: readonly Competitor[]) =>
  sent(...competitors).filter(({ by, leader }) => by !== leader);

const whenOver = async (work: Promise<void>) => {
  let isOver = false;
  void work.finally(() => {
    isOver = true;
  });
  await scene.until(() => isOver);
  await work;
};

describe('of two operators', () => {
  it('one does all the work', async () => {
    scene.apply(pullerOf('one'));
    await isDone('one');
    await scene.pass(60_000);
    expect(a.sent).not.toEqual([]);
    expect(b.sent).toEqual([]);
    expect(trespasses(a, b)).toEqual([]);
  });

  it('the other one goes on within two and a half seconds where the first is asked to end', async () => {
    let ending: Promise<void> | undefined;
    a.afterWrites(2, () => {
      ending = a.stop();
      scene.apply(pullerOf('one', 'two'));
    });
    scene.apply(pullerOf('one'));
    await isDone('one', 'two');
    await ending;
    expect(terms.map(({ leader }) => leader)).toEqual(['a', '', 'b']);
    // What was begun was finished first, the status included.
    expect(a.sent.at(-1)?.what).toBe('apply kubernetesimagepullers/puller');
    expect((b.sent[0]?.at ?? 0) - (terms[1]?.at ?? 0)).toBeLessThanOrEqual(2_500);
    expect(trespasses(a, b)).toEqual([]);
  });

  it('the other one goes on within 17 seconds where the first is killed in the middle of its work', async () => {
    let killedAt = 0;
    a.afterWrites(2, () => {
      killedAt = scene.clock.monotonic();
      void a.kill();
    });
    scene.apply(pullerOf('one'));
    await isDone('one');
    const idleMs = (b.sent[0]?.at ?? 0) - killedAt;
    expect(idleMs).toBeGreaterThan(10_000);
    expect(idleMs).toBeLessThanOrEqual(17_000);
    expect(trespasses(a, b)).toEqual([]);
  });

  it('the first one writes nothing more after a pause in which the other took over', async () => {
    let frozenAt = 0;
    a.afterWrites(2, () => {
      frozenAt = scene.clock.monotonic();
      a.freeze();
    });
    scene.apply(pullerOf('one'));
    await scene.until(() => scene.leader() === 'b');
    a.thaw();
    await scene.until(() => a.hasLost);
    await isDone('one');
    expect(a.sent.filter(({ at }) => at > frozenAt)).toEqual([]);
    expect(trespasses(a, b)).toEqual([]);
  });

  it('the first one looks at the lease after a pause that nobody noticed, and then goes on', async () => {
    await b.kill();
    a.afterWrites(2, () => a.freeze());
    scene.apply(pullerOf('one'));
    await scene.until(() => a.sent.length >= 2);
    await scene.pass(20_000);
    const version = () => scene.get(leases, leaseName, operatorNamespace)?.metadata.resourceVersion;
    const before = version();
    let hasRenewed: boolean | undefined;
    a.afterWrites(1, () => {
      hasRenewed = version() !== before;
    });
    a.thaw();
    await isDone('one');
    expect(hasRenewed).toBe(true);
    expect(a.hasLost).toBe(false);
    expect(trespasses(a)).toEqual([]);
  });

  it('one that starts where the Lease is gone waits for a leader to put it back', async () => {
    scene.apply(pullerOf('one'));
    await isDone('one');
    await a.kill();
    await b.kill();
    scene.cluster.controlPlane.remove(leases, operatorNamespace, leaseName);
    const startedAt = scene.clock.monotonic();
    const c = scene.compete('c');
    scene.apply(pullerOf('one', 'two'));
    await isDone('one', 'two');
    expect((c.sent[0]?.at ?? 0) - startedAt).toBeGreaterThanOrEqual(15_000);
    expect(trespasses(c)).toEqual([]);
  });

  it('one that starts where nobody has ever led does so at once', async () => {
    await a.kill();
    await b.kill();
    scene.cluster.controlPlane.remove(leases, operatorNamespace, leaseName);
    const startedAt = scene.clock.monotonic();
    scene.compete('c');
    await scene.until(() => scene.leader() === 'c');
    expect(scene.clock.monotonic() - startedAt).toBeLessThanOrEqual(1_000);
  });

  it('none writes while the Go operator renews the lease, and one does when that has ended', async () => {
    await a.kill();
    await b.kill();
    const renewByGo = () => {
      const live = scene.get(leases, leaseName, operatorNamespace) as KubeObject;
      const spec = {
        holderIdentity: 'kubernetes-image-puller-operator-manager-7d4_6f1c',
        leaseDurationSeconds: 15,
        acquireTime: '2025-12-31T23:59:00.000000Z',
        renewTime: new Date(scene.clock.now()).toISOString().replace('Z', '000Z'),
        leaseTransitions: 7,
      };
      scene.cluster.controlPlane.update(leases, { ...live, spec });
    };
    renewByGo();
    const c = scene.compete('c');
    scene.apply(pullerOf('one'));
    for (let renewals = 0; renewals < 20; renewals++) {
      renewByGo();
      await scene.pass(2_000);
    }
    expect(c.sent).toEqual([]);
    await isDone('one');
    expect(scene.leader()).toBe('c');
    expect(trespasses(c)).toEqual([]);
  });

  it('never do two write in one term, however often leaders end, die and freeze', async () => {
    const all = [a, b];
    const ends = ['stop', 'kill', 'freeze', 'kill', 'freeze', 'stop', 'freeze', 'kill'] as const;
    for (const [round, end] of ends.entries()) {
      const leading = await leaderOf(all);
      const interrupted = Promise.withResolvers<void>();
      leading.afterWrites(1 + (round % 3), () => {
        interrupted.resolve();
        if (end === 'freeze') leading.freeze();
        else void leading[end]();
      });
      scene.apply(pullerOf('stays', `round${round}`));
      await whenOver(interrupted.promise);
      all.push(scene.compete(`c${round}`));
      scene.apply(pullerOf('stays', `edit${round}`));
      await scene.until(() => !['', leading.name].includes(scene.leader()));
      if (end === 'freeze') {
        leading.thaw();
        await scene.until(() => leading.hasLost);
      }
      await isDone(`edit${round}`, 'stays');
    }
    expect(trespasses(...all)).toEqual([]);
    expect(new Set(sent(...all).map(({ by }) => by)).size).toBe(ends.length + 1);
  });
});

describe('of two installations in one namespace', () => {
  /** What has to be granted beside config/rbac/leader-election where a Lease has another name. */
  const allow = (lease: string) => {
    const metadata = { name: lease, namespace: operatorNamespace };
    const rbac = 'rbac.authorization.k8s.io';
    const { name, namespace } = serviceAccount().metadata;
    scene.apply(
      {
        apiVersion: `${rbac}/v1`,
        kind: 'Role',
        metadata,
        rules: [
          {
            apiGroups: ['coordination.k8s.io'],
            resources: ['leases'],
            resourceNames: [lease],
            verbs: ['get', 'update'],
          },
        ],
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: rbac, kind: 'Role', name: lease },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
    );
  };

  it('each does its own work where they have a Lease each', async () => {
    await a.stop();
    await b.stop();
    allow('other');
    const one = scene.compete('one', { WATCH_NAMESPACE: 'workspaces' });
    const other = scene.compete('other', { WATCH_NAMESPACE: 'elsewhere', LEASE_NAME: 'other' });
    scene.apply(pullerOf('one'));
    scene.apply({
      ...pullerOf('other'),
      metadata: { name: 'theirs', namespace: 'elsewhere' },
    });
    await isDone('one');
    await scene.until(() => scene.condition('Ready', 'theirs', 'elsewhere')?.status === 'True');
    expect(one.sent.map(({ what }) => what)).toContain('apply kubernetesimagepullers/puller');
    expect(one.sent.map(({ what }) => what)).not.toContain('apply kubernetesimagepullers/theirs');
    expect(other.sent.map(({ what }) => what)).not.toContain('apply kubernetesimagepullers/puller');
  });

  it('one stands by, and leaves its namespaces alone, where they share the Lease', async () => {
    const other = scene.compete('other', { WATCH_NAMESPACE: 'elsewhere' });
    scene.apply(pullerOf('one'));
    await isDone('one');
    await scene.pass(60_000);
    expect(other.sent).toEqual([]);
    expect(scene.leader()).toBe('a');
  });

  it('one writes nothing where it has no right to its Lease', async () => {
    const other = scene.compete('other', { LEASE_NAME: 'other' });
    scene.apply(pullerOf('one'));
    await isDone('one');
    await scene.pass(60_000);
    expect(other.sent).toEqual([]);
  });

  it('both write the same, and no war breaks out, where they watch the same with a Lease each', async () => {
    allow('other');
    const other = scene.compete('other', { LEASE_NAME: 'other' });
    scene.apply(pullerOf('one'));
    await isDone('one');
    await scene.pass(60_000);
    const before = sent(a, other).length;
    expect(other.sent).not.toEqual([]);
    await scene.pass(10 * 60_000);
    expect(sent(a, other).length).toBe(before);
  });
});

/** The competitor that holds the lease. */
async function leaderOf(all: readonly Competitor[]): Promise<Competitor> {
  const leading = () => all.find(({ name }) => name === scene.leader());
  await scene.until(() => leading() !== undefined);
  return leading() as Competitor; // the condition has come true
}
