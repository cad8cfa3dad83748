import { parseSpec } from '../../src/api/parse.ts';
import type { Clock } from '../../src/clock.ts';
import { type ConvergeDependencies, converge } from '../../src/controllers/converge.ts';
import { Applier } from '../../src/kube/applier.ts';
import type { Cache } from '../../src/kube/cache.ts';
import { ApiError, type Client } from '../../src/kube/client.ts';
import { configMaps, daemonSets, type KubeObject } from '../../src/kube/objects.ts';
import { silentLog } from '../../src/log.ts';
import { children } from '../../src/manifests/children.ts';
import { identityOf } from '../../src/manifests/input.ts';
import { readPods } from '../../src/status/rewrites.ts';
import { ManualClock } from '../manual-clock.ts';
import { aPuller } from '../pullers.ts';

const nothing: Cache = {
  get: () => undefined,
  list: () => [],
  observe: () => {},
  learn: () => {},
  hasSynced: () => true,
  position: () => '1',
  lastError: () => undefined,
};

const settings = {
  operatorImage: 'o:1',
  sleeperImage: 's:1',
  maxSurge: 1,
  openshift: false,
  allowedRegistries: [],
};

/** What a run needs beside its applier; nobody else wants its names, and its spec is the newest. */
function dependencies(clock: Clock): Omit<ConvergeDependencies, 'applier'> {
  return {
    children: new Map(),
    pods: nothing,
    readPods: (all, pods) => readPods(all, pods),
    refusals: new Map(),
    rivals: { claims: () => new Map(), exists: async () => false, isAwaited: () => false },
    clock,
    fateOfSpec: async () => 'current',
  };
}

it('a run that was aborted writes nothing more', async () => {
  const clock = new ManualClock();
  const written: string[] = [];
  const abort = new AbortController();
  const client = {
    get: async () => undefined,
    apply: async (_resource, body) => {
      written.push(body.kind);
      abort.abort(new Error('the program is stopping'));
      return body;
    },
  } as Partial<Client> as Client; // a new puller needs no other request
  const applier = new Applier({ client, clock, fieldManager: 'test', caches: new Map() });
  const puller = aPuller({}, { uid: 'u1' });
  const { spec } = parseSpec(puller.spec, { maxImages: 500 });
  const input = { puller: identityOf(puller), raw: puller.spec, spec, settings };

  const run = converge(
    input,
    { ...dependencies(clock), applier },
    { signal: abort.signal, log: silentLog },
  );
  await expect(run).rejects.toThrow('the program is stopping');
  expect(written).toEqual(['DaemonSet']);
});

it.each([
  ['makes and removes what the newest spec says', 'current', ['former']],
  ['makes and removes nothing for a spec that is not the newest any more', 'changed', []],
  ['makes and removes nothing for a puller that is gone', 'gone', []],
] as const)('%s', async (_, fate, removed) => {
  const clock = new ManualClock();
  const puller = aPuller({ images: '' }, { uid: 'u1' });
  const owner = { apiVersion: '', kind: '', name: '', uid: 'u1', controller: true };
  const metadata = { name: 'former', namespace: 'workspaces', uid: 'u2', ownerReferences: [owner] };
  const former = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
  const gone: (string | undefined)[] = [];
  const made: string[] = [];
  const client = {
    get: async (_resource, _namespace, name) => (name === 'former' ? former : undefined),
    apply: async (_resource, body) => {
      made.push(body.kind);
      return body;
    },
    remove: async (_resource, { metadata: { name } }) => {
      gone.push(name);
      return true;
    },
  } as Partial<Client> as Client; // nothing else is asked for
  const { spec } = parseSpec(puller.spec, { maxImages: 500 });
  await converge(
    { puller: identityOf(puller), raw: puller.spec, spec, settings },
    {
      ...dependencies(clock),
      applier: new Applier({ client, clock, fieldManager: 'test', caches: new Map() }),
      children: new Map([[configMaps, { ...nothing, list: () => [former] }]]),
      fateOfSpec: async () => fate,
    },
    { signal: new AbortController().signal, log: silentLog },
  );
  expect(gone).toEqual(removed);
  expect(made.length > 0).toBe(fate === 'current');
});

it('lets go of nothing for the sake of a successor that was made anew a moment ago', async () => {
  const puller = aPuller({ images: 'a=quay.io/example/a:1' }, { uid: 'u1' });
  const { spec } = parseSpec(puller.spec, { maxImages: 500 });
  const input = { puller: identityOf(puller), raw: puller.spec, spec, settings };
  const body = children(input).find(({ resource }) => resource === daemonSets)?.body as KubeObject;
  const whole = (name: string, uid: string): KubeObject => ({
    ...body,
    metadata: { ...body.metadata, name, uid, generation: 1 },
    status: { observedGeneration: 1, desiredNumberScheduled: 0, updatedNumberScheduled: 0 },
  });
  const successor = whole(spec.daemonsetName, 'gone already');
  const former = whole('former', 'u3');
  const stored = new Map<string, KubeObject>([['former', former]]);
  const gone: (string | undefined)[] = [];
  const cached = new Map([successor, former].map((each) => [each.metadata.name ?? '', each]));
  const cache: Cache = {
    ...nothing,
    get: (_namespace, name) => cached.get(name),
    list: () => [...cached.values()],
    observe: (object) => cached.set(object.metadata.name ?? '', object),
  };
  const client = {
    get: async (_resource, _namespace, name) => stored.get(name),
    apply: async (_resource, body) => {
      if (body.metadata.uid === 'gone already')
        throw new ApiError('apply', 409, { message: 'uid mismatch' });
      return { ...body, metadata: { ...body.metadata, uid: 'new', resourceVersion: '9' } };
    },
    remove: async (_resource, { metadata: { name } }) => {
      gone.push(name);
      return true;
    },
  } as Partial<Client> as Client; // nothing else is asked for
  const clock = new ManualClock();
  const caches = new Map([[daemonSets, cache]]);
  const run = () =>
    converge(
      input,
      {
        ...dependencies(clock),
        applier: new Applier({ client, clock, fieldManager: 'test', caches }),
        children: caches,
      },
      { signal: new AbortController().signal, log: silentLog },
    );
  expect(await run()).toEqual({ againMs: 1000, deleted: [] });
  expect(cached.get(spec.daemonsetName)?.metadata.uid).toBe('new');
  expect(gone).toEqual([]);

  const filled = { ...(cached.get(spec.daemonsetName) as KubeObject), status: former['status'] };
  for (const each of [cached, stored]) each.set(spec.daemonsetName, filled);
  expect((await run()).deleted).toEqual(['u3']);
  expect(gone).toEqual(['former']);
});
