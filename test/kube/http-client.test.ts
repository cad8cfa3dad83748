import { getEventListeners } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { WaitingError } from '../../src/errors.ts';
import {
  ApiError,
  TransportError,
  type WatchEvent,
  type WatchOptions,
} from '../../src/kube/client.ts';
import type { Exchange as ApiExchange } from '../../src/kube/exchange.ts';
import { type ConnectedClient, createClient } from '../../src/kube/http-client.ts';
import { daemonSets, type KubeObject, pods } from '../../src/kube/objects.ts';
import type { Transport } from '../../src/kube/transport.ts';
import { ManualClock, settle, until } from '../manual-clock.ts';
import { selfSigned } from './certificate.ts';
import { Door } from './door.ts';
import { aKubeConfig, aStatus, type Exchange, ScriptedServer } from './scripted-server.ts';

const aPod = (name: string, resourceVersion: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'n', name, uid: `uid-${name}`, resourceVersion },
});

const aDaemonSet: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { namespace: 'n', name: 'a', uid: 'u-1' },
  spec: { template: {} },
};

let server: ScriptedServer;
let clock: ManualClock;
let client: ConnectedClient;
const toEnd: (() => Promise<void>)[] = [];

function connect(
  kubeConfig: KubeConfig,
  onExchange: (exchange: ApiExchange) => void = () => {},
): ConnectedClient {
  const connected = createClient(kubeConfig, { clock, userAgent: 'tester/1', onExchange });
  toEnd.unshift(() => connected.close());
  return connected;
}

async function serve(tls?: ServerOptions): Promise<ScriptedServer> {
  const started = await ScriptedServer.start(tls);
  toEnd.push(() => started.stop());
  return started;
}

beforeEach(async () => {
  clock = new ManualClock();
  server = await serve();
  client = connect(aKubeConfig(server.url));
});

afterEach(async () => {
  for (const end of toEnd.splice(0)) await end();
});

describe('requests', () => {
  it('get an object as the JSON it is on the wire, unknown fields and dates included', async () => {
    const pod = { ...aPod('a', '5'), brandNew: { at: '2026-01-01T00:00:00.123456Z', n: 1 } };
    const got = client.get(pods, 'n', 'a');
    const exchange = await server.next();
    expect([exchange.method, exchange.path, exchange.query]).toEqual([
      'GET',
      '/api/v1/namespaces/n/pods/a',
      {},
    ]);
    expect(exchange.headers).toMatchObject({
      accept: 'application/json',
      'user-agent': 'tester/1',
    });
    exchange.answer(200, pod);
    expect(await got).toEqual(pod);
  });

  it('answer undefined for an object that is not there', async () => {
    const got = client.get(pods, 'n', 'a');
    (await server.next()).answer(404, aStatus(404, 'NotFound', 'pods "a" not found'));
    expect(await got).toBeUndefined();
  });

  it('list one page, each item with its apiVersion and kind', async () => {
    const listed = client.list(daemonSets, {
      namespace: 'n',
      labelSelector: 'a=b,c!=d',
      limit: 2,
      continue: 'to/ken+=',
    });
    const exchange = await server.next();
    expect(exchange.path).toBe('/apis/apps/v1/namespaces/n/daemonsets');
    expect(exchange.query).toEqual({ labelSelector: 'a=b,c!=d', limit: '2', continue: 'to/ken+=' });
    const metadata = { name: 'a', namespace: 'n' };
    exchange.answer(200, {
      kind: 'DaemonSetList',
      metadata: { resourceVersion: '10', continue: 'more' },
      items: [{ metadata, newField: 1 }],
    });
    expect(await listed).toEqual({
      resourceVersion: '10',
      continue: 'more',
      items: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata, newField: 1 }],
    });
  });

  it('list nothing where the server leaves the items out, and end without a continue token', async () => {
    const { signal } = new AbortController();
    const listed = client.list(pods, { signal });
    const exchange = await server.next();
    expect([exchange.path, exchange.query]).toEqual(['/api/v1/pods', {}]);
    exchange.answer(200, { metadata: { resourceVersion: '1', continue: '' }, items: null });
    expect(await listed).toEqual({ resourceVersion: '1', items: [] });
    expect([getEventListeners(signal, 'abort'), clock.waits]).toEqual([[], []]);
  });

  it('apply the body as it is', async () => {
    const applied = client.apply(daemonSets, aDaemonSet, { fieldManager: 'me', force: true });
    const exchange = await server.next();
    expect([exchange.method, exchange.path, exchange.query]).toEqual([
      'PATCH',
      '/apis/apps/v1/namespaces/n/daemonsets/a',
      { fieldManager: 'me', force: 'true' },
    ]);
    expect(exchange.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(JSON.parse(exchange.body)).toEqual(aDaemonSet);
    const stored = { ...aDaemonSet, metadata: { ...aDaemonSet.metadata, resourceVersion: '9' } };
    exchange.answer(200, stored);
    expect(await applied).toEqual(stored);
  });

  it('apply a status without force', async () => {
    const applied = client.apply(daemonSets, aDaemonSet, {
      fieldManager: 'me',
      force: false,
      subresource: 'status',
    });
    const exchange = await server.next();
    expect([exchange.path, exchange.query]).toEqual([
      '/apis/apps/v1/namespaces/n/daemonsets/a/status',
      { fieldManager: 'me' },
    ]);
    exchange.answer(200, aDaemonSet);
    await applied;
  });

  it('apply without storing anything', async () => {
    const options = { fieldManager: 'me', force: true, dryRun: true };
    const applied = client.apply(daemonSets, aDaemonSet, options);
    const exchange = await server.next();
    expect(exchange.query).toEqual({ fieldManager: 'me', force: 'true', dryRun: 'All' });
    exchange.answer(201, aDaemonSet);
    expect(await applied).toEqual(aDaemonSet);
  });

  it('patch the very object that was read', async () => {
    const metadata = { ...aDaemonSet.metadata, uid: 'u1', resourceVersion: '5' };
    const options = { fieldManager: 'me' };
    const read = { ...aDaemonSet, metadata };
    const patched = client.mergePatch(daemonSets, read, { spec: { old: null } }, options);
    const exchange = await server.next();
    expect(exchange).toMatchObject({
      method: 'PATCH',
      path: '/apis/apps/v1/namespaces/n/daemonsets/a',
      query: { fieldManager: 'me' },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(JSON.parse(exchange.body)).toEqual({
      spec: { old: null },
      metadata: { uid: 'u1', resourceVersion: '5' },
    });
    exchange.answer(200, read);
    expect(await patched).toEqual(read);
  });

  it('replace an object in its place', async () => {
    const body = { ...aDaemonSet, metadata: { ...aDaemonSet.metadata, resourceVersion: '5' } };
    const updated = client.update(daemonSets, body);
    const exchange = await server.next();
    expect(exchange).toMatchObject({
      method: 'PUT',
      path: '/apis/apps/v1/namespaces/n/daemonsets/a',
      query: {},
      headers: { 'content-type': 'application/json' },
    });
    expect(JSON.parse(exchange.body)).toEqual(body);
    exchange.answer(200, { ...body, status: {} });
    expect(await updated).toEqual({ ...body, status: {} });
  });

  it('create an object in its namespace, or one that only asks a question', async () => {
    const created = client.create(daemonSets, aDaemonSet);
    const exchange = await server.next();
    expect([exchange.method, exchange.path, exchange.headers['content-type']]).toEqual([
      'POST',
      '/apis/apps/v1/namespaces/n/daemonsets',
      'application/json',
    ]);
    expect(JSON.parse(exchange.body)).toEqual(aDaemonSet);
    exchange.answer(201, { ...aDaemonSet, status: {} });
    expect(await created).toEqual({ ...aDaemonSet, status: {} });

    const reviews = { group: 'g', version: 'v1', plural: 'reviews', kind: 'R', namespaced: false };
    const review = client.create(reviews, { apiVersion: 'g/v1', kind: 'R', metadata: {} });
    const question = await server.next();
    expect(question.path).toBe('/apis/g/v1/reviews');
    question.answer(403, aStatus(403, 'Forbidden', 'no'));
    await expect(review).rejects.toThrow('create reviews: no');
  });

  it('delete the object of that uid only, its dependents in the background', async () => {
    const removed = client.remove(daemonSets, aDaemonSet);
    const exchange = await server.next();
    expect([exchange.method, exchange.path]).toEqual([
      'DELETE',
      '/apis/apps/v1/namespaces/n/daemonsets/a',
    ]);
    expect(JSON.parse(exchange.body)).toEqual({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid: 'u-1' },
      propagationPolicy: 'Background',
    });
    exchange.answer(200, aStatus(200, '', ''));
    expect(await removed).toBe(true);
  });

  it('delete the object only as it was read, where that is asked for', async () => {
    const read = { ...aDaemonSet, metadata: { ...aDaemonSet.metadata, resourceVersion: '7' } };
    const removed = client.remove(daemonSets, read, { ifUnchanged: true });
    const exchange = await server.next();
    expect(JSON.parse(exchange.body)).toMatchObject({
      preconditions: { uid: 'u-1', resourceVersion: '7' },
    });
    exchange.answer(409, aStatus(409, 'Conflict', 'no'));
    expect(await removed).toBe(false);
  });

  it.each([
    ['gone', 404, 'NotFound'],
    ['replaced', 409, 'Conflict'],
  ])('delete nothing where the object is %s', async (_, code, reason) => {
    const removed = client.remove(daemonSets, aDaemonSet, { propagationPolicy: 'Orphan' });
    const exchange = await server.next();
    expect(JSON.parse(exchange.body)).toMatchObject({ propagationPolicy: 'Orphan' });
    exchange.answer(code, aStatus(code, reason, 'no'));
    expect(await removed).toBe(false);
  });

  it('refuse to delete an object without a uid', async () => {
    const nameless = { ...aDaemonSet, metadata: { name: 'a', namespace: 'n' } };
    await expect(client.remove(daemonSets, nameless)).rejects.toThrow('without a uid');
    expect(server.connections).toBe(0);
  });

  it('know the API groups, the core group among them', async () => {
    const groups = client.groups();
    const answers: Record<string, object> = {
      '/api': { versions: ['v1'] },
      '/apis': { groups: [{ name: 'apps' }, { name: 'route.openshift.io' }] },
    };
    for (const exchange of [await server.next(), await server.next()]) {
      exchange.answer(200, answers[exchange.path]);
    }
    expect(await groups).toEqual(new Set(['', 'apps', 'route.openshift.io']));
  });

  it('never take a failed discovery for an answer', async () => {
    server.always((exchange) => {
      if (exchange.path === '/api') exchange.answer(200, { versions: ['v1'] });
      else exchange.answer(503, 'upstream is down');
    });
    await expect(client.groups()).rejects.toThrow('discover the API groups: upstream is down');
  });

  it('read the version of a vendor that adds a sign to it', async () => {
    const version = client.version();
    (await server.next()).answer(200, { major: '1', minor: '34+', gitVersion: 'v1.34.1-eks-1' });
    expect(await version).toEqual({ major: 1, minor: 34, gitVersion: 'v1.34.1-eks-1' });
  });

  it('keep a path prefix of the server', async () => {
    client = connect(aKubeConfig(`${server.url}/k8s/clusters/c-1/`));
    const got = client.get(pods, 'n', 'a');
    const exchange = await server.next();
    expect(exchange.path).toBe('/k8s/clusters/c-1/api/v1/namespaces/n/pods/a');
    exchange.answer(200, aPod('a', '1'));
    await got;
  });

  it('reuse kept connections: 200 reads take one or two', async () => {
    server.always((exchange) => exchange.answer(200, aPod('a', '1')));
    for (let read = 0; read < 200; read += 1) await client.get(pods, 'n', 'a');
    expect(server.connections).toBeLessThanOrEqual(2);
  });
});

describe('refusals', () => {
  async function refusalBy(answer: (exchange: Exchange) => void): Promise<ApiError> {
    const got = client.get(pods, 'n', 'a');
    answer(await server.next());
    return await got.then(
      () => Promise.reject(new Error('it was answered')),
      (error: ApiError) => error,
    );
  }

  it('carry the Status of the server and what we were doing', async () => {
    const status = aStatus(403, 'Forbidden', 'pods "a" is forbidden', { kind: 'pods' });
    const error = await refusalBy((exchange) => exchange.answer(403, status));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      status,
      retryAfterMs: undefined,
    });
    expect(error.message).toBe('get pods n/a: pods "a" is forbidden');
  });

  it('carry how long the server asks to wait, in seconds or as a date', async () => {
    const inSeconds = await refusalBy((exchange) =>
      exchange.answer(429, aStatus(429, 'TooManyRequests', 'slow down'), { 'retry-after': '7' }),
    );
    expect(inSeconds.retryAfterMs).toBe(7_000);
    const date = new Date(clock.now() + 30_000).toUTCString();
    const asDate = await refusalBy((exchange) => exchange.answer(503, '', { 'retry-after': date }));
    expect(asDate.retryAfterMs).toBe(30_000);
  });

  it('carry the beginning of what something else than an API server said', async () => {
    const error = await refusalBy((exchange) =>
      exchange.answer(502, `<html>${'x'.repeat(1000)}`, { 'content-type': 'text/html' }),
    );
    expect(error).toMatchObject({ code: 502, reason: '' });
    expect(error.status.message).toHaveLength(200);
  });

  it('say the code where nothing was said', async () => {
    const error = await refusalBy((exchange) => exchange.answer(500, ''));
    expect(error.message).toBe('get pods n/a: the server answered 500');
  });

  it('include redirections, which an API server never sends', async () => {
    const error = await refusalBy((exchange) =>
      exchange.answer(302, '', { location: 'http://elsewhere.invalid/' }),
    );
    expect(error.code).toBe(302);
  });
});

describe('the observer of a client', () => {
  it('is told of every request that was sent, how it was answered and how soon', async () => {
    const exchanges: ApiExchange[] = [];
    const observed = connect(aKubeConfig(server.url), (exchange) => exchanges.push(exchange));
    const got = observed.get(pods, 'n', 'a');
    const exchange = await server.next();
    await clock.advance(250);
    exchange.answer(404, aStatus(404, 'NotFound', 'pods "a" not found'));
    await got;
    const answeredAt = expect.any(Number);
    expect(exchanges).toEqual([
      { verb: 'get', resource: 'pods', method: 'GET', code: 404, durationMs: 250, answeredAt },
    ]);
    // The scripted server goes by the machine's clock.
    expect(Math.abs((exchanges[0]?.answeredAt ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('is told of a repeated request twice, and of one without an answer', async () => {
    const exchanges: ApiExchange[] = [];
    const observed = connect(aKubeConfig(server.url), (exchange) => exchanges.push(exchange));
    const listed = observed.list(pods, {}).catch((error: unknown) => error);
    (await server.next()).hangUp();
    (await server.next()).answer(500, {});
    await listed;
    expect(exchanges.map(({ verb, code }) => [verb, code])).toEqual([
      ['list', undefined],
      ['list', 500],
    ]);
    expect(exchanges[0]?.answeredAt).toBeUndefined();
  });
});

describe('transport', () => {
  it('gives up a request that is not answered within 10 s', async () => {
    const got = client.get(pods, 'n', 'a');
    got.catch(() => {});
    const exchange = await server.next();
    await clock.advance(9_999);
    expect(exchange.isClosed).toBe(false);
    await clock.advance(1);
    await expect(got).rejects.toThrow('get pods n/a: no answer within 10 s');
    await until(() => exchange.isClosed);
    expect(clock.waits).toEqual([]);
  });

  it('gives up an answer whose body does not end within 10 s', async () => {
    const got = client.get(pods, 'n', 'a');
    got.catch(() => {});
    const exchange = await server.next();
    exchange.open();
    await exchange.write('{"apiVersion":');
    await settle();
    await clock.advance(10_000);
    await expect(got).rejects.toThrow(TransportError);
    await until(() => exchange.isClosed);
  });

  it('gives up a list when its caller does, and listens to the caller no longer', async () => {
    const stop = new AbortController();
    const listed = client.list(pods, { signal: stop.signal });
    const exchange = await server.next();
    stop.abort();
    await expect(listed).rejects.toThrow('list pods');
    await until(() => exchange.isClosed);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  it('says the code of a refused connection', async () => {
    await server.stop();
    await expect(client.get(pods, 'n', 'a')).rejects.toMatchObject({
      name: 'TransportError',
      code: 'ECONNREFUSED',
      message: expect.stringContaining('get pods n/a: '),
    });
  });

  it('refuses an answer that is not JSON', async () => {
    const got = client.get(pods, 'n', 'a');
    (await server.next()).answer(200, '<html>');
    await expect(got).rejects.toThrow(TransportError);
  });

  it('sends a read and an apply once more where the kept connection was closed under it', async () => {
    const first = client.get(pods, 'n', 'a');
    (await server.next()).answer(200, aPod('a', '1'));
    await first;
    const read = client.get(pods, 'n', 'a');
    (await server.next()).hangUp();
    (await server.next()).answer(200, aPod('a', '2'));
    expect((await read)?.metadata.resourceVersion).toBe('2');
    const applied = client.apply(daemonSets, aDaemonSet, { fieldManager: 'me', force: true });
    (await server.next()).reset();
    (await server.next()).answer(200, aDaemonSet);
    await applied;
  });

  it('sends nothing a third time', async () => {
    const read = client.get(pods, 'n', 'a');
    (await server.next()).hangUp();
    (await server.next()).hangUp();
    await expect(read).rejects.toThrow(TransportError);
    expect(server.untaken).toEqual([]);
  });

  it('repeats neither a deletion nor a creation nor a replacement', async () => {
    const removed = client.remove(daemonSets, aDaemonSet);
    (await server.next()).hangUp();
    await expect(removed).rejects.toThrow('delete daemonsets n/a');
    const created = client.create(daemonSets, aDaemonSet);
    (await server.next()).hangUp();
    await expect(created).rejects.toThrow('create daemonsets n/a');
    const updated = client.update(daemonSets, aDaemonSet);
    (await server.next()).hangUp();
    await expect(updated).rejects.toThrow('update daemonsets n/a');
    expect(server.untaken).toEqual([]);
  });

  it('asks its caller before it sends a write, and again before it repeats one', async () => {
    let mayWrite = true;
    const beforeSend = () => {
      if (!mayWrite) throw new WaitingError('NotNow', 1000, 'not now');
    };
    const apply = { fieldManager: 'me', force: true, beforeSend };
    const repeated = client.apply(daemonSets, aDaemonSet, apply);
    const sent = await server.next();
    mayWrite = false;
    sent.reset();
    await expect(repeated).rejects.toThrow(new WaitingError('NotNow', 1000, 'not now'));
    for (const write of [
      () => client.create(daemonSets, aDaemonSet, { beforeSend }),
      () => client.update(daemonSets, aDaemonSet, { beforeSend }),
      () => client.remove(daemonSets, aDaemonSet, { beforeSend }),
    ]) {
      await expect(write()).rejects.toBeInstanceOf(WaitingError);
    }
    expect(server.untaken).toEqual([]);
  });

  it('asks its caller when the connection stands, and not while it is slow to come about', async () => {
    const secure = await serve(selfSigned('server'));
    const door = await Door.before(secure);
    toEnd.unshift(() => door.stop());
    client = connect(aKubeConfig(door.url, { cluster: { skipTLSVerify: true } }));
    let hasAsked = false;
    const beforeSend = () => {
      hasAsked = true;
    };
    const created = client.create(daemonSets, aDaemonSet, { beforeSend });
    await until(() => door.came === 1);
    await settle();
    expect(hasAsked).toBe(false);
    door.open();
    const exchange = await secure.next();
    expect(hasAsked).toBe(true);
    exchange.answer(201, aDaemonSet);
    await created;
  });

  it.each([
    ['what waits for a connection', false],
    ['what waits for its answer', true],
  ])('gives up %s when its caller does', async (_what, isOpen) => {
    const secure = await serve(selfSigned('server'));
    const door = await Door.before(secure);
    toEnd.unshift(() => door.stop());
    client = connect(aKubeConfig(door.url, { cluster: { skipTLSVerify: true } }));
    if (isOpen) door.open();
    const caller = new AbortController();
    const created = client.create(daemonSets, aDaemonSet, { signal: caller.signal });
    created.catch(() => {});
    if (isOpen) await secure.next();
    else await until(() => door.came === 1);
    caller.abort(new Error('enough'));
    await expect(created).rejects.toThrow('create daemonsets n/a: enough');
    door.open();
    await until(() => door.ended === 1);
    expect(secure.untaken).toEqual([]);
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
  });

  it('sends nothing for a caller that had enough before', async () => {
    const sent: string[] = [];
    const transport: Transport = {
      request: async ({ path }) => {
        sent.push(path);
        throw new Error('no answer');
      },
      close: async () => {},
    };
    const options = { clock, userAgent: 'tester/1', transport };
    client = createClient(aKubeConfig(server.url), options);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(client.create(daemonSets, aDaemonSet, { signal })).rejects.toThrow('enough');
    expect(sent).toEqual([]);
  });

  it('tells nobody of a write that its caller called back at the last moment', async () => {
    const exchanges: ApiExchange[] = [];
    const observed = connect(aKubeConfig(server.url), (exchange) => exchanges.push(exchange));
    const beforeSend = () => {
      throw new WaitingError('NotNow', 1000, 'not now');
    };
    await expect(observed.create(daemonSets, aDaemonSet, { beforeSend })).rejects.toThrow(
      'not now',
    );
    expect(exchanges).toEqual([]);
  });

  it('breaks off what runs when it is closed, and takes no more', async () => {
    const read = client.get(pods, 'n', 'a');
    read.catch(() => {});
    await server.next();
    await client.close();
    await expect(read).rejects.toThrow(TransportError);
    await expect(client.get(pods, 'n', 'a')).rejects.toThrow('the client is closed');
  });
});

describe('credentials', () => {
  let directory: string;
  const file = (name: string, content: string) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'credentials-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const byTokenFile = (tokenFile: string) => ({
    user: { authProvider: { name: 'tokenFile', config: { tokenFile } } },
  });

  it.each([
    ['a token', { token: 't-1' }, { authorization: 'Bearer t-1' }],
    ['a password', { username: 'me', password: 'pw' }, { authorization: 'Basic bWU6cHc=' }],
    ['impersonation', { impersonateUser: 'you' }, { 'impersonate-user': 'you' }],
  ])('are sent as %s', async (_, user, headers) => {
    client = connect(aKubeConfig(server.url, { user }));
    const got = client.get(pods, 'n', 'a');
    const exchange = await server.next();
    expect(exchange.headers).toMatchObject(headers);
    exchange.answer(200, aPod('a', '1'));
    await got;
  });

  it('are read again at once when the server answers 401, and the request is sent once more', async () => {
    client = connect(aKubeConfig(server.url, byTokenFile(file('token', 'old\n'))));
    const got = client.get(pods, 'n', 'a');
    const first = await server.next();
    expect(first.headers.authorization).toBe('Bearer old');
    file('token', 'new\n');
    first.answer(401, aStatus(401, 'Unauthorized', 'Unauthorized'));
    const second = await server.next();
    expect(second.headers.authorization).toBe('Bearer new');
    second.answer(200, aPod('a', '1'));
    expect((await got)?.metadata.name).toBe('a');
  });

  it('are renewed for a watch as well', async () => {
    client = connect(aKubeConfig(server.url, byTokenFile(file('token', 'old'))));
    const stop = new AbortController();
    const watched = client.watch(pods, aWatch({ signal: stop.signal }));
    const first = await server.next();
    file('token', 'new');
    first.answer(401, aStatus(401, 'Unauthorized', 'Unauthorized'));
    const second = await server.next();
    expect(second.headers.authorization).toBe('Bearer new');
    stop.abort();
    await watched;
  });

  it('refused twice end the request', async () => {
    client = connect(aKubeConfig(server.url, { user: { token: 'bad' } }));
    const got = client.get(pods, 'n', 'a');
    got.catch(() => {});
    (await server.next()).answer(401, aStatus(401, 'Unauthorized', 'Unauthorized'));
    (await server.next()).answer(401, aStatus(401, 'Unauthorized', 'Unauthorized'));
    await expect(got).rejects.toMatchObject({ name: 'ApiError', code: 401 });
    expect(server.untaken).toEqual([]);
  });

  it('that are refused and cannot be read again say both', async () => {
    client = connect(aKubeConfig(server.url, byTokenFile(file('token', 'old'))));
    const got = client.get(pods, 'n', 'a');
    got.catch(() => {});
    const exchange = await server.next();
    rmSync(join(directory, 'token'));
    exchange.answer(401, aStatus(401, 'Unauthorized', 'Unauthorized'));
    await expect(got).rejects.toMatchObject({
      code: 401,
      cause: expect.objectContaining({ code: 'ENOENT' }),
    });
  });

  it('stay in use while their file is missing for a moment', async () => {
    server.always((exchange) => exchange.answer(200, aPod('a', '1')));
    const certificates = { caFile: file('ca', selfSigned('a').cert) };
    client = connect(aKubeConfig(server.url, { cluster: certificates, user: { token: 't' } }));
    await client.get(pods, 'n', 'a');
    rmSync(certificates.caFile);
    await clock.advance(60_000);
    await expect(client.get(pods, 'n', 'a')).resolves.toBeDefined();
  });

  it('are not asked for again because a caller called its write back', async () => {
    server.always((exchange) => exchange.answer(200, { connection: exchange.connection }));
    const caFile = file('ca', selfSigned('a').cert);
    client = connect(aKubeConfig(server.url, { cluster: { caFile } }));
    expect(await client.get(pods, 'n', 'a')).toEqual({ connection: 1 });
    // Read again they would differ, and what differs gets connections of its own.
    file('ca', selfSigned('b').cert);
    const beforeSend = () => {
      throw new WaitingError('NotNow', 1000, 'not now');
    };
    await expect(client.create(daemonSets, aDaemonSet, { beforeSend })).rejects.toThrow('not now');
    const pool = await client.get(pods, 'n', 'a');
    await clock.advance(10_000);
    expect(await client.get(pods, 'n', 'a')).not.toEqual(pool);
  });

  it('that were never readable end the request', async () => {
    client = connect(aKubeConfig(server.url, byTokenFile(join(directory, 'none'))));
    await expect(client.get(pods, 'n', 'a')).rejects.toThrow('get pods n/a: ENOENT');
  });

  it('come from an exec plug-in, which is run again after a 401', async () => {
    const plugin = (token: string) =>
      `console.log(JSON.stringify({ status: { token: ${JSON.stringify(token)} } }))`;
    const script = file('plugin.cjs', plugin('old'));
    client = connect(
      aKubeConfig(server.url, { user: { exec: { command: process.execPath, args: [script] } } }),
    );
    const got = client.get(pods, 'n', 'a');
    const first = await server.next();
    expect(first.headers.authorization).toBe('Bearer old');
    file('plugin.cjs', plugin('new'));
    first.answer(401, aStatus(401, 'Unauthorized', 'Unauthorized'));
    const second = await server.next();
    expect(second.headers.authorization).toBe('Bearer new');
    second.answer(200, aPod('a', '1'));
    await got;
  });

  it('renewed once serve every request that was refused with the old ones', async () => {
    client = connect(aKubeConfig(server.url, byTokenFile(file('token', 'old'))));
    const reads = ['a', 'b', 'c'].map((name) => client.get(pods, 'n', name));
    const refused = [await server.next(), await server.next(), await server.next()];
    file('token', 'new');
    server.always((exchange) => exchange.answer(200, { token: exchange.headers.authorization }));
    for (const exchange of refused) exchange.answer(401, aStatus(401, 'Unauthorized', ''));
    expect(await Promise.all(reads)).toEqual(Array(3).fill({ token: 'Bearer new' }));
  });

  it('trust a server only by the CA, and its replacement as soon as the file holds it', async () => {
    const before = selfSigned('before');
    const after = selfSigned('after');
    const caFile = file('ca.crt', before.cert);
    const old = await serve(before);
    client = connect(aKubeConfig(old.url, { cluster: { caFile } }));
    old.always((exchange) => exchange.answer(200, aPod('a', '1')));
    await client.get(pods, 'n', 'a');

    old.useCertificate(after);
    old.dropConnections();
    await expect(client.get(pods, 'n', 'a')).rejects.toThrow(TransportError);
    file('ca.crt', after.cert);
    await expect(client.get(pods, 'n', 'a')).resolves.toBeDefined();
  });

  it('that change let a running watch end on the old connection', async () => {
    const certificate = selfSigned('server');
    const secure = await serve(certificate);
    const caFile = file('ca.crt', certificate.cert);
    client = connect(aKubeConfig(secure.url, { cluster: { caFile } }));
    const events: WatchEvent[] = [];
    const opened = Promise.withResolvers<void>();
    const watched = client.watch(
      pods,
      aWatch({ onOpen: opened.resolve, onEvent: (event) => events.push(event) }),
    );
    const watch = await secure.next();
    watch.open();
    await opened.promise;
    file('ca.crt', certificate.cert + selfSigned('next').cert);
    await clock.advance(10_000);
    const got = client.get(pods, 'n', 'a');
    const read = await secure.next();
    expect(read.connection).not.toBe(watch.connection);
    read.answer(200, aPod('a', '1'));
    await got;
    await watch.event('ADDED', aPod('a', '2'));
    watch.end();
    await watched;
    expect(events).toHaveLength(1);
  });

  it('include a client certificate', async () => {
    const mine = selfSigned('me');
    const theirs = selfSigned('server');
    const secure = await serve({
      ...theirs,
      requestCert: true,
      ca: mine.cert,
      rejectUnauthorized: true,
    });
    secure.always((exchange) => exchange.answer(200, aPod('a', '1')));
    const base64 = (pem: string) => Buffer.from(pem).toString('base64');
    const cluster = { caData: base64(theirs.cert) };
    const known = connect(
      aKubeConfig(secure.url, {
        cluster,
        user: { certData: base64(mine.cert), keyData: base64(mine.key) },
      }),
    );
    await expect(known.get(pods, 'n', 'a')).resolves.toBeDefined();
    const stranger = connect(aKubeConfig(secure.url, { cluster }));
    await expect(stranger.get(pods, 'n', 'a')).rejects.toThrow(TransportError);
  });

  it.each([
    ['is not trusted without its CA', {}, false],
    ['is trusted where verification is switched off', { skipTLSVerify: true }, true],
  ])('leave a server that signs itself: it %s', async (_, cluster, isTrusted) => {
    const secure = await serve(selfSigned('server'));
    secure.always((exchange) => exchange.answer(200, aPod('a', '1')));
    client = connect(aKubeConfig(secure.url, { cluster }));
    const got = client.get(pods, 'n', 'a').then(
      () => true,
      () => false,
    );
    expect(await got).toBe(isTrusted);
  });

  it('are not needed: a context without a user still trusts its CA', async () => {
    const certificate = selfSigned('server');
    const secure = await serve(certificate);
    secure.always((exchange) => exchange.answer(200, aPod('a', '1')));
    const kubeConfig = aKubeConfig(secure.url, {
      cluster: { caFile: file('ca.crt', certificate.cert) },
    });
    kubeConfig.users = [];
    client = connect(kubeConfig);
    await expect(client.get(pods, 'n', 'a')).resolves.toBeDefined();
  });

  it('need a context with a cluster', () => {
    const kubeConfig = aKubeConfig(server.url);
    kubeConfig.setCurrentContext('none');
    expect(() => connect(kubeConfig)).toThrow('no current context');
  });
});

function aWatch(parts: Partial<WatchOptions> = {}): WatchOptions {
  return {
    resourceVersion: '10',
    timeoutSeconds: 300,
    inactivityMs: 90_000,
    signal: new AbortController().signal,
    onEvent: () => {},
    ...parts,
  };
}

describe('a watch', () => {
  it('asks for bookmarks and a time limit, and tells when it is accepted', async () => {
    const opened = Promise.withResolvers<void>();
    const watched = client.watch(
      daemonSets,
      aWatch({ namespace: 'n', labelSelector: 'a=b', onOpen: opened.resolve }),
    );
    const exchange = await server.next();
    expect(exchange.path).toBe('/apis/apps/v1/namespaces/n/daemonsets');
    expect(exchange.query).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      labelSelector: 'a=b',
      resourceVersion: '10',
      timeoutSeconds: '300',
    });
    exchange.open();
    await opened.promise;
    exchange.end();
    await watched;
  });

  it('delivers events in order, whatever the chunks', async () => {
    const seen: string[] = [];
    const watched = client.watch(
      pods,
      aWatch({
        onEvent: (event) => {
          const { name, resourceVersion } = (event.object as KubeObject).metadata;
          seen.push(`${event.type} ${name} ${resourceVersion}`);
        },
      }),
    );
    const exchange = await server.next();
    exchange.open();
    const lines = [
      JSON.stringify({ type: 'ADDED', object: aPod('grün', '11') }),
      JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '12' } } }),
      JSON.stringify({ type: 'DELETED', object: aPod('grün', '13') }),
    ];
    for (const byte of Buffer.from(`${lines.join('\n')}\n`)) {
      await exchange.write(new Uint8Array([byte]));
    }
    exchange.end();
    await watched;
    expect(seen).toEqual(['ADDED grün 11', 'BOOKMARK undefined 12', 'DELETED grün 13']);
  });

  it.each([
    ['a line that is not JSON', 'nonsense\n', 'is not JSON'],
    ['JSON that is no event', '{"kind":"Status"}\n', 'not an event'],
    ['an event of an unknown type', '{"type":"X","object":{"metadata":{}}}\n', 'not an event'],
    ['an event without an object', '{"type":"ADDED"}\n', 'not an event'],
    ['null', 'null\n', 'not an event'],
  ])('ends with an error at %s, after the events before it', async (_, line, message) => {
    const events: WatchEvent[] = [];
    const watched = client.watch(pods, aWatch({ onEvent: (event) => events.push(event) }));
    watched.catch(() => {});
    const exchange = await server.next();
    exchange.open();
    const good = JSON.stringify({ type: 'ADDED', object: aPod('a', '11') });
    await exchange.write(`${good}\n${line}${good}\n`);
    await expect(watched).rejects.toThrow(message);
    expect(events).toHaveLength(1);
    await until(() => exchange.isClosed);
  });

  it('ends with an error where the stream ends inside a line', async () => {
    const watched = client.watch(pods, aWatch());
    watched.catch(() => {});
    const exchange = await server.next();
    exchange.open();
    await exchange.write('{"type":"ADDED","object":');
    exchange.end();
    await expect(watched).rejects.toThrow('ended inside a line');
  });

  it('ends with an error where the connection is reset', async () => {
    const opened = Promise.withResolvers<void>();
    const watched = client.watch(pods, aWatch({ onOpen: opened.resolve }));
    watched.catch(() => {});
    const exchange = await server.next();
    exchange.open();
    await opened.promise;
    exchange.reset();
    await expect(watched).rejects.toThrow(TransportError);
  });

  it('ends with the refusal of the server', async () => {
    const watched = client.watch(pods, aWatch());
    watched.catch(() => {});
    (await server.next()).answer(410, aStatus(410, 'Expired', 'too old resource version'));
    await expect(watched).rejects.toMatchObject({ name: 'ApiError', code: 410, reason: 'Expired' });
  });

  it('passes an ERROR event on', async () => {
    const events: WatchEvent[] = [];
    const watched = client.watch(pods, aWatch({ onEvent: (event) => events.push(event) }));
    const exchange = await server.next();
    exchange.open();
    const status = aStatus(410, 'Expired', 'too old resource version');
    await exchange.event('ERROR', status);
    exchange.end();
    await watched;
    expect(events).toEqual([{ type: 'ERROR', object: status }]);
  });

  it('that is not accepted within 10 s is given up', async () => {
    const watched = client.watch(pods, aWatch());
    watched.catch(() => {});
    const exchange = await server.next();
    await clock.advance(10_000);
    await expect(watched).rejects.toThrow('watch pods: no answer within 10 s');
    await until(() => exchange.isClosed);
  });

  it('counts as dead after its time of silence, which every byte ends', async () => {
    const opened = Promise.withResolvers<void>();
    const seen: WatchEvent[] = [];
    const watched = client.watch(
      pods,
      aWatch({ onOpen: opened.resolve, onEvent: (event) => seen.push(event) }),
    );
    watched.catch(() => {});
    const exchange = await server.next();
    exchange.open();
    await opened.promise;
    await clock.advance(89_000);
    await exchange.event('ADDED', aPod('a', '11'));
    await until(() => seen.length === 1);
    await clock.advance(89_999);
    expect(exchange.isClosed).toBe(false);
    await clock.advance(1);
    await expect(watched).rejects.toThrow('watch pods: no answer within 90 s');
    await until(() => exchange.isClosed);
    expect(clock.waits).toEqual([]);
  });

  it('ends quietly when its caller has had enough, also in the middle of a chunk', async () => {
    const stop = new AbortController();
    const events: WatchEvent[] = [];
    const watched = client.watch(
      pods,
      aWatch({
        signal: stop.signal,
        onEvent: (event) => {
          events.push(event);
          stop.abort();
        },
      }),
    );
    const exchange = await server.next();
    exchange.open();
    const line = `${JSON.stringify({ type: 'ADDED', object: aPod('a', '11') })}\n`;
    await exchange.write(line + line);
    await watched;
    expect(events).toHaveLength(1);
    await until(() => exchange.isClosed);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    expect(clock.waits).toEqual([]);
  });

  it('does not begin where its caller had enough before', async () => {
    await client.watch(pods, aWatch({ signal: AbortSignal.abort() }));
    expect(server.untaken).toEqual([]);
  });
});
