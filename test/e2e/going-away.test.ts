import { join } from 'node:path';
import { dryRunName } from '../../src/manifests/names.ts';
import { operatorNamespace, operatorUser } from '../../src/manifests/operator.ts';
import { startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { HolderWatch, toldGap } from './holders.ts';
import { installOperator } from './installation.ts';
import { Journey } from './journey.ts';

const config = join(import.meta.dirname, '../../config');

/** Of a test; the machine may be slow. */
const timeoutMs = 300_000;

const configMaps = ['k8s-image-puller', 'kubernetes-image-puller-report'];

/** All of config/default but the definition of pullers and the operator's namespace. */
const operatorAlone = [
  'rbac/cluster',
  'rbac/leader-election',
  'rbac/metrics',
  'rbac/people',
  'manager',
];

describe('what becomes of a cache', () => {
  let journey: Journey;
  let namespace: string;
  let namespaces = 0;
  /** Of this test alone. */
  let images: readonly string[];

  beforeAll(async () => {
    journey = await Journey.begin();
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(() => (journey as Journey | undefined)?.end(), startTimeoutMs);

  beforeEach(async () => {
    namespaces += 1;
    namespace = `leaving-${namespaces}`;
    images = ['a', 'b'].map((name) => `${namespace}-${name}`);
    await journey.push(...images);
    await journey.createNamespace(namespace);
  });

  const kubectl = (...args: readonly string[]) => journey.cluster.kubectl(args);
  const inNamespace = (...args: readonly string[]) => kubectl('-n', namespace, ...args);

  /** Caches two images. */
  async function cache(): Promise<void> {
    await journey.edit(namespace, { images: journey.images(...images) });
    await journey.untilReady(namespace);
  }

  const kinds =
    'daemonsets,deployments,replicasets,pods,configmaps,serviceaccounts,roles,rolebindings';

  /** All that a puller can bring; what every namespace has is left out. */
  async function brought(): Promise<readonly string[]> {
    const names = await inNamespace('get', kinds, '-o', 'name', '--ignore-not-found');
    const always = ['configmap/kube-root-ca.crt', 'serviceaccount/default', ''];
    return names.split('\n').filter((name) => !always.includes(name));
  }

  const untilNothingIsLeft = () =>
    journey.cluster.until(async () => {
      const used = [...(await journey.cluster.runtime.containers()).values()];
      const isUsed = images.some((name) => used.includes(journey.reference(name)));
      return !isUsed && (await brought()).length === 0;
    }, 120_000);

  const deletePuller = (...how: readonly string[]) =>
    inNamespace('delete', 'kip', 'puller', '--timeout=60s', ...how);

  async function deleteOperator(): Promise<void> {
    for (const part of operatorAlone) await kubectl('delete', '-k', join(config, part));
  }

  async function lives(): Promise<readonly string[]> {
    return (await journey.pods(namespace)).map(({ metadata, status }) => {
      const restarts = status.containerStatuses?.map(({ restartCount }) => restartCount);
      return `${metadata.uid} ${restarts}`;
    });
  }

  /** Never to be without a holder while the work is done. */
  async function neverLetGo(work: () => Promise<void>): Promise<void> {
    const watch = new HolderWatch(journey.cluster.runtime);
    for (const name of images) watch.await(journey.reference(name));
    await watch.during(work);
    expect(watch.gaps.map(toldGap)).toEqual([]);
  }

  it.each(['background', 'foreground'])(
    'whose puller is deleted in the %s in the middle of a roll: nothing is left',
    async (cascade) => {
      await cache();
      const missing = `missing=${journey.reference('missing')}`;
      await journey.edit(namespace, { images: `${journey.images(...images)};${missing}` });
      await journey.cluster.until(async () => (await journey.pods(namespace)).length === 2);
      await deletePuller(`--cascade=${cascade}`);
      await untilNothingIsLeft();
    },
    timeoutMs,
  );

  it(
    'whose puller is deleted without it: it stays, and the next puller leaves it alone and says so',
    async () => {
      await cache();
      const before = await lives();
      await neverLetGo(async () => {
        await deletePuller('--cascade=orphan');
        await journey.edit(namespace, { images: journey.images(...images.slice(1)) });
        const reason = async () => (await journey.condition(namespace, 'Ready'))?.reason;
        await journey.cluster.until(async () => (await reason()) === 'NameConflict');
      });
      expect(await lives()).toEqual(before);
      await kubectl('delete', 'namespace', namespace, '--timeout=90s');
      await untilNothingIsLeft();
    },
    timeoutMs,
  );

  it(
    'whose namespace is deleted: that ends soon, and the operator warns of nothing',
    async () => {
      await cache();
      const since = new Date().toISOString();
      await kubectl('delete', 'namespace', namespace, '--timeout=90s');
      expect(await warnings(since)).toEqual([]);
      await untilNothingIsLeft();
      await journey.createNamespace(namespace);
      await cache();
      await deletePuller();
      await untilNothingIsLeft();
    },
    timeoutMs,
  );

  it(
    'whose operator is deleted: it stays, and one that is installed again leaves its pods alone',
    async () => {
      await cache();
      const before = await lives();
      await neverLetGo(async () => {
        await deleteOperator();
        const since = journey.cluster.auditLog.position();
        await installOperator(journey.cluster);
        // A puller is looked after by one run at a time: the second repair comes after the first run.
        for (const name of configMaps) {
          await inNamespace('delete', 'configmap', name);
          const isBack = async () => (await writes(since)).some((write) => write.endsWith(name));
          await journey.cluster.until(isBack);
        }
        expect(await writes(since)).toEqual(configMaps.map((name) => `patch configmaps ${name}`));
      });
      expect(await lives()).toEqual(before);
      await deletePuller();
      await untilNothingIsLeft();
    },
    timeoutMs,
  );

  it(
    'whose puller is deleted while there is no operator: nothing is left',
    async () => {
      await cache();
      await deleteOperator();
      await deletePuller();
      await untilNothingIsLeft();
      await installOperator(journey.cluster);
    },
    timeoutMs,
  );

  it(
    'whose operator is deleted with the definition of pullers: nothing is left',
    async () => {
      await cache();
      await kubectl('delete', '-k', join(config, 'default'), '--timeout=60s');
      await untilNothingIsLeft();
    },
    timeoutMs,
  );

  /** What the operator writes to the namespace since; Events, statuses and dry runs aside. */
  async function writes(since: number): Promise<readonly string[]> {
    const requests = await journey.cluster.auditLog.requests({ since, user: operatorUser });
    return requests
      .filter((request) => request.namespace === namespace)
      .filter(({ verb }) => !['get', 'list', 'watch'].includes(verb))
      .filter(({ resource, subresource }) => resource !== 'events' && subresource !== 'status')
      .filter(({ name }) => !name.endsWith(dryRunName('')))
      .map(({ verb, resource, name }) => `${verb} ${resource} ${name}`);
  }

  /** What the operator's log holds since then above the level of info. */
  async function warnings(since: string): Promise<readonly string[]> {
    const pods = ['-l', 'name=kubernetes-image-puller-operator', '--tail=-1'];
    const log = await kubectl('-n', operatorNamespace, 'logs', ...pods, `--since-time=${since}`);
    return log
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine)
      .filter(({ level }) => level !== 'info')
      .map(({ level, message, key, error }) => `${level}: ${message} (${key}): ${error}`);
  }
});

/** As much of a line of the operator's log as is read here. */
interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly key?: string;
  readonly error?: string;
}
