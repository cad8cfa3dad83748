import { type Client, TransportError } from '../../src/kube/client.ts';
import { createClient } from '../../src/kube/http-client.ts';
import { NotLeadingError } from '../../src/kube/leader-election.ts';
import { LeadingClient } from '../../src/kube/leading-client.ts';
import { configMaps, type KubeObject } from '../../src/kube/objects.ts';
import { ManualClock, until } from '../manual-clock.ts';
import { aKubeConfig, ScriptedServer } from './scripted-server.ts';

const object: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'n', name: 'a', uid: 'u' },
};
const apply = { fieldManager: 'me', force: true };

let server: ScriptedServer;
let isLeading: boolean;
let term: AbortController;
let client: LeadingClient;
let end: () => Promise<void>;

const leadership = () => ({
  term: term.signal,
  assertLeading() {
    if (!isLeading) throw new NotLeadingError();
  },
});

beforeEach(async () => {
  server = await ScriptedServer.start();
  const options = { clock: new ManualClock(), userAgent: 'tester/1' };
  const connected = createClient(aKubeConfig(server.url), options);
  isLeading = true;
  term = new AbortController();
  client = new LeadingClient(connected, leadership());
  end = async () => {
    await connected.close();
    await server.stop();
  };
});

afterEach(() => end());

const writes: readonly [string, () => Promise<unknown>][] = [
  ['apply', () => client.apply(configMaps, object, apply)],
  ['create', () => client.create(configMaps, object)],
  ['update', () => client.update(configMaps, object)],
  ['patch', () => client.mergePatch(configMaps, object, {}, apply)],
  ['remove', () => client.remove(configMaps, object)],
];

describe('the client of a leader', () => {
  it('passes everything on', async () => {
    server.always((exchange) => exchange.answer(200, object));
    for (const [, write] of writes) expect(await write()).toBeTruthy();
    expect(await client.get(configMaps, 'n', 'a')).toEqual(object);
  });

  it.each(writes)('sends no %s any more once it does not lead', async (_verb, write) => {
    isLeading = false;
    await expect(write()).rejects.toBeInstanceOf(NotLeadingError);
    expect(server.untaken).toEqual([]);
  });

  it.each(writes)('sends no %s either that was begun while it led', async (_verb, write) => {
    const written = write();
    isLeading = false;
    await expect(written).rejects.toBeInstanceOf(NotLeadingError);
    expect(server.untaken).toEqual([]);
  });

  it.each(writes)('breaks off a %s at the end of its term', async (_verb, write) => {
    const written = write();
    written.catch(() => {});
    const exchange = await server.next();
    term.abort(new Error('the term is over'));
    await expect(written).rejects.toThrow('the term is over');
    await expect(written).rejects.toBeInstanceOf(TransportError);
    await until(() => exchange.isClosed);
  });

  it('breaks off a write as well when its own caller does', async () => {
    const caller = new AbortController();
    const written = client.apply(configMaps, object, { ...apply, signal: caller.signal });
    written.catch(() => {});
    const exchange = await server.next();
    caller.abort(new Error('enough'));
    await expect(written).rejects.toThrow('enough');
    await until(() => exchange.isClosed);
  });

  it('asks before it passes a write on, whatever the client below it does', async () => {
    let isPassedOn = false;
    const below = {
      apply: async () => {
        isPassedOn = true;
        return object;
      },
    } as Partial<Client> as Client; // of the others none is called
    isLeading = false;
    const guarded = new LeadingClient(below, leadership());
    await expect(guarded.apply(configMaps, object, apply)).rejects.toBeInstanceOf(NotLeadingError);
    expect(isPassedOn).toBe(false);
  });

  it('asks on behalf of its own caller as well', async () => {
    const beforeSend = () => {
      throw new NotLeadingError();
    };
    const written = client.apply(configMaps, object, { ...apply, beforeSend });
    await expect(written).rejects.toBeInstanceOf(NotLeadingError);
  });

  it('reads for a process that stands by', async () => {
    isLeading = false;
    server.always((exchange) => {
      if (exchange.path === '/version') exchange.answer(200, { major: '1', minor: '36' });
      else if (exchange.path === '/api') exchange.answer(200, { versions: ['v1'] });
      else if (exchange.path === '/apis') exchange.answer(200, { groups: [{ name: 'apps' }] });
      else if (exchange.query['watch']) exchange.answer(200, '');
      else exchange.answer(200, { ...object, metadata: { resourceVersion: '1' }, items: [] });
    });
    expect(await client.get(configMaps, 'n', 'a')).toMatchObject({ kind: 'ConfigMap' });
    expect(await client.list(configMaps, {})).toMatchObject({ items: [] });
    expect(await client.version()).toMatchObject({ minor: 36 });
    expect(await client.groups()).toEqual(new Set(['', 'apps']));
    await client.watch(configMaps, {
      resourceVersion: '1',
      timeoutSeconds: 1,
      inactivityMs: 1000,
      signal: new AbortController().signal,
      onEvent: () => {},
    });
  });
});
