import { KubeConfig } from '@kubernetes/client-node';
import {
  type ApiError,
  type Client,
  isApiError,
  TransportError,
  type WatchEvent,
} from '../../../src/kube/client.ts';
import { createClient } from '../../../src/kube/http-client.ts';
import { configMaps, type KubeObject } from '../../../src/kube/objects.ts';
import { ManualClock } from '../../manual-clock.ts';
import { startEmbeddedCluster } from './embedded-cluster.ts';
import type { BeforeAction, EventAction, FaultMatch, Faults } from './faults.ts';
import { createInProcessCluster, type InProcessCluster } from './in-process-cluster.ts';

const second = 1000;
const namespace = 'default';
const apply = { fieldManager: 'tester', force: true };

function aConfigMap(name: string, value = 'a'): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value } };
}

interface Scene {
  readonly clock: ManualClock;
  readonly cluster: Omit<InProcessCluster, 'stop' | 'compact'>;
  readonly client: Client;
  readonly faults: Faults;
  stop(): Promise<void>;
}

async function overHttp(): Promise<Scene> {
  const clock = new ManualClock();
  const cluster = await startEmbeddedCluster({ clock });
  const config = new KubeConfig();
  config.loadFromString(cluster.kubeconfig());
  const client = createClient(config, { clock, userAgent: 'tester/1' });
  const stop = async () => {
    await client.close();
    await cluster.stop();
  };
  return { clock, cluster, client, faults: cluster.faults, stop };
}

async function inProcess(): Promise<Scene> {
  const clock = new ManualClock();
  const cluster = createInProcessCluster({ clock });
  const client = cluster.client(undefined, 'tester/1');
  return { clock, cluster, client, faults: cluster.faults, stop: async () => cluster.stop() };
}

let scene: Scene;
afterEach(() => scene.stop());

/** What the request was answered, or what it was thrown, while the clock moves. */
async function outcomeOf<Result>(request: Promise<Result>): Promise<Result | Error> {
  let outcome: Result | Error | undefined;
  request.then(
    (result) => {
      outcome = result;
    },
    (error: Error) => {
      outcome = error;
    },
  );
  const deadline = performance.now() + 10_000;
  while (outcome === undefined && performance.now() < deadline) {
    await scene.clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  if (outcome === undefined) throw new Error('the request was never over');
  return outcome;
}

function stored(name: string): KubeObject | undefined {
  return scene.cluster.controlPlane.get(configMaps, namespace, name);
}

function value(name: string): unknown {
  return (stored(name)?.['data'] as Record<string, unknown> | undefined)?.['value'];
}

interface Watching {
  readonly events: readonly WatchEvent[];
  /** `ADDED a`, `MODIFIED b` …, and how it ended. */
  readonly story: readonly string[];
  isOver: boolean;
  error?: Error;
  stop(): void;
}

async function watch(inactivitySeconds = 90): Promise<Watching> {
  const controller = new AbortController();
  const events: WatchEvent[] = [];
  const { promise: open, resolve: onOpen } = Promise.withResolvers<void>();
  const watching: Watching = {
    events,
    get story() {
      return events.map(({ type, object }) =>
        type === 'ERROR' ? `ERROR ${object.code}` : `${type} ${object.metadata.name ?? ''}`.trim(),
      );
    },
    isOver: false,
    stop: () => controller.abort(),
  };
  const over = (error?: Error) => {
    watching.isOver = true;
    if (error !== undefined) watching.error = error;
    onOpen();
  };
  scene.client
    .watch(configMaps, {
      namespace,
      resourceVersion: String(scene.cluster.revision),
      timeoutSeconds: 300,
      inactivityMs: inactivitySeconds * second,
      signal: controller.signal,
      onOpen,
      onEvent: (event) => events.push(event),
    })
    .then(() => over(), over);
  await outcomeOf(open.then(() => true));
  return watching;
}

/** Lets what is on its way arrive. */
async function until(condition: () => boolean): Promise<void> {
  await outcomeOf(
    (async () => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
      return true;
    })(),
  );
}

describe.each([
  ['over HTTP', overHttp],
  ['in process', inProcess],
] as const)('a fault, %s,', (_name, start) => {
  beforeEach(async () => {
    scene = await start();
  });
  const onRequest = (match: FaultMatch, action: BeforeAction) =>
    scene.faults.add({ match, at: 'before', do: action });

  it('answers in place of the API server', async () => {
    const answer = { code: 503, message: 'not now', retryAfterSeconds: 7 };
    const fault = onRequest({ verb: 'patch' }, { answer });
    const error = await outcomeOf(scene.client.apply(configMaps, aConfigMap('a'), apply));
    expect(isApiError(error, 503)).toBe(true);
    expect(error).toMatchObject({ retryAfterMs: 7000, status: { message: 'not now' } });
    expect(stored('a')).toBeUndefined();
    expect(fault.fired).toBe(1);
    await outcomeOf(scene.client.apply(configMaps, aConfigMap('a'), apply));
    expect(stored('a')).toBeDefined();
  });

  it('speaks for a proxy that knows no Status', async () => {
    onRequest({ verb: 'get' }, { answer: { code: 502, body: '<h1>Bad Gateway</h1>' } });
    const error = await outcomeOf(scene.client.get(configMaps, namespace, 'a'));
    expect((error as ApiError).status).toEqual({ message: '<h1>Bad Gateway</h1>' });
  });

  it('ends the connection before anything is done', async () => {
    onRequest({ verb: 'create' }, 'reset');
    const error = await outcomeOf(scene.client.create(configMaps, aConfigMap('a')));
    expect(error).toBeInstanceOf(TransportError);
    expect(stored('a')).toBeUndefined();
  });

  it('loses the answer to what was done', async () => {
    scene.faults.add({ match: { verb: 'create' }, at: 'afterCommit', do: 'reset' });
    const began = scene.clock.monotonic();
    const error = await outcomeOf(scene.client.create(configMaps, aConfigMap('a')));
    expect(error).toBeInstanceOf(TransportError);
    expect(scene.clock.monotonic() - began).toBeLessThan(5 * second);
    expect(stored('a')).toBeDefined();
  });

  it('answers late, and never, to what was done', async () => {
    const afterwards = { match: { verb: 'create' }, at: 'afterCommit' } as const;
    scene.faults.add({ ...afterwards, do: { delayMs: 5 * second } });
    const began = scene.clock.monotonic();
    await outcomeOf(scene.client.create(configMaps, aConfigMap('a')));
    expect(scene.clock.monotonic() - began).toBeGreaterThanOrEqual(5 * second);
    scene.faults.add({ ...afterwards, do: 'silence' });
    const error = await outcomeOf(scene.client.create(configMaps, aConfigMap('b')));
    expect(error).toMatchObject({ message: expect.stringContaining('no answer within 10 s') });
    expect(stored('b')).toBeDefined();
  });

  it('answers 500 to what was done', async () => {
    const answer = { code: 500 };
    scene.faults.add({ match: { verb: 'create' }, at: 'afterCommit', do: { answer } });
    const error = await outcomeOf(scene.client.create(configMaps, aConfigMap('a')));
    expect(error).toMatchObject({ code: 500, reason: 'InternalError' });
    expect(stored('a')).toBeDefined();
  });

  it('leaves a request without any answer', async () => {
    onRequest({ verb: 'get' }, 'silence');
    const error = await outcomeOf(scene.client.get(configMaps, namespace, 'a'));
    expect(error).toMatchObject({ message: expect.stringContaining('no answer within 10 s') });
  });

  it('carries out late what nobody waits for any more', async () => {
    onRequest({ verb: 'patch' }, { delayMs: 30 * second });
    const late = await outcomeOf(scene.client.apply(configMaps, aConfigMap('a', 'old'), apply));
    expect(late).toBeInstanceOf(TransportError);
    await outcomeOf(scene.client.apply(configMaps, aConfigMap('a', 'new'), apply));
    expect(value('a')).toBe('new');
    await scene.clock.advance(30 * second);
    expect(value('a')).toBe('old');
  });

  it('holds a request until it is released', async () => {
    const fault = onRequest({ verb: 'create' }, 'hold');
    const creation = scene.client.create(configMaps, aConfigMap('a'));
    await until(() => fault.fired === 1);
    expect(stored('a')).toBeUndefined();
    fault.release();
    expect(await creation).toMatchObject({ metadata: { name: 'a' } });
  });

  it('does a request twice', async () => {
    onRequest({ verb: 'create' }, 'twice');
    const error = await outcomeOf(scene.client.create(configMaps, aConfigMap('a')));
    expect(error).toMatchObject({ code: 409, reason: 'AlreadyExists' });
    expect(stored('a')).toBeDefined();
  });

  it('shows a list as it was', async () => {
    scene.cluster.apply(aConfigMap('a'));
    const { revision } = scene.cluster;
    scene.cluster.apply(aConfigMap('b'));
    onRequest({ verb: 'list' }, { staleAt: revision });
    const list = async () => {
      const { items, resourceVersion } = await scene.client.list(configMaps, { namespace });
      const names = items.map(({ metadata }) => metadata.name ?? '');
      return { names: names.filter((name) => name.length === 1), resourceVersion };
    };
    expect(await list()).toEqual({ names: ['a'], resourceVersion: String(revision) });
    expect((await list()).names).toEqual(['a', 'b']);
  });

  it('expires the second page of a list', async () => {
    scene.cluster.apply(aConfigMap('a'), aConfigMap('b'));
    const isContinued: FaultMatch = {
      verb: 'list',
      when: ({ request }) => request.query.has('continue'),
    };
    onRequest(isContinued, { answer: { code: 410 } });
    const page = await scene.client.list(configMaps, { namespace, limit: 1 });
    const more = { namespace, limit: 1, continue: page.continue ?? '' };
    const error = await outcomeOf(scene.client.list(configMaps, more));
    expect(error).toMatchObject({ code: 410, reason: 'Expired' });
  });

  it('refuses a watch', async () => {
    onRequest({ verb: 'watch' }, { answer: { code: 410 } });
    expect((await watch()).error).toMatchObject({ code: 410 });
  });

  it('keeps the rights and the tokens of users', async () => {
    const user = 'system:serviceaccount:default:nobody';
    const stranger = scene.cluster.client(user);
    const error = await outcomeOf(stranger.get(configMaps, namespace, 'a'));
    expect(error).toMatchObject({
      code: 403,
      status: { message: expect.stringContaining(`User "${user}" cannot get resource`) },
    });
    scene.cluster.revokeToken(user);
    expect(await outcomeOf(stranger.get(configMaps, namespace, 'a'))).toMatchObject({ code: 401 });
  });

  describe('of an event', () => {
    const onEvent = (action: EventAction, match: FaultMatch = {}) =>
      scene.faults.add({ match: { resource: 'configmaps', ...match }, at: 'onEvent', do: action });
    const change = (...names: readonly string[]) => {
      for (const name of names) scene.cluster.apply(aConfigMap(name));
    };

    it('drops it', async () => {
      onEvent('drop', { name: 'b' });
      const watching = await watch();
      change('a', 'b', 'c');
      await until(() => watching.events.length === 2);
      expect(watching.story).toEqual(['ADDED a', 'ADDED c']);
      watching.stop();
    });

    it('repeats it', async () => {
      onEvent('repeat');
      const watching = await watch();
      change('a', 'b');
      await until(() => watching.events.length === 3);
      expect(watching.story).toEqual(['ADDED a', 'ADDED a', 'ADDED b']);
      watching.stop();
    });

    it('lets the next one overtake it', async () => {
      onEvent('swap', { events: ['ADDED'] });
      const watching = await watch();
      change('a', 'b', 'c');
      await until(() => watching.events.length === 3);
      expect(watching.story).toEqual(['ADDED b', 'ADDED a', 'ADDED c']);
      watching.stop();
    });

    it('keeps it and all that follow it back', async () => {
      onEvent({ delayMs: 30 * second });
      const watching = await watch();
      const began = scene.clock.monotonic();
      change('a', 'b');
      await until(() => watching.events.length === 2);
      expect(watching.story).toEqual(['ADDED a', 'ADDED b']);
      expect(scene.clock.monotonic() - began).toBeGreaterThanOrEqual(30 * second);
      watching.stop();
    });

    it('holds it until it is released', async () => {
      const fault = onEvent('hold');
      const watching = await watch();
      change('a', 'b');
      await until(() => fault.fired === 1);
      expect(watching.story).toEqual([]);
      fault.release();
      await until(() => watching.events.length === 2);
      watching.stop();
    });

    it('breaks off in the middle of its line', async () => {
      onEvent('truncate', { nth: 2 });
      const watching = await watch();
      change('a', 'b');
      await until(() => watching.isOver);
      expect(watching.story).toEqual(['ADDED a']);
      expect(watching.error?.message).toContain('the stream ended inside a line');
    });

    it('sends a line that is none', async () => {
      onEvent({ garbage: 'no JSON' });
      const watching = await watch();
      change('a');
      await until(() => watching.isOver);
      expect(watching.story).toEqual([]);
      expect(watching.error).toBeInstanceOf(TransportError);
    });

    it('ends the stream in order', async () => {
      onEvent('end', { nth: 2 });
      const watching = await watch();
      change('a', 'b');
      await until(() => watching.isOver);
      expect(watching).toMatchObject({ story: ['ADDED a'] });
      expect(watching.error).toBeUndefined();
    });

    it('says that the history is gone', async () => {
      onEvent('expire');
      const watching = await watch();
      change('a');
      await until(() => watching.isOver);
      expect(watching.story).toEqual(['ERROR 410']);
    });

    it('ends the connection', async () => {
      onEvent('reset');
      const watching = await watch();
      change('a');
      await until(() => watching.isOver);
      expect(watching.error).toBeInstanceOf(TransportError);
    });

    it('silences the stream for good', async () => {
      onEvent('silence');
      const watching = await watch(20);
      change('a', 'b');
      await until(() => watching.isOver);
      expect(watching.story).toEqual([]);
      expect(watching.error?.message).toContain('no answer within 20 s');
    });

    it('leaves nothing but bookmarks', async () => {
      onEvent('drop', {
        events: ['ADDED', 'MODIFIED', 'DELETED'],
        times: Number.POSITIVE_INFINITY,
      });
      const watching = await watch();
      change('a', 'b');
      await until(() => watching.events.length === 2);
      expect(watching.story).toEqual(['BOOKMARK', 'BOOKMARK']);
      watching.stop();
    });
  });
});

describe('the faults of a cluster', () => {
  beforeEach(async () => {
    scene = await inProcess();
  });
  const create = async (name: string) => {
    const error = await outcomeOf(scene.client.create(configMaps, aConfigMap(name)));
    return isApiError(error) ? error.code : 201;
  };
  const answering = (code: number, match: FaultMatch) =>
    scene.faults.add({ match, at: 'before', do: { answer: { code } } });

  it('fire once, at the n-th match, after some, at every other one or for ever', async () => {
    const codes = async (match: FaultMatch) => {
      const fault = answering(500, { verb: 'create', ...match });
      const seen = [];
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        seen.push(await create(name));
        scene.cluster.controlPlane.remove(configMaps, namespace, name);
      }
      fault.remove();
      return seen;
    };
    expect(await codes({})).toEqual([500, 201, 201, 201, 201]);
    expect(await codes({ nth: 3 })).toEqual([201, 201, 500, 201, 201]);
    expect(await codes({ after: 1, times: 2 })).toEqual([201, 500, 500, 201, 201]);
    expect(await codes({ every: 2, times: 9 })).toEqual([500, 201, 500, 201, 500]);
    expect(await codes({ times: Number.POSITIVE_INFINITY })).toEqual([500, 500, 500, 500, 500]);
  });

  it('are told apart by verb, resource, name, namespace, user and agent', async () => {
    const hits = async (match: FaultMatch) => {
      const fault = answering(500, match);
      const isHit = (await create('a')) === 500;
      scene.cluster.controlPlane.remove(configMaps, namespace, 'a');
      fault.remove();
      return isHit;
    };
    expect(await hits({ verb: 'write' })).toBe(true);
    expect(await hits({ verb: ['patch', 'delete'] })).toBe(false);
    expect(await hits({ resource: 'configmaps', subresource: '' })).toBe(true);
    expect(await hits({ resource: 'pods' })).toBe(false);
    expect(await hits({ subresource: 'status' })).toBe(false);
    expect(await hits({ name: 'a', namespace })).toBe(true);
    expect(await hits({ name: 'b' })).toBe(false);
    expect(await hits({ namespace: 'elsewhere' })).toBe(false);
    expect(await hits({ user: 'kubernetes-admin', userAgent: 'tester/' })).toBe(true);
    expect(await hits({ user: 'somebody' })).toBe(false);
    expect(await hits({ userAgent: 'kubectl' })).toBe(false);
  });

  it('say which of them never fired', async () => {
    answering(500, { verb: 'create' });
    answering(500, { verb: 'delete' });
    await create('a');
    expect(scene.faults.unfired()).toEqual(['{"verb":"delete"} before {"answer":{"code":500}}']);
    scene.faults.clear();
    expect(scene.faults.unfired()).toEqual([]);
  });

  it('leave the first that matches to fire alone', async () => {
    answering(500, { verb: 'create' });
    answering(503, { verb: 'create' });
    expect([await create('a'), await create('b'), await create('c')]).toEqual([500, 503, 201]);
  });

  it('count every call that they match, also one at which another fires', async () => {
    answering(500, { verb: 'create', nth: 2 });
    answering(503, { verb: 'create', nth: 3 });
    const never = answering(504, { verb: 'create', nth: 2 });
    const codes = [];
    for (const name of ['a', 'b', 'c', 'd']) codes.push(await create(name));
    expect(codes).toEqual([201, 500, 503, 201]);
    expect(never.fired).toBe(0);
  });

  it.each<['hold' | { delayMs: number }]>([['hold'], [{ delayMs: 3_600_000 }]])(
    'let go what they hold by %j when they are taken away',
    async (action) => {
      const fault = scene.faults.add({ match: { verb: 'create' }, at: 'before', do: action });
      const creating = create('a');
      await until(() => fault.fired === 1);
      expect(stored('a')).toBeUndefined();
      fault.remove();
      await creating;
      expect(stored('a')).toBeDefined();
      expect(scene.clock.monotonic()).toBeLessThan(3_600_000);
    },
  );

  it('show in the log of requests', async () => {
    scene.cluster.requests.length = 0;
    answering(500, { verb: 'create' });
    scene.faults.add({ match: { verb: 'create' }, at: 'before', do: 'reset' });
    scene.faults.add({ match: { verb: 'create' }, at: 'before', do: 'twice' });
    await create('a');
    await create('b');
    await create('c');
    expect(scene.cluster.requests.map(({ code, changed }) => ({ code, changed }))).toEqual([
      { code: 500, changed: false },
      { code: 0, changed: false },
      { code: 201, changed: true },
      { code: 409, changed: false },
    ]);
  });
});

describe('a cluster in process', () => {
  it('breaks off what a client that is closed was waiting for, and lets it ask no more', async () => {
    scene = await inProcess();
    const client = scene.cluster.client();
    const resourceVersion = String(scene.cluster.revision);
    const { promise: open, resolve: onOpen } = Promise.withResolvers<void>();
    const watching = client.watch(configMaps, {
      resourceVersion,
      timeoutSeconds: 300,
      inactivityMs: 90 * second,
      signal: new AbortController().signal,
      onOpen,
      onEvent: () => {},
    });
    await open;
    scene.faults.add({ match: { verb: 'get' }, at: 'before', do: 'hold' });
    const getting = client.get(configMaps, namespace, 'a');
    await client.close();
    const closed = { message: expect.stringContaining('the client is closed') };
    expect(await outcomeOf(watching.then(() => true))).toMatchObject(closed);
    expect(await outcomeOf(getting.then(() => true))).toMatchObject(closed);
    expect(await outcomeOf(client.create(configMaps, aConfigMap('a')))).toMatchObject(closed);
    expect(stored('a')).toBeUndefined();
  });

  /** A generator that always gives the same numbers (Park and Miller). */
  function seeded(seed: number): () => number {
    let state = seed;
    return () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
  }

  it('does the same from the same seed, uids and generated names included', async () => {
    scene = await inProcess();
    const run = async (seed: number) => {
      const clock = new ManualClock();
      const cluster = createInProcessCluster({ clock, random: seeded(seed), nodes: 2 });
      const labels = { app: 'a' };
      cluster.apply({
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'a', namespace },
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'a:1' }] } },
        },
      });
      const client = cluster.client();
      await clock.advance(10 * second);
      const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };
      const { items } = await client.list(pods, {});
      cluster.stop();
      return JSON.stringify(items);
    };
    const first = await run(1);
    expect(JSON.parse(first)).toHaveLength(2);
    expect(await run(1)).toBe(first);
    expect(await run(2)).not.toBe(first);
  });
});
