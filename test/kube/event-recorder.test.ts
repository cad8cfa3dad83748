import { ApiError, type ApplyOptions, TransportError } from '../../src/kube/client.ts';
import { EventRecorder, type News } from '../../src/kube/event-recorder.ts';
import type { KubeObject, Resource } from '../../src/kube/objects.ts';
import { type Fields, silentLog } from '../../src/log.ts';
import { ManualClock, settle } from '../manual-clock.ts';

const anObject = (name = 'a', uid = `uid-${name}`): KubeObject => ({
  apiVersion: 'example.org/v1',
  kind: 'Thing',
  metadata: { name, namespace: 'n', uid, resourceVersion: '7' },
});

const someNews = (note = 'it broke'): News => ({
  type: 'Warning',
  reason: 'Broken',
  action: 'Mending',
  note,
});

interface Stored extends KubeObject {
  readonly note: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

/** The Events of a server, by name, which refuses what the test wants it to. */
class EventStore {
  readonly stored = new Map<string, Stored>();
  readonly tries: string[] = [];
  answer: (() => Error | undefined) | undefined;

  get notes(): readonly string[] {
    return [...this.stored.values()].map(({ note }) => note);
  }

  async create(resource: Resource, body: KubeObject): Promise<KubeObject> {
    this.#take('create', resource, body);
    if (this.stored.has(body.metadata.name ?? '')) {
      throw new ApiError('create', 409, { reason: 'AlreadyExists' });
    }
    this.stored.set(body.metadata.name ?? '', body as Stored);
    return body;
  }

  async apply(resource: Resource, body: KubeObject, _options: ApplyOptions): Promise<KubeObject> {
    this.#take('apply', resource, body);
    this.stored.set(body.metadata.name ?? '', body as Stored);
    return body;
  }

  #take(verb: string, resource: Resource, body: KubeObject): void {
    this.tries.push(`${verb} ${resource.group}/${resource.plural} ${(body as Stored).note}`);
    const error = this.answer?.();
    if (error) throw error;
  }
}

let clock: ManualClock;
let server: EventStore;
let warnings: string[];
let recorder: EventRecorder;

beforeEach(() => {
  clock = new ManualClock();
  server = new EventStore();
  warnings = [];
  const warn = (text: string, { error }: Fields = {}) => warnings.push(`${text}: ${error}`);
  recorder = new EventRecorder({
    client: server,
    clock,
    random: () => 0.5,
    log: { ...silentLog, warn },
    controller: 'example.org/operator',
    instance: 'operator-1',
  });
});

const forbidden = () => new ApiError('create events', 403, { reason: 'Forbidden' });
const unreachable = () => new TransportError('create events', new Error('refused'));

describe('an Event', () => {
  it('has all that the server asks for and that kubectl shows', async () => {
    recorder.record(anObject(), someNews());
    await settle();
    expect([...server.stored.values()]).toEqual([
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: expect.stringMatching(/^a\.[0-9a-f]{10,}$/), namespace: 'n' },
        eventTime: '2026-01-01T00:00:00.000000Z',
        type: 'Warning',
        reason: 'Broken',
        action: 'Mending',
        note: 'it broke',
        regarding: {
          apiVersion: 'example.org/v1',
          kind: 'Thing',
          name: 'a',
          namespace: 'n',
          uid: 'uid-a',
          resourceVersion: '7',
        },
        reportingController: 'example.org/operator',
        reportingInstance: 'operator-1',
      },
    ]);
  });

  it('of the same instant has a name of its own', async () => {
    recorder.record(anObject(), someNews('one'));
    recorder.record(anObject(), someNews('two'));
    await settle();
    expect(server.notes).toEqual(['one', 'two']);
  });

  it('of an object with the longest name still has a valid one', async () => {
    const name = `${'a'.repeat(199)}.${'b'.repeat(53)}`;
    recorder.record(anObject(name), someNews());
    await settle();
    const [eventName = ''] = server.stored.keys();
    expect(eventName.length).toBeLessThanOrEqual(253);
    expect(eventName).toMatch(/^[a-z0-9]+(\.[a-z0-9]+)*$/);
  });

  it('holds what fits into 1,024 bytes of its note, and no broken character', async () => {
    recorder.record(anObject(), someNews('ä'.repeat(1000)));
    await settle();
    expect(server.notes).toEqual([`${'ä'.repeat(510)}...`]);
  });
});

describe('what is told again', () => {
  it('is counted in a series, which is written once a minute', async () => {
    for (let times = 0; times < 10; times += 1) recorder.record(anObject(), someNews());
    await clock.advance(59_000);
    expect(server.tries).toEqual(['create events.k8s.io/events it broke']);
    await clock.advance(1_000);
    expect([...server.stored.values()]).toMatchObject([
      { series: { count: 10, lastObservedTime: '2026-01-01T00:00:00.000000Z' } },
    ]);
    await clock.advance(290_000);
    recorder.record(anObject(), someNews());
    await clock.advance(60_000);
    expect([...server.stored.values()]).toMatchObject([{ series: { count: 11 } }]);
    expect(server.tries).toHaveLength(3);
  });

  it('after six quiet minutes is an Event of its own', async () => {
    recorder.record(anObject(), someNews());
    await clock.advance(360_000);
    recorder.record(anObject(), someNews());
    await settle();
    expect(server.notes).toEqual(['it broke', 'it broke']);
  });

  it('of another object is told of that one', async () => {
    recorder.record(anObject('a'), someNews());
    recorder.record(anObject('b'), someNews());
    await settle();
    expect(server.stored.size).toBe(2);
  });
});

describe('a flood', () => {
  it('leaves each object 25 Events, and one more every five minutes', async () => {
    const flood = () => {
      for (let index = 0; index < 100; index += 1) {
        recorder.record(anObject(), someNews(`${clock.monotonic()} ${index}`));
      }
    };
    flood();
    await clock.advance(1_000);
    expect(server.stored.size).toBe(25);
    recorder.record(anObject('b'), someNews());
    await settle();
    expect(server.stored.size).toBe(26);
    await clock.advance(600_000);
    flood();
    await settle();
    expect(server.stored.size).toBe(28);
  });

  it('of objects keeps no more than a thousand Events in mind', async () => {
    for (let index = 0; index < 1_001; index += 1) {
      recorder.record(anObject(`o${index}`), someNews());
    }
    recorder.record(anObject('o0'), someNews());
    recorder.record(anObject('o1000'), someNews());
    await clock.advance(60_000);
    const counts = [...server.stored.values()].flatMap(({ series }) => series?.count ?? []);
    expect(counts).toEqual([2]);
    expect(server.stored.size).toBe(1_002);
  });
});

describe('an Event that cannot be sent', () => {
  it('because the server does not answer is tried again for a while', async () => {
    server.answer = unreachable;
    recorder.record(anObject(), someNews());
    await clock.advance(2_000);
    server.answer = undefined;
    await clock.advance(10_000);
    expect(server.notes).toEqual(['it broke']);
    expect(warnings).toEqual([]);
  });

  it('is lost in the end, said once, and does not hold up others', async () => {
    server.answer = unreachable;
    recorder.record(anObject(), someNews('one'));
    recorder.record(anObject(), someNews('two'));
    await clock.advance(120_000);
    expect(server.tries).toHaveLength(10);
    expect(warnings).toHaveLength(1);
    server.answer = undefined;
    recorder.record(anObject(), someNews('three'));
    await settle();
    expect(server.notes).toEqual(['three']);
  });

  it('because a right is missing is not tried again', async () => {
    server.answer = forbidden;
    recorder.record(anObject(), someNews('one'));
    recorder.record(anObject(), someNews('two'));
    await clock.advance(120_000);
    expect(server.tries).toHaveLength(2);
    expect(warnings).toHaveLength(1);
  });

  it('because its namespace is being deleted is no warning, and hides none', async () => {
    const details = { causes: [{ reason: 'NamespaceTerminating' }] };
    server.answer = () => new ApiError('create events', 403, { reason: 'Forbidden', details });
    recorder.record(anObject(), someNews('one'));
    await clock.advance(120_000);
    expect(server.tries).toHaveLength(1);
    expect(warnings).toEqual([]);
    server.answer = forbidden;
    recorder.record(anObject(), someNews('two'));
    await clock.advance(120_000);
    expect(warnings).toHaveLength(1);
  });

  it('whose first answer was lost counts as sent', async () => {
    const answers = [unreachable(), new ApiError('create', 409, { reason: 'AlreadyExists' })];
    server.answer = () => answers.shift();
    recorder.record(anObject(), someNews());
    await clock.advance(120_000);
    expect(server.tries).toHaveLength(2);
    expect(warnings).toEqual([]);
  });
});

describe('the end', () => {
  it('comes after everything was sent, counts included', async () => {
    recorder.record(anObject(), someNews('one'));
    recorder.record(anObject(), someNews('two'));
    recorder.record(anObject(), someNews('one'));
    await recorder.stop();
    expect(server.notes).toEqual(['one', 'two']);
    expect([...server.stored.values()][0]?.series?.count).toBe(2);
    recorder.record(anObject(), someNews('three'));
    await clock.advance(120_000);
    expect(server.notes).toEqual(['one', 'two']);
    expect(clock.waits).toEqual([]);
  });

  it('does not wait for a server that does not answer', async () => {
    server.answer = unreachable;
    for (let index = 0; index < 20; index += 1) recorder.record(anObject(), someNews(`${index}`));
    await settle();
    await recorder.stop();
    expect(server.tries).toHaveLength(2);
  });
});
