import { WaitingError } from '../../src/errors.ts';
import { Applier, type Live, NotOursError } from '../../src/kube/applier.ts';
import {
  ApiError,
  type ApplyOptions,
  type Client,
  type RemoveOptions,
} from '../../src/kube/client.ts';
import {
  configMaps,
  type FieldTree,
  type KubeObject,
  type ManagedFieldsEntry,
  type OwnerReference,
  type Resource,
} from '../../src/kube/objects.ts';
import { ManualClock } from '../manual-clock.ts';

const fieldManager = 'us';
const ownerUid = 'owner-1';

const owner: OwnerReference = {
  apiVersion: 'example.org/v1',
  kind: 'Thing',
  name: 'mine',
  uid: ownerUid,
  controller: true,
};
const stranger: OwnerReference = { ...owner, name: 'theirs', uid: 'owner-2' };

/** A ConfigMap as we want it. */
function aBody(data: Readonly<Record<string, string>> = { a: '1' }): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', namespace: 'n', ownerReferences: [owner] },
    data,
  };
}

function dataOf(object: KubeObject): Readonly<Record<string, string>> {
  return (object['data'] ?? {}) as Readonly<Record<string, string>>;
}

interface Stored {
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** What an admission plug-in made of the data. */
  readonly data?: Readonly<Record<string, string>>;
}

/** The body as the server stores it when we apply it. */
function stored(body: KubeObject, { uid = 'u1', resourceVersion = '10', data }: Stored = {}) {
  const fields = Object.keys(dataOf(body)).map((name) => [`f:${name}`, {}] as const);
  const fieldsV1: FieldTree = {
    'f:data': Object.fromEntries(fields),
    'f:metadata': { 'f:ownerReferences': { [`k:{"uid":"${ownerUid}"}`]: {} } },
  };
  const entry: ManagedFieldsEntry = {
    manager: fieldManager,
    operation: 'Apply',
    apiVersion: 'v1',
    fieldsV1,
  };
  const metadata = { ...body.metadata, uid, resourceVersion, managedFields: [entry] };
  return { ...body, data: data ?? dataOf(body), metadata } satisfies KubeObject;
}

/** The object after somebody else has set one of its values by force. */
function edited(live: KubeObject, name: string, value: string, manager = 'kubectl-edit') {
  const theirs: ManagedFieldsEntry = {
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    fieldsV1: { 'f:data': { [`f:${name}`]: {} } },
  };
  const ours = (live.metadata.managedFields ?? []).map((entry) => {
    const { 'f:data': data = {}, ...tree } = entry.fieldsV1 ?? {};
    const { [`f:${name}`]: _, ...others } = data;
    // A map of which nothing is owned any more vanishes from the tree.
    const left = Object.keys(others).length === 0 ? tree : { ...tree, 'f:data': others };
    return { ...entry, fieldsV1: left };
  });
  const metadata = { ...live.metadata, resourceVersion: '11', managedFields: [...ours, theirs] };
  return { ...live, data: { ...dataOf(live), [name]: value }, metadata };
}

function controlledBy(reference: OwnerReference | undefined, live: KubeObject): KubeObject {
  const ownerReferences = reference ? [reference] : [];
  return { ...live, metadata: { ...live.metadata, ownerReferences } };
}

type Request =
  | { readonly verb: 'patch'; readonly of: KubeObject; readonly patch: object }
  | { readonly verb: 'get'; readonly name: string }
  | { readonly verb: 'apply'; readonly body: KubeObject; readonly options: ApplyOptions }
  | { readonly verb: 'remove'; readonly uid: string | undefined; readonly options?: RemoveOptions };

/** Answers each request with what the test laid ready for it, and keeps what was asked. */
class ScriptedClient implements Client {
  readonly requests: Request[] = [];
  /** Answers to apply: an object, an error, or what to make of the body. */
  readonly applies: (KubeObject | Error | ((body: KubeObject) => KubeObject))[] = [];
  readonly gets: Live[] = [];
  removed = true;

  async get(_resource: Resource, _namespace: string, name: string): Promise<Live> {
    this.requests.push({ verb: 'get', name });
    return this.gets.shift();
  }

  async apply(_resource: Resource, body: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    this.requests.push({ verb: 'apply', body, options });
    const answer = this.applies.shift() ?? stored;
    if (answer instanceof Error) throw answer;
    return typeof answer === 'function' ? answer(body) : answer;
  }

  async remove(
    _resource: Resource,
    { metadata }: KubeObject,
    options?: RemoveOptions,
  ): Promise<boolean> {
    this.requests.push({ verb: 'remove', uid: metadata.uid, ...(options && { options }) });
    return this.removed;
  }

  async mergePatch(_resource: Resource, of: KubeObject, patch: object): Promise<KubeObject> {
    this.requests.push({ verb: 'patch', of, patch });
    return of;
  }

  create(): Promise<never> {
    return Promise.reject(new Error('an applier creates by applying'));
  }

  update(): Promise<never> {
    return Promise.reject(new Error('an applier updates by applying'));
  }

  list(): Promise<never> {
    return Promise.reject(new Error('an applier never lists'));
  }

  watch(): Promise<never> {
    return Promise.reject(new Error('an applier never watches'));
  }

  groups(): Promise<never> {
    return Promise.reject(new Error('an applier never discovers'));
  }

  version(): Promise<never> {
    return Promise.reject(new Error('an applier never asks for the version'));
  }
}

function anApplier({ client = new ScriptedClient(), clock = new ManualClock() } = {}) {
  const cached = new Map<string, KubeObject>();
  const cache = {
    get: (namespace: string, name: string) => cached.get(`${namespace}/${name}`),
    observe: ({ metadata, ...object }: KubeObject) => {
      cached.set(`${metadata.namespace}/${metadata.name}`, { ...object, metadata } as KubeObject);
    },
  };
  const caches = new Map([[configMaps, cache]]);
  const applier = new Applier({ client, fieldManager, caches, clock, selectedBy: 'watched' });
  const apply = (live: Live, body = aBody()) =>
    applier.apply({ resource: configMaps, body, ownerUid, live });
  return { applier, apply, client, clock, cached };
}

/** Expects an apply to leave somebody's change alone for now; for how long, in milliseconds. */
async function contendedFor(applying: Promise<unknown>, who: string): Promise<number> {
  const error = await applying.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    reason: 'Contended',
    message: `${who}, which is put right again at growing intervals`,
  });
  return (error as WaitingError).retryAfterMs;
}

const conflict = () => new ApiError('apply ConfigMap c', 409, { reason: 'Conflict' });
const invalid = () => new ApiError('apply ConfigMap c', 422, { reason: 'Invalid' });

/** A create-only apply, as a request. */
function creation(body = aBody()): Request {
  const metadata = { ...body.metadata, resourceVersion: '1' };
  return { verb: 'apply', body: { ...body, metadata }, options: { fieldManager, force: false } };
}

/** An apply to the object with this uid, as a request. */
function takeover(uid = 'u1', body = aBody()): Request {
  const metadata = { ...body.metadata, uid };
  return { verb: 'apply', body: { ...body, metadata }, options: { fieldManager, force: true } };
}

const look: Request = { verb: 'get', name: 'c' };

describe('the applier observes', () => {
  it('what the cache holds, without a request', async () => {
    const { applier, client, cached } = anApplier();
    const live = stored(aBody());
    cached.set('n/c', live);
    expect(await applier.observe(configMaps, 'n', 'c')).toBe(live);
    expect(client.requests).toEqual([]);
  });

  it('what the server holds where the cache has nothing', async () => {
    const { applier, client } = anApplier();
    const live = stored(aBody());
    client.gets.push(live, undefined);
    expect(await applier.observe(configMaps, 'n', 'c')).toBe(live);
    expect(await applier.observe(configMaps, 'n', 'c')).toBeUndefined();
    expect(client.requests).toEqual([look, look]);
  });
});

describe('the applier', () => {
  it('creates what is not there, and cannot adopt what appeared meanwhile', async () => {
    const { apply, client, cached } = anApplier();
    expect(await apply(undefined)).toBe('created');
    expect(client.requests).toEqual([creation()]);
    expect(cached.get('n/c')?.metadata.uid).toBe('u1');
  });

  it('sends nothing where nothing would change', async () => {
    const { apply, client } = anApplier();
    expect(await apply(stored(aBody()))).toBe('unchanged');
    expect(client.requests).toEqual([]);
  });

  it('takes back what somebody changed, from this very object', async () => {
    const { apply, client, cached } = anApplier();
    client.applies.push((body) => stored(body, { resourceVersion: '12' }));
    expect(await apply(edited(stored(aBody()), 'a', 'x'))).toBe('updated');
    expect(client.requests).toEqual([takeover()]);
    expect(cached.get('n/c')?.metadata.resourceVersion).toBe('12');
  });

  it('calls an apply that changed nothing by its name', async () => {
    const { apply, client } = anApplier();
    const live = edited(stored(aBody()), 'a', 'x');
    client.applies.push(live);
    expect(await apply(live)).toBe('unchanged');
  });

  it.each([
    ['somebody else', stranger, 'ConfigMap c exists and belongs to Thing theirs: it is left alone'],
    ['nobody', undefined, 'ConfigMap c exists and has no controlling owner: it is left alone'],
  ])('never touches an object that %s controls', async (_who, reference, message) => {
    const { apply, client } = anApplier();
    const live = controlledBy(reference, stored(aBody()));
    const error = await apply(live).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NotOursError);
    expect(error).toMatchObject({ message, objectName: 'c', namespace: 'n', owner: reference });
    expect(client.requests).toEqual([]);
  });

  it('waits for the end of an object that is being deleted', async () => {
    const { apply, client } = anApplier();
    const live = edited(stored(aBody()), 'a', 'x');
    const going = {
      ...live,
      metadata: { ...live.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    };
    await expect(apply(going)).rejects.toMatchObject({ reason: 'WaitingForDeletion' });
    expect(client.requests).toEqual([]);
  });
});

describe('an applier that saw nothing under the name', () => {
  it('takes the object for its own whose creation was answered by nobody', async () => {
    const { apply, client } = anApplier();
    client.applies.push(conflict());
    client.gets.push(stored(aBody()));
    expect(await apply(undefined)).toBe('unchanged');
    expect(client.requests).toEqual([creation(), look]);
  });

  it('brings an object of its owner up to date', async () => {
    const { apply, client } = anApplier();
    client.applies.push(conflict(), (body) => stored(body, { resourceVersion: '12' }));
    client.gets.push(edited(stored(aBody()), 'a', 'x'));
    expect(await apply(undefined)).toBe('updated');
    expect(client.requests).toEqual([creation(), look, takeover()]);
  });

  it('leaves a foreign object alone', async () => {
    const { apply, client } = anApplier();
    client.applies.push(conflict());
    client.gets.push(controlledBy(stranger, stored(aBody())));
    await expect(apply(undefined)).rejects.toBeInstanceOf(NotOursError);
    expect(client.requests).toEqual([creation(), look]);
  });

  it('tries once more where the object has gone again, and then gives up', async () => {
    const { apply, client } = anApplier();
    client.applies.push(conflict(), conflict());
    client.gets.push(undefined);
    await expect(apply(undefined)).rejects.toMatchObject({ code: 409 });
    expect(client.requests).toEqual([creation(), look, creation()]);
  });

  it('passes on that the server refuses the body', async () => {
    const { apply, client } = anApplier();
    client.applies.push(invalid());
    await expect(apply(undefined)).rejects.toMatchObject({ cause: { code: 422 }, isNews: true });
    expect(client.requests).toEqual([creation()]);
  });
});

describe('an applier that saw an object', () => {
  const seen = edited(stored(aBody()), 'a', 'x');

  it('first takes away what cannot stay beside the body, where there is something', async () => {
    const { applier, client } = anApplier();
    const request = { resource: configMaps, body: aBody(), ownerUid, live: seen };
    await applier.apply({ ...request, clearing: () => undefined });
    expect(client.requests).toEqual([takeover()]);
    const patch = { data: { b: null } };
    await applier.apply({ ...request, clearing: (live) => (live === seen ? patch : undefined) });
    expect(client.requests.slice(1)).toEqual([{ verb: 'patch', of: seen, patch }, takeover()]);
  });

  const trimmed = { data: { gone: null } };
  const trim = (
    { applier }: ReturnType<typeof anApplier>,
    live: KubeObject,
    beside: KubeObject,
  ) => {
    const patch = (it: KubeObject) => (it === beside ? trimmed : undefined);
    const trimming = { field: 'data.a', patch };
    return applier.apply({ resource: configMaps, body: aBody(), ownerUid, live, trimming });
  };

  it('then takes away what others have put beside it, and nothing from another one', async () => {
    const running = anApplier();
    const { client, cached } = running;
    const next = stored(aBody(), { resourceVersion: '12' });
    client.applies.push(next, next);
    await trim(running, seen, seen);
    expect(client.requests).toEqual([takeover()]);
    cached.clear();
    expect(await trim(running, seen, next)).toBe('updated');
    const patched = { verb: 'patch', of: next, patch: trimmed };
    expect(client.requests).toEqual([takeover(), takeover(), patched]);
    expect(cached.get('n/c')).toEqual(next);
  });

  it('takes that away where nothing else is to be done, and waits where it comes back', async () => {
    const running = anApplier();
    const { client, clock } = running;
    const live = stored(aBody());
    expect(await trim(running, live, live)).toBe('updated');
    await expect(trim(running, live, live)).rejects.toMatchObject({
      reason: 'Contended',
      retryAfterMs: 1_000,
    });
    await clock.advance(1_000);
    expect(await trim(running, live, live)).toBe('updated');
    expect(client.requests.map(({ verb }) => verb)).toEqual(['patch', 'patch']);
  });

  it('creates it anew where it has gone', async () => {
    const { apply, client } = anApplier();
    client.applies.push(conflict());
    client.gets.push(undefined);
    expect(await apply(seen)).toBe('created');
    expect(client.requests).toEqual([takeover('u1'), look, creation()]);
  });

  it('decides anew where it was replaced', async () => {
    const { apply, client } = anApplier();
    client.applies.push(invalid(), (body) => stored(body, { uid: 'u2', resourceVersion: '12' }));
    client.gets.push(edited(stored(aBody(), { uid: 'u2' }), 'a', 'x'));
    expect(await apply(seen)).toBe('updated');
    expect(client.requests).toEqual([takeover('u1'), look, takeover('u2')]);
  });

  it('leaves alone a foreign object that replaced it', async () => {
    const { apply, client } = anApplier();
    client.applies.push(invalid());
    client.gets.push(controlledBy(stranger, stored(aBody(), { uid: 'u2' })));
    await expect(apply(seen)).rejects.toBeInstanceOf(NotOursError);
    expect(client.requests).toEqual([takeover('u1'), look]);
  });

  it('passes on that the server refuses the body for this very object', async () => {
    const { apply, client } = anApplier();
    client.applies.push(invalid());
    client.gets.push(seen);
    await expect(apply(seen)).rejects.toMatchObject({ cause: { code: 422 }, isNews: true });
    expect(client.requests).toEqual([takeover('u1'), look]);
  });

  it('does not send a body again at once that the server has refused, and then does', async () => {
    const { apply, client, clock } = anApplier();
    client.applies.push(invalid());
    client.gets.push(seen);
    await expect(apply(seen)).rejects.toMatchObject({ isNews: true, retryAfterMs: 10_000 });
    await expect(apply(seen)).rejects.toMatchObject({ cause: { code: 422 }, isNews: false });
    expect(client.requests).toEqual([takeover('u1'), look]);
    await clock.advance(10_000);
    expect(await apply(seen)).toBe('updated');
  });

  it('passes on any other failure as it is', async () => {
    const { apply, client } = anApplier();
    const broken = new Error('socket hang up');
    client.applies.push(broken);
    await expect(apply(seen)).rejects.toBe(broken);
    expect(client.requests).toEqual([takeover('u1')]);
  });
});

describe('an applier whose server never changes a field of what is there', () => {
  const refused = (...fields: readonly string[]) =>
    new ApiError('apply ConfigMap c', 422, {
      reason: 'Invalid',
      details: { causes: fields.map((field) => ({ field })) },
    });
  const theirs = edited(stored(aBody()), 'a', 'x');
  const applyFixed = ({ applier }: ReturnType<typeof anApplier>, fixed?: readonly string[]) =>
    applier.apply({
      resource: configMaps,
      body: aBody(),
      ownerUid,
      live: theirs,
      ...(fixed && { fixed }),
    });
  const removal: Request = {
    verb: 'remove',
    uid: 'u1',
    options: { propagationPolicy: 'Background', ifUnchanged: true },
  };

  it('makes the object anew, if it still is as it was seen', async () => {
    const running = anApplier();
    const { client, cached } = running;
    client.applies.push(refused('data'), (body) => stored(body, { uid: 'u2' }));
    client.gets.push(theirs, theirs, undefined);
    expect(await applyFixed(running, ['data', 'immutable'])).toBe('replaced');
    expect(client.requests).toEqual([takeover(), look, look, removal, look, creation()]);
    expect(cached.get('n/c')?.metadata.uid).toBe('u2');
  });

  it.each([
    ['another field is refused', ['data', 'spec'], ['data']],
    ['nobody said which fields these are', ['data'], undefined],
    ['the server does not say which field it is', [], ['data']],
  ])('deletes nothing where %s', async (_what, fields, fixed) => {
    const running = anApplier();
    const { client } = running;
    client.applies.push(refused(...fields));
    client.gets.push(theirs);
    const error = await applyFixed(running, fixed).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: 'apply ConfigMap c: the server answered 422' });
    expect(client.requests).toEqual([takeover(), look]);
  });

  it('deletes nothing that has come under another owner meanwhile', async () => {
    const running = anApplier();
    const { client } = running;
    const lost = controlledBy(stranger, theirs);
    client.applies.push(refused('data'));
    client.gets.push(lost, lost, lost);
    await expect(applyFixed(running, ['data'])).rejects.toBeInstanceOf(NotOursError);
    expect(client.requests).toEqual([takeover(), look, look, look]);
  });

  it('leaves one that comes back for longer each time, and names who brings it', async () => {
    const running = anApplier();
    const { client, clock } = running;
    const waits: number[] = [];
    for (let round = 0; round < 4; round++) {
      client.applies.push(refused('data.a'), (body) => stored(body));
      client.gets.push(theirs, theirs, undefined);
      expect(await applyFixed(running, ['data.a'])).toBe('replaced');
      client.applies.push(refused('data.a'));
      client.gets.push(theirs);
      const waitMs = await contendedFor(
        applyFixed(running, ['data.a']),
        'kubectl-edit keeps changing data.a of ConfigMap c',
      );
      waits.push(waitMs);
      await clock.advance(waitMs);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000]);
  });
});

describe('an admission plug-in that rewrites what we apply', () => {
  const rewritten = stored(aBody(), { data: { a: 'rewritten' } });

  it('is not fought: its answer to this body counts as in place', async () => {
    const { apply, client } = anApplier();
    client.applies.push(rewritten);
    expect(await apply(undefined)).toBe('created');
    expect(await apply(rewritten)).toBe('unchanged');
    expect(client.requests).toHaveLength(1);
  });

  it('costs one apply without effect after a restart', async () => {
    const { apply, client } = anApplier();
    client.applies.push(rewritten);
    expect(await apply(rewritten)).toBe('unchanged');
    expect(await apply(rewritten)).toBe('unchanged');
    expect(client.requests).toEqual([takeover()]);
  });

  it('does not hide an edit of the same field', async () => {
    const { apply, client } = anApplier();
    client.applies.push(rewritten, rewritten);
    await apply(undefined);
    await apply(edited(rewritten, 'a', 'x'));
    expect(client.requests).toEqual([creation(), takeover()]);
  });

  it('does not hide that the body wants something else', async () => {
    const { apply, client } = anApplier();
    const other = aBody({ a: '2' });
    client.applies.push(rewritten, rewritten);
    await apply(undefined);
    await apply(rewritten, other);
    expect(client.requests).toEqual([creation(), takeover('u1', other)]);
  });

  it('is asked again for an object of the same name', async () => {
    const { apply, client } = anApplier();
    const next = stored(aBody(), { uid: 'u2', data: { a: 'rewritten' } });
    client.applies.push(rewritten, next);
    await apply(undefined);
    await apply(next);
    expect(client.requests).toEqual([creation(), takeover('u2')]);
  });
});

describe('an admission plug-in that takes away the label that the caches select by', () => {
  const body = (() => {
    const { metadata, ...object } = aBody();
    return { ...object, metadata: { ...metadata, labels: { watched: 'yes' } } };
  })();
  const stripped = (() => {
    const { metadata, ...object } = stored(body);
    return { ...object, metadata: { ...metadata, labels: {} } };
  })();

  it('is told of at once, and asked again at distances that double up to a minute', async () => {
    const { apply, client, clock } = anApplier();
    const waits: unknown[] = [];
    for (let round = 0; round < 9; round++) {
      client.applies.push(stripped);
      const waitMs = await contendedFor(
        apply(round === 0 ? undefined : stripped, body),
        'somebody keeps changing metadata.labels.watched of ConfigMap c',
      );
      waits.push(waitMs);
      await clock.advance(waitMs);
    }
    expect(waits).toEqual([1_000, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    expect(client.requests).toHaveLength(9);
  });

  it('may write another value there', async () => {
    const { apply, client } = anApplier();
    const { metadata, ...object } = stripped;
    client.applies.push({ ...object, metadata: { ...metadata, labels: { watched: 'no' } } });
    expect(await apply(undefined, body)).toBe('created');
  });
});

describe('somebody who keeps changing an owned field', () => {
  /** How long the applier wants to wait; undefined where it applied. */
  async function waitOf(applying: Promise<unknown>): Promise<number | undefined> {
    const error = await applying.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error === undefined) return undefined;
    if (!(error instanceof WaitingError)) throw error;
    return error.retryAfterMs;
  }

  const fight = edited(stored(aBody()), 'a', 'x');

  it('is not made out where the server takes the change for none', async () => {
    const { apply, client } = anApplier();
    await apply(undefined);
    for (const value of ['x', 'y', 'z']) {
      const live = edited(stored(aBody()), 'a', value);
      client.applies.push(live);
      expect(await waitOf(apply(live))).toBeUndefined();
    }
  });

  it('is answered at once, then at distances that double up to a minute', async () => {
    const { apply, clock } = anApplier();
    await apply(undefined);
    const waits: (number | undefined)[] = [];
    for (let round = 0; round < 9; round++) {
      const wait = await waitOf(apply(fight));
      waits.push(wait);
      await clock.advance(wait ?? 0);
      if (wait !== undefined) expect(await waitOf(apply(fight))).toBeUndefined();
    }
    expect(waits).toEqual([undefined, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('is named together with the field, and gets no request while we wait', async () => {
    const { apply, client } = anApplier();
    await apply(undefined);
    await apply(fight);
    await expect(apply(fight)).rejects.toMatchObject({
      reason: 'Contended',
      message:
        'kubectl-edit keeps changing data.a of ConfigMap c, which is put right again at growing intervals',
    });
    expect(client.requests).toEqual([creation(), takeover()]);
  });

  it('is told of in words that stay the same while we wait', async () => {
    const { apply, clock } = anApplier();
    await apply(undefined);
    await apply(fight);
    const messageOf = () => apply(fight).catch((error: Error) => error.message);
    const first = await messageOf();
    await clock.advance(500);
    expect(await messageOf()).toBe(first);
  });

  it('does not delay what a new body brings', async () => {
    const { apply } = anApplier();
    await apply(undefined);
    await apply(fight);
    expect(await waitOf(apply(fight))).toBe(1_000);
    expect(await waitOf(apply(fight, aBody({ a: '1', b: '2' })))).toBeUndefined();
  });

  it('is still remembered when the body changes', async () => {
    const { apply } = anApplier();
    const body = aBody({ a: '1', b: '2' });
    await apply(undefined);
    await apply(fight);
    await apply(fight, body);
    expect(await waitOf(apply(edited(stored(body), 'a', 'x'), body))).toBe(1_000);
  });

  it('does not delay the repair of another field', async () => {
    const { apply } = anApplier();
    const body = aBody({ a: '1', b: '2' });
    await apply(undefined, body);
    expect(await waitOf(apply(edited(stored(body), 'a', 'x'), body))).toBeUndefined();
    expect(await waitOf(apply(edited(stored(body), 'b', 'x'), body))).toBeUndefined();
    expect(await waitOf(apply(edited(stored(body), 'a', 'x'), body))).toBe(1_000);
  });

  it('is forgotten after ten quiet minutes', async () => {
    const { apply, clock } = anApplier();
    await apply(undefined);
    await apply(fight);
    await clock.advance(10 * 60_000 + 1);
    expect(await waitOf(apply(fight))).toBeUndefined();
    expect(await waitOf(apply(fight))).toBe(1_000);
  });

  it('is forgotten with the object', async () => {
    const { applier, apply } = anApplier();
    await apply(undefined);
    await apply(fight);
    await applier.observe(configMaps, 'n', 'gone');
    expect(await waitOf(apply(fight))).toBe(1_000);
    const { applier: other, apply: applyOther, cached } = anApplier();
    await applyOther(undefined);
    await applyOther(fight);
    cached.clear();
    await other.observe(configMaps, 'n', 'c');
    expect(await waitOf(applyOther(fight))).toBeUndefined();
  });
});

describe('the applier removes', () => {
  const object = stored(aBody());
  const remove = ({ applier }: { readonly applier: Applier }) =>
    applier.remove(configMaps, object, ownerUid);

  it('the object that the server still has, as it was seen', async () => {
    const running = anApplier();
    running.client.gets.push(object);
    expect(await remove(running)).toBe(true);
    const options = { propagationPolicy: 'Background', ifUnchanged: true };
    expect(running.client.requests).toEqual([look, { verb: 'remove', uid: 'u1', options }]);
  });

  it('nothing that keeps changing before it can be deleted, and stops trying', async () => {
    const running = anApplier();
    running.client.gets.push(...Array.from({ length: 10 }, () => object));
    running.client.removed = false;
    expect(await remove(running)).toBe(false);
    expect(running.client.requests).toHaveLength(6);
  });

  it('nothing that vanished between the look and the deletion', async () => {
    const running = anApplier();
    running.client.gets.push(object);
    running.client.removed = false;
    expect(await remove(running)).toBe(false);
  });

  it.each([
    ['gone', undefined],
    ['replaced', stored(aBody(), { uid: 'u2' })],
    [
      'on its way out',
      { ...object, metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
    ],
  ])('nothing that is %s', async (_what, live) => {
    const running = anApplier();
    running.client.gets.push(live);
    expect(await remove(running)).toBe(false);
    expect(running.client.requests).toEqual([look]);
  });

  it('nothing that has come under another owner', async () => {
    const running = anApplier();
    running.client.gets.push(controlledBy(stranger, object));
    expect(await remove(running)).toBe(false);
    expect(running.client.requests).toEqual([look]);
  });
});
