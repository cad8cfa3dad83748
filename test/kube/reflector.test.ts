import { ApiError } from '../../src/kube/client.ts';
import { type ConnectedClient, createClient } from '../../src/kube/http-client.ts';
import { type KubeObject, pods } from '../../src/kube/objects.ts';
import { Reflector, type ReflectorOptions } from '../../src/kube/reflector.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { ManualClock, until } from '../manual-clock.ts';
import { aKubeConfig, aStatus, type Exchange, ScriptedServer } from './scripted-server.ts';

/** With this random number a first back-off of 800 ms becomes 600, the next ones double. */
const half = () => 0.5;
const firstPauseMs = 600;

let server: ScriptedServer;
let clock: ManualClock;
let client: ConnectedClient;
let reflector: Reflector;
let told: string[];

function aReflector(parts: Partial<ReflectorOptions> = {}): Reflector {
  reflector = new Reflector({
    client,
    resource: pods,
    namespace: 'n',
    clock,
    random: half,
    log: silentLog,
    ...parts,
  });
  reflector.onChange(({ type, object }) => {
    told.push(`${type} ${object.metadata.name} ${object.metadata.resourceVersion}`);
  });
  return reflector;
}

beforeEach(async () => {
  server = await ScriptedServer.start();
  clock = new ManualClock();
  client = createClient(aKubeConfig(server.url), { clock, userAgent: 'tester/1' });
  told = [];
});

afterEach(async () => {
  await reflector.stop();
  await client.close();
  await server.stop();
});

function aPod(name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'n', name, uid, resourceVersion },
  };
}

function aList(resourceVersion: string, items: readonly KubeObject[] = [], more?: string) {
  return {
    kind: 'PodList',
    apiVersion: 'v1',
    metadata: { resourceVersion, ...(more ? { continue: more } : {}) },
    items,
  };
}

const held = () =>
  reflector.list().map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);

const isWatch = (exchange: Exchange) => exchange.query['watch'] === 'true';

async function nextList(): Promise<Exchange> {
  const exchange = await server.next();
  expect(isWatch(exchange)).toBe(false);
  return exchange;
}

/** The next request is a watch from this resourceVersion. */
async function nextWatch(from: string): Promise<Exchange> {
  const exchange = await server.next();
  expect([isWatch(exchange), exchange.query['resourceVersion']]).toEqual([true, from]);
  return exchange;
}

/** The next request is a watch from this resourceVersion, and the server accepts it. */
async function openedWatch(from: string): Promise<Exchange> {
  const watch = await nextWatch(from);
  watch.open();
  // The client waits for a silence of 90 s instead of an answer within 10 s.
  await until(() => clock.waits.includes(90_000));
  return watch;
}

/** Starts a reflector whose first list holds these pods, and returns its open watch. */
async function synced(
  items: readonly KubeObject[] = [],
  parts: Partial<ReflectorOptions> = {},
): Promise<Exchange> {
  const started = aReflector(parts).start();
  (await nextList()).answer(200, aList('10', items));
  await started;
  told = [];
  return await openedWatch('10');
}

/** How long the reflector waits before its next request: nothing else is under way then. */
async function pause(): Promise<number> {
  const answerWithin = 10_000;
  await until(() => clock.waits.length === 1 && clock.waits[0] !== answerWithin);
  return clock.waits[0] ?? 0;
}

/** The reflector waits for so long before its next request; then that time passes. */
async function pauses(pauseMs: number): Promise<void> {
  await until(() => clock.waits[0] === pauseMs);
  expect(server.untaken).toEqual([]);
  await clock.advance(pauseMs);
}

describe('listing', () => {
  it('reads the latest state page by page, and is synced after the last page', async () => {
    aReflector({ pageSize: 2, labelSelector: 'a=b', fieldSelector: 'spec.nodeName=x' });
    const started = reflector.start();
    const first = await nextList();
    expect(first.path).toBe('/api/v1/namespaces/n/pods');
    const selection = { labelSelector: 'a=b', fieldSelector: 'spec.nodeName=x' };
    expect(first.query).toEqual({ ...selection, limit: '2' });
    first.answer(200, aList('10', [aPod('a', '1'), aPod('b', '2')], 'page 2'));
    const second = await nextList();
    expect(second.query).toEqual({ ...selection, limit: '2', continue: 'page 2' });
    expect([reflector.hasSynced, reflector.list()]).toEqual([false, []]);
    second.answer(200, aList('10', [aPod('c', '3')]));
    await started;
    await reflector.synced();
    expect(reflector.hasSynced).toBe(true);
    expect(told).toEqual(['added a 1', 'added b 2', 'added c 3']);
    expect((await nextWatch('10')).query).toMatchObject(selection);
  });

  it('asks for 500 objects at a time, and for a watch of 5 to 10 minutes with bookmarks', async () => {
    const started = aReflector().start();
    const list = await nextList();
    expect(list.query).toEqual({ limit: '500' });
    list.answer(200, aList('10'));
    await started;
    expect((await nextWatch('10')).query).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '10',
      timeoutSeconds: '450',
    });
  });

  it('trims objects before it holds them', async () => {
    const labelled = (pod: KubeObject) => ({ ...pod, metadata: { ...pod.metadata, labels: {} } });
    const watch = await synced([aPod('a', '1')], { project: labelled });
    await watch.event('ADDED', aPod('b', '11'));
    await until(() => told.length === 1);
    reflector.observe(aPod('c', '12'));
    expect(reflector.list()).toEqual(
      [aPod('a', '1'), aPod('b', '11'), aPod('c', '12')].map(labelled),
    );
  });

  it('begins again where a page is gone (410), and never acts on part of a list', async () => {
    const started = aReflector().start();
    (await nextList()).answer(200, aList('10', [aPod('a', '1')], 'page 2'));
    (await nextList()).answer(410, aStatus(410, 'Expired', 'continue token is too old'));
    await pauses(firstPauseMs);
    const again = await nextList();
    expect(again.query).toEqual({ limit: '500' });
    expect([reflector.hasSynced, told]).toEqual([false, []]);
    again.answer(200, aList('12', [aPod('b', '11')]));
    await started;
    expect(told).toEqual(['added b 11']);
    await nextWatch('12');
  });

  it('waits out failures with growing pauses and then syncs', async () => {
    const started = aReflector().start();
    (await nextList()).answer(500, aStatus(500, 'InternalError', 'etcd is away'));
    await pauses(600);
    (await nextList()).answer(503, 'no backend');
    await pauses(1_200);
    const reset = await nextList();
    reset.reset();
    (await nextList()).reset();
    await pauses(2_400);
    (await nextList()).answer(200, aList('10'));
    await started;
  });

  it('waits out a server that refuses connections', async () => {
    const { url } = server;
    await server.stop();
    const started = aReflector().start();
    await until(() => clock.waits[0] === firstPauseMs);
    expect(reflector.lastError).toMatchObject({ code: 'ECONNREFUSED' });
    server = await ScriptedServer.start(undefined, Number(new URL(url).port));
    await clock.advance(firstPauseMs);
    (await nextList()).answer(200, aList('10', [aPod('a', '1')]));
    await started;
    expect([held(), reflector.lastError]).toEqual([['a 1'], undefined]);
  });

  it('never pauses for more than 30 s', async () => {
    void aReflector().start();
    server.always((exchange) => exchange.answer(500, aStatus(500, 'InternalError', 'no')));
    for (const pauseMs of [600, 1_200, 2_400, 4_800, 9_600, 19_200, 22_500, 22_500]) {
      expect(await pause()).toBe(pauseMs);
      await clock.advance(pauseMs);
    }
  });

  it('waits for as long as the server asks (429), and a little longer', async () => {
    const started = aReflector().start();
    const busy = aStatus(429, 'TooManyRequests', 'slow down');
    (await nextList()).answer(429, busy, { 'retry-after': '7' });
    await pauses(7_000 * 1.05);
    (await nextList()).answer(429, busy);
    await pauses(firstPauseMs);
    (await nextList()).answer(200, aList('10'));
    await started;
  });

  it.each([
    ['too short', '0', 800],
    ['too long', '86400', 120_000],
  ])('follows a Retry-After that is %s within bounds', async (_, header, leastMs) => {
    void aReflector().start();
    (await nextList()).answer(429, '', { 'retry-after': header });
    await pauses(leastMs * 1.05);
    await nextList();
  });

  it.each([
    [403, 'Forbidden'],
    [404, 'NotFound'],
    [401, 'Unauthorized'],
  ])(
    'keeps asking quietly while the server answers %i, tells why, and recovers',
    async (code, reason) => {
      const lines: string[] = [];
      const warn: Log['warn'] = (message) => lines.push(`warn ${message}`);
      const info: Log['info'] = (message) => lines.push(`info ${message}`);
      const started = aReflector({ log: { ...silentLog, warn, info } }).start();
      const refusal = aStatus(code, reason, 'no');
      server.always((exchange) => exchange.answer(code, refusal));
      for (const pauseMs of [600, 1_200, 2_400]) {
        await until(() => clock.waits[0] === pauseMs);
        await clock.advance(pauseMs);
      }
      await until(() => clock.waits[0] === 4_800);
      expect(reflector.lastError).toBeInstanceOf(ApiError);
      expect(reflector.lastError).toMatchObject({ code, reason });
      server.always(undefined);
      await clock.advance(4_800);
      (await nextList()).answer(200, aList('10'));
      await started;
      expect(reflector.lastError).toBeUndefined();
      expect(lines).toEqual([
        'warn refused by the API server',
        'info in touch with the API server again',
      ]);
    },
  );
});

describe('watching', () => {
  it('follows additions, changes and deletions', async () => {
    const watch = await synced([aPod('a', '1'), aPod('b', '2')]);
    await watch.event('MODIFIED', aPod('a', '11'));
    await watch.event('DELETED', aPod('b', '12'));
    await watch.event('ADDED', aPod('c', '13'));
    await until(() => told.length === 3);
    expect(told).toEqual(['updated a 11', 'deleted b 12', 'added c 13']);
    expect(held()).toEqual(['a 11', 'c 13']);
  });

  it('carries unknown fields and values through', async () => {
    const watch = await synced();
    const pod = { ...aPod('a', '11'), status: { phase: 'Dreaming', brandNew: [{ x: 1 }] } };
    await watch.event('ADDED', pod);
    await until(() => told.length === 1);
    expect(reflector.get('n', 'a')).toEqual(pod);
  });

  it('goes on from where it was when the server ends the watch, without a list', async () => {
    const watch = await synced([aPod('a', '1')]);
    await watch.event('MODIFIED', aPod('a', '15'));
    await until(() => told.length === 1);
    await clock.advance(60_000);
    watch.end();
    await nextWatch('15');
  });

  it('pauses before it asks a server again that ends watches at once', async () => {
    const watch = await synced();
    watch.end();
    await pauses(600);
    (await openedWatch('10')).end();
    await pauses(1_200);
    await nextWatch('10');
  });

  it('begins with short pauses again after a connection that delivered something', async () => {
    (await synced()).end();
    await pauses(600);
    const watch = await openedWatch('10');
    await watch.event('ADDED', aPod('a', '11'));
    await until(() => told.length === 1);
    watch.reset();
    await pauses(600);
    await nextWatch('11');
  });

  it.each([
    ['between events', ''],
    ['in the middle of a line', '{"type":"ADDED","obj'],
  ])('goes on from the last event after a reset %s, within a second', async (_, partOfALine) => {
    const watch = await synced();
    await watch.event('ADDED', aPod('a', '11'));
    await until(() => told.length === 1);
    if (partOfALine !== '') await watch.write(partOfALine);
    watch.reset();
    await pauses(firstPauseMs);
    const again = await nextWatch('11');
    again.open();
    await again.event('ADDED', aPod('b', '12'));
    await until(() => told.length === 2);
    expect(told).toEqual(['added a 11', 'added b 12']);
  });

  it('goes on from the last good event after a line that was cut off', async () => {
    const watch = await synced();
    await watch.event('ADDED', aPod('a', '11'));
    await watch.write('{"type":"ADDED","object":{"metadata":{');
    watch.end();
    await pauses(firstPauseMs);
    await nextWatch('11');
    expect(held()).toEqual(['a 11']);
  });

  it('goes on from the last good event after a line that is garbage, and skips nothing', async () => {
    const watch = await synced();
    const lines = [aPod('a', '11'), aPod('b', '12'), aPod('c', '13')].map((object) =>
      JSON.stringify({ type: 'ADDED', object }),
    );
    await watch.write(`${lines[0]}\n<garbage>\n${lines[2]}\n`);
    await pauses(firstPauseMs);
    const again = await nextWatch('11');
    expect(held()).toEqual(['a 11']);
    again.open();
    await again.write(`${lines[1]}\n${lines[2]}\n`);
    await until(() => told.length === 3);
    expect(told).toEqual(['added a 11', 'added b 12', 'added c 13']);
  });

  it('tells nobody of an event that comes twice', async () => {
    const watch = await synced();
    await watch.event('ADDED', aPod('a', '11'));
    await watch.event('ADDED', aPod('a', '11'));
    await watch.event('ADDED', aPod('b', '12'));
    await until(() => told.length === 2);
    expect(told).toEqual(['added a 11', 'added b 12']);
  });

  it('ignores an event that comes after a newer one of the same object', async () => {
    const watch = await synced([aPod('a', '1')]);
    await watch.event('MODIFIED', aPod('a', '12'));
    await watch.event('MODIFIED', aPod('a', '11'));
    await watch.event('DELETED', aPod('a', '13'));
    await watch.event('MODIFIED', aPod('a', '12'));
    await watch.event('ADDED', aPod('b', '14'));
    await watch.event('MODIFIED', aPod('a', '11'));
    await clock.advance(1_000);
    watch.end();
    await nextWatch('14');
    expect(told).toEqual(['updated a 12', 'deleted a 13', 'added b 14']);
  });

  it('tells of an object re-created between two watches as a deletion and an addition', async () => {
    const watch = await synced([aPod('a', '1', 'old')]);
    await watch.event('ADDED', aPod('a', '15', 'new'));
    await until(() => told.length === 2);
    expect(told).toEqual(['deleted a 1', 'added a 15']);
  });

  it('moves on with bookmarks alone: nobody is told, and the next watch begins there', async () => {
    const watch = await synced([aPod('a', '1')]);
    for (const resourceVersion of ['20', '30', '40']) {
      await watch.event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion } });
    }
    await clock.advance(1_000);
    watch.end();
    await nextWatch('40');
    expect([told, held()]).toEqual([[], ['a 1']]);
  });

  it('takes resourceVersions beyond 2^53 and of unknown formats', async () => {
    const watch = await synced();
    await watch.event('ADDED', aPod('a', '9007199254740993'));
    await watch.event('MODIFIED', aPod('a', '9007199254740992'));
    await watch.event('MODIFIED', aPod('a', 'v2-xyz'));
    await until(() => told.length === 2);
    expect(told).toEqual(['added a 9007199254740993', 'updated a v2-xyz']);
    watch.end();
    await pauses(firstPauseMs);
    await nextWatch('v2-xyz');
  });

  it('notices a connection that is dead but open after 90 s, and lists nothing', async () => {
    let watch = await synced([aPod('a', '1')]);
    for (const _ of ['once', 'and again after no longer a pause']) {
      await clock.advance(89_999);
      expect(watch.isClosed).toBe(false);
      await clock.advance(1);
      await pauses(firstPauseMs);
      await until(() => watch.isClosed);
      watch = await openedWatch('10');
    }
    expect([held(), told]).toEqual([['a 1'], []]);
  });
});

describe('the observer of a reflector', () => {
  it('is told of each list and each watch that is asked for', async () => {
    const starts: string[] = [];
    const watch = await synced([], { onStart: (what) => starts.push(what) });
    expect(starts).toEqual(['list', 'watch']);
    watch.hangUp();
    await pauses(firstPauseMs);
    const next = await nextWatch('10');
    expect(starts).toEqual(['list', 'watch', 'watch']);
    next.answer(410, aStatus(410, 'Expired', 'too old'));
    await pauses(2 * firstPauseMs);
    await nextList();
    expect(starts).toEqual(['list', 'watch', 'watch', 'list']);
  });
});

describe('a watch that cannot go on', () => {
  it.each([
    ['as a status', (watch: Exchange) => watch.answer(410, aStatus(410, 'Expired', 'too old'))],
    [
      'as an ERROR event',
      (watch: Exchange) => {
        watch.open();
        void watch.event('ERROR', aStatus(410, 'Expired', 'too old'));
      },
    ],
    [
      'as a revision the server has not reached',
      (watch: Exchange) =>
        watch.answer(
          504,
          aStatus(504, 'Timeout', 'Too large resource version', {
            causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large' }],
          }),
        ),
    ],
  ])('because it is too old (%s) is made up for by a list', async (_, answer) => {
    (await synced([aPod('a', '1'), aPod('b', '2')])).end();
    await pauses(600);
    answer(await nextWatch('10'));
    await until(() => clock.waits[0] === 1_200);
    expect(held()).toEqual(['a 1', 'b 2']);
    await clock.advance(1_200);
    const list = await nextList();
    expect(list.query).toEqual({ limit: '500' });
    list.answer(200, aList('50', [aPod('b', '2'), aPod('c', '40')]));
    await openedWatch('50');
    expect(told).toEqual(['deleted a 1', 'added c 40']);
  });

  it('because etcd was restored from a backup takes the older state for the truth', async () => {
    const watch = await synced([aPod('a', '9')]);
    await watch.event('MODIFIED', aPod('a', '1000'));
    await watch.event('ADDED', aPod('b', '1001'));
    await until(() => told.length === 2);
    watch.reset();
    await pauses(600);
    (await nextWatch('1001')).answer(410, aStatus(410, 'Gone', 'too old'));
    await pauses(1_200);
    (await nextList()).answer(200, aList('500', [aPod('a', '400')]));
    const restored = await openedWatch('500');
    await restored.event('MODIFIED', aPod('a', '501'));
    await until(() => told.length === 5);
    expect(told.slice(2)).toEqual(['deleted b 1001', 'updated a 400', 'updated a 501']);
  });

  it('because the server is busy (429) waits as told, keeps what it holds and lists nothing', async () => {
    (await synced([aPod('a', '1')])).end();
    await pauses(600);
    const busy = aStatus(429, 'TooManyRequests', 'slow down');
    (await nextWatch('10')).answer(429, busy, { 'retry-after': '30' });
    await until(() => clock.waits[0] === 31_500);
    expect(held()).toEqual(['a 1']);
    await clock.advance(31_500);
    (await nextWatch('10')).answer(429, busy);
    await pauses(1_200);
    await nextWatch('10');
  });

  it('because the server fails for five minutes goes on within 30 s of their end, without a list', async () => {
    const watch = await synced([aPod('a', '1')]);
    const storm = [500, 502, 503, 504];
    let asked = 0;
    server.always((exchange) => {
      // It is a watch at first, and then a look at one object.
      expect(isWatch(exchange) || exchange.query['limit'] === '1').toBe(true);
      exchange.answer(storm[asked++ % storm.length] ?? 500, 'no');
    });
    watch.reset();
    for (let pauseMs = await pause(); clock.monotonic() < 300_000; pauseMs = await pause()) {
      await clock.advance(pauseMs);
    }
    expect(asked).toBeLessThan(25);
    server.always(undefined);
    const lastMs = await pause();
    expect(lastMs).toBeLessThanOrEqual(30_000);
    await clock.advance(lastMs);
    (await nextList()).answer(200, aList('30', [aPod('a', '1')]));
    await openedWatch('10');
    expect([held(), told, reflector.lastError]).toEqual([['a 1'], [], undefined]);
  });

  /** The watch ends, and nobody answers the next one, nor the client's own second attempt. */
  async function findsNoServer(watch: Exchange): Promise<void> {
    watch.end();
    await pauses(600);
    (await nextWatch('10')).hangUp();
    (await server.next()).hangUp();
    await pauses(1_200);
  }

  it('on a server that was gone is listed anew, as it may have been put back to an older copy', async () => {
    await findsNoServer(await synced([aPod('a', '9')]));
    const list = await nextList();
    expect(list.query).toEqual({ limit: '500' });
    // It has counted past where it was before already.
    list.answer(200, aList('12', [aPod('a', '5')]));
    await openedWatch('12');
    expect([held(), told]).toEqual([['a 5'], ['updated a 5']]);
  });

  it.each([
    [403, 'Forbidden', 'no watch for you'],
    [429, 'TooManyRequests', 'storage is (re)initializing'],
  ])(
    'on a server that refuses it as if it had just started (%i %s) is listed anew likewise',
    async (code, reason, message) => {
      (await synced([aPod('a', '9')])).end();
      await pauses(600);
      (await nextWatch('10')).answer(code, aStatus(code, reason, message));
      await pauses(1_200);
      (await nextList()).answer(200, aList('12', [aPod('a', '5')]));
      await openedWatch('12');
      expect([held(), told, reflector.lastError]).toEqual([['a 5'], ['updated a 5'], undefined]);
    },
  );

  it('on a server that has too much to do (429) goes on where it was', async () => {
    (await synced([aPod('a', '9')])).end();
    await pauses(600);
    (await nextWatch('10')).answer(429, aStatus(429, 'TooManyRequests', 'try again'));
    await pauses(1_200);
    await openedWatch('10');
  });

  /** More than a page is known of a server that was gone; the look at it is answered so. */
  async function isLookedAt(counted: string): Promise<void> {
    await findsNoServer(await synced([aPod('a', '9'), aPod('b', '3')], { pageSize: 2 }));
    const look = await nextList();
    expect(look.query).toEqual({ limit: '1' });
    look.answer(200, aList(counted, [aPod('a', '5')], 'more'));
  }

  it('on a server that was gone, takes more than a page and has yet to count up to where it was is listed anew', async () => {
    await isLookedAt('7');
    (await nextList()).answer(200, aList('7', [aPod('a', '5')]));
    await openedWatch('7');
    expect(held()).toEqual(['a 5']);
  });

  it('on a server that was gone, takes more than a page and has counted on is watched on', async () => {
    await isLookedAt('12');
    await openedWatch('10');
  });

  it('on a server that could not serve for a while is looked at before it is watched on', async () => {
    (await synced([aPod('a', '9')])).end();
    await pauses(600);
    (await nextWatch('10')).answer(503, 'no');
    await pauses(1_200);
    const look = await nextList();
    expect(look.query).toEqual({ limit: '1' });
    look.answer(200, aList('12', [aPod('a', '9')]));
    await openedWatch('10');
  });

  it('because the kind is gone (404) holds nothing, lists until it is back, and then starts anew', async () => {
    (await synced([aPod('a', '1')])).end();
    await pauses(600);
    (await nextWatch('10')).answer(404, aStatus(404, 'NotFound', 'the server could not find it'));
    await until(() => told.length === 1);
    expect([held(), told]).toEqual([[], ['deleted a 1']]);
    await pauses(1_200);
    (await nextList()).answer(404, aStatus(404, 'NotFound', 'the server could not find it'));
    await until(() => clock.waits[0] === 2_400);
    expect(reflector.lastError).toEqual(expect.objectContaining({ code: 404 }));
    await clock.advance(2_400);
    (await nextList()).answer(200, aList('70', [aPod('a', '60')]));
    await openedWatch('70');
    expect([held(), told]).toEqual([['a 60'], ['deleted a 1', 'added a 60']]);
  });
});

describe('a resync', () => {
  it('heals lost events within ten minutes, and the watch goes on from the list', async () => {
    const watch = await synced([aPod('lost-deletion', '1'), aPod('lost-update', '2')]);
    for (let minute = 1; minute < 9; minute += 1) {
      await clock.advance(60_000);
      await watch.event('MODIFIED', aPod('busy', String(10 + minute)));
      await until(() => told.length === minute);
    }
    told = [];
    expect(server.untaken).toEqual([]);
    await clock.advance(60_000);
    const list = await nextList();
    await until(() => watch.isClosed);
    list.answer(
      200,
      aList('30', [aPod('busy', '18'), aPod('lost-update', '20'), aPod('lost-addition', '21')]),
    );
    await openedWatch('30');
    expect(told).toEqual([
      'deleted lost-deletion 1',
      'updated lost-update 20',
      'added lost-addition 21',
    ]);
  });

  it('that fails lets the watch go on, and is tried again after a minute', async () => {
    const watch = await synced([aPod('a', '1')], { resyncEveryMs: 60_000 });
    await clock.advance(54_000);
    (await nextList()).answer(500, aStatus(500, 'InternalError', 'no'));
    await until(() => watch.isClosed);
    await pauses(firstPauseMs);
    const again = await openedWatch('10');
    await again.event('MODIFIED', aPod('a', '11'));
    await until(() => told.length === 1);
    await clock.advance(60_000);
    (await nextList()).answer(200, aList('12', [aPod('a', '11')]));
    await openedWatch('12');
    expect(told).toEqual(['updated a 11']);
  });
});

describe('own writes', () => {
  it('are seen at once, and neither they nor their echo wake anybody', async () => {
    const watch = await synced([aPod('a', '1')]);
    reflector.observe(aPod('a', '12'));
    reflector.observe(aPod('b', '13'));
    expect(held()).toEqual(['a 12', 'b 13']);
    await watch.event('MODIFIED', aPod('a', '12'));
    await watch.event('ADDED', aPod('b', '13'));
    await watch.event('ADDED', aPod('c', '14'));
    await until(() => told.length === 1);
    expect(told).toEqual(['added c 14']);
  });

  it('are told where they were read before the watch told of them, and then once', async () => {
    const watch = await synced([aPod('a', '1')]);
    reflector.learn(aPod('a', '11'));
    expect(told).toEqual(['updated a 11']);
    await watch.event('MODIFIED', aPod('a', '11'));
    await watch.event('MODIFIED', aPod('a', '12'));
    await until(() => told.includes('updated a 12'));
    expect(told).toEqual(['updated a 11', 'updated a 12']);
  });

  it('do not move the watch on: what others did meanwhile is still to come', async () => {
    const watch = await synced();
    reflector.observe(aPod('a', '15'));
    watch.reset();
    await pauses(firstPauseMs);
    const again = await openedWatch('10');
    await again.event('ADDED', aPod('b', '12'));
    await until(() => told.length === 1);
    expect(held()).toEqual(['a 15', 'b 12']);
  });

  it('that return late do not bring back an older state', async () => {
    const watch = await synced([aPod('a', '1')]);
    await watch.event('MODIFIED', aPod('a', '15'));
    await until(() => told.length === 1);
    reflector.observe(aPod('a', '14'));
    expect(held()).toEqual(['a 15']);
  });

  it('made while a list is on its way are not undone by it', async () => {
    await synced([], { resyncEveryMs: 60_000 });
    await clock.advance(54_000);
    const list = await nextList();
    reflector.observe(aPod('a', '25'));
    list.answer(200, aList('20'));
    await openedWatch('20');
    expect(held()).toEqual(['a 25']);
  });
});

describe('handlers', () => {
  it('that throw are logged, and neither the stream nor the others suffer', async () => {
    const errors: unknown[] = [];
    const error: Log['error'] = (message, fields) => errors.push([message, fields?.['error']]);
    const broken = new Error('broken handler');
    aReflector({ log: { ...silentLog, error } });
    const later: string[] = [];
    reflector.onChange(() => {
      throw broken;
    });
    reflector.onChange(({ object }) => later.push(object.metadata.name ?? ''));
    const started = reflector.start();
    (await nextList()).answer(200, aList('10', [aPod('a', '1')]));
    await started;
    const watch = await openedWatch('10');
    await watch.event('ADDED', aPod('b', '11'));
    await until(() => later.length === 2);
    expect(errors).toEqual(Array(2).fill(['a handler of changes failed', broken]));
    expect(told).toHaveLength(2);
  });

  it('hear nothing more once they have had enough', async () => {
    const watch = await synced();
    const heard: string[] = [];
    const enough = reflector.onChange(({ object }) => heard.push(object.metadata.name ?? ''));
    await watch.event('ADDED', aPod('a', '11'));
    await until(() => heard.length === 1);
    enough();
    await watch.event('ADDED', aPod('b', '12'));
    await until(() => told.length === 2);
    expect(heard).toEqual(['a']);
  });
});

describe('stopping', () => {
  it('ends the watch, waits for nothing and leaves no timer behind', async () => {
    const watch = await synced([aPod('a', '1')]);
    await reflector.stop();
    await until(() => watch.isClosed);
    expect(clock.waits).toEqual([]);
    await clock.advance(600_000);
    expect(server.untaken).toEqual([]);
    expect(held()).toEqual(['a 1']);
  });

  it('ends a pause', async () => {
    const started = aReflector().start();
    (await nextList()).answer(500, '');
    await until(() => clock.waits[0] === firstPauseMs);
    await reflector.stop();
    await started;
    expect(clock.waits).toEqual([]);
  });

  it('ends a list that is not answered, and tells who waits for it', async () => {
    const started = aReflector().start();
    const list = await nextList();
    const synced = expect(reflector.synced()).rejects.toThrow('stopped before its first list');
    await reflector.stop();
    await Promise.all([started, synced]);
    await until(() => list.isClosed);
    expect([reflector.hasSynced, clock.waits]).toEqual([false, []]);
  });

  it('before the start is quiet', async () => {
    await aReflector().stop();
    await reflector.start();
    expect(server.connections).toBe(0);
  });
});

describe('many reflectors', () => {
  it('spread their pauses, so that a server that comes back is not stormed', async () => {
    const pausesMs: number[] = [];
    for (const number of [0, 0.25, 0.5, 0.75, 0.999]) {
      const one = aReflector({ random: () => number });
      const running = one.start();
      (await nextList()).answer(500, '');
      pausesMs.push(Math.round(await pause()));
      await one.stop();
      await running;
    }
    expect(pausesMs).toEqual([400, 500, 600, 700, 800]);
  });
});
