import type { Client } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/client.ts';
import { createClient } from '../../src/kube/http-client.ts';
import { LeaderElection, NotLeadingError } from '../../src/kube/leader-election.ts';
import { LeadingClient } from '../../src/kube/leading-client.ts';
import { configMaps, type KubeObject, leases } from '../../src/kube/objects.ts';
import { silentLog } from '../../src/log.ts';
import { createControlPlane } from '../cluster/embedded/in-process-cluster.ts';
import { StatusError } from '../cluster/embedded/status-error.ts';
import { ManualClock, settle, until } from '../manual-clock.ts';
import { selfSigned } from './certificate.ts';
import { Door } from './door.ts';
import { aKubeConfig, ScriptedServer } from './scripted-server.ts';

const lease = { namespace: 'default', name: 'lease' };
const start = Date.UTC(2026, 0, 1);

type Verb = 'get' | 'create' | 'update';

/** The API server as far as leases are concerned, and the time by which everybody here lives. */
class World {
  readonly clock = new ManualClock(start);
  readonly #server = createControlPlane({ clock: this.clock });
  /** Requests so far, of everybody. */
  readonly requests: Verb[] = [];

  get lease(): KubeObject | undefined {
    return this.#server.get(leases, lease.namespace, lease.name);
  }

  get spec(): Readonly<Record<string, unknown>> {
    return (this.lease?.['spec'] ?? {}) as Readonly<Record<string, unknown>>;
  }

  /** Writes the lease as somebody else, whatever is in it now. */
  write(spec: Readonly<Record<string, unknown>>): void {
    const live = this.lease;
    const object = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: lease, spec };
    if (live === undefined) this.#server.create(leases, object);
    else this.#server.update(leases, { ...live, spec });
  }

  remove(): void {
    this.#server.remove(leases, lease.namespace, lease.name);
  }

  answer(verb: Verb, object?: KubeObject): KubeObject | undefined {
    this.requests.push(verb);
    try {
      if (verb === 'get' || object === undefined) return this.lease;
      return this.#server[verb](leases, object);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      throw new ApiError(`${verb} the lease`, error.code, error.status());
    }
  }
}

/** A process that stands for election. */
class Candidate {
  readonly election: LeaderElection;
  /** How often it was told that it has lost. */
  losses = 0;
  /** The network between it and the server. */
  network: 'works' | 'is cut' | 'loses answers' = 'works';
  /** What it draws: by default the longest pauses that there can be. */
  random = 0.999;
  /** Nothing shows that anybody has ever led. */
  isFirst = true;
  /** Called while a request of it is under way. */
  whileOnItsWay: () => unknown = () => {};
  /** What it has told people: level and message. */
  readonly told: string[] = [];
  started = false;

  constructor(world: World, identity: string, clock: ManualClock = world.clock) {
    const send = async (verb: Verb, object?: KubeObject) => {
      if (this.network === 'is cut') throw new Error('no route to the server');
      const answer = world.answer(verb, object);
      this.whileOnItsWay();
      if (this.network === 'loses answers') throw new Error('no answer');
      return answer;
    };
    const client: Pick<Client, Verb> = {
      get: () => send('get'),
      create: async (_leases, object) => (await send('create', object)) as KubeObject,
      update: async (_leases, object) => (await send('update', object)) as KubeObject,
    };
    this.election = new LeaderElection({
      client,
      lease,
      identity,
      isFirst: async () => this.isFirst,
      clock,
      random: () => this.random,
      log: {
        ...silentLog,
        info: (message) => this.told.push(`info ${message}`),
        warn: (message) => this.told.push(`warn ${message}`),
        error: (message) => this.told.push(`error ${message}`),
      },
      onLost: () => {
        this.losses += 1;
      },
    });
  }

  start(): this {
    void this.election.start().then(() => {
      this.started = true;
    });
    return this;
  }

  get leads(): boolean {
    return this.election.isLeading;
  }
}

let world: World;
const toStop: Candidate[] = [];
const aCandidate = (identity: string, clock?: ManualClock) => {
  const candidate = new Candidate(world, identity, clock);
  toStop.push(candidate);
  return candidate;
};
const seconds = (number: number) => world.clock.advance(number * 1000);

/** A lease as client-go writes it. */
const byGo = (more: object = {}) => ({
  holderIdentity: 'go-operator_0d5c',
  leaseDurationSeconds: 15,
  acquireTime: '2025-12-31T23:00:00.000000Z',
  renewTime: '2026-01-01T00:00:00.123456Z',
  leaseTransitions: 4,
  ...more,
});

beforeEach(() => {
  world = new World();
});

afterEach(async () => {
  for (const candidate of toStop.splice(0)) {
    candidate.network = 'works';
    await candidate.election.stop();
  }
});

describe('a process that stands for election', () => {
  it('creates the Lease where there is none, in the words of client-go', async () => {
    const a = aCandidate('a').start();
    expect(a.leads).toBe(false);
    await seconds(0);
    expect(a).toMatchObject({ leads: true, started: true });
    expect(world.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
  });

  it('renews every two seconds by one request, and leaves the beginning of its term as it was', async () => {
    aCandidate('a').start();
    await seconds(20.5);
    expect(world.requests).toEqual(['get', 'create', ...Array(10).fill('update')]);
    expect(world.spec).toMatchObject({
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:20.000000Z',
      leaseTransitions: 0,
    });
  });

  it('does not lead while somebody else renews', async () => {
    aCandidate('a').start();
    await seconds(1);
    const b = aCandidate('b').start();
    await seconds(60);
    expect(b).toMatchObject({ leads: false, started: false });
    expect(() => b.election.assertLeading()).toThrow(NotLeadingError);
    expect(world.spec['holderIdentity']).toBe('a');
  });

  it.each([
    ['most', 0.999, 1_799.7],
    ['least', 0, 1_500],
  ])(
    'looks at the lease of another one every so often, at the %s',
    async (_which, drawn, everyMs) => {
      world.write(byGo({ leaseDurationSeconds: 60 }));
      const a = aCandidate('a');
      a.random = drawn;
      a.start();
      await seconds(0);
      const looks: number[] = [];
      a.whileOnItsWay = () => looks.push(world.clock.monotonic());
      await seconds(10);
      const pauses = looks.map((at, index) => at - (looks[index - 1] ?? 0));
      expect(pauses).toEqual(pauses.map(() => expect.closeTo(everyMs, 3)));
      expect(pauses.length).toBeGreaterThan(4);
    },
  );

  it('takes the lease after 15 seconds of silence, and not before', async () => {
    world.write(byGo());
    const a = aCandidate('a').start();
    await seconds(14.9);
    expect(world.requests).not.toContain('update');
    await seconds(0.2);
    expect(a.leads).toBe(true);
    expect(world.spec).toMatchObject({
      holderIdentity: 'a',
      acquireTime: '2026-01-01T00:00:15.000000Z',
      leaseTransitions: 5,
    });
  });

  it('waits for the duration that the holder has asked for', async () => {
    world.write(byGo({ leaseDurationSeconds: 60 }));
    const a = aCandidate('a').start();
    await seconds(59);
    expect(a.leads).toBe(false);
    await seconds(2);
    expect(a.leads).toBe(true);
  });

  it('counts the silence from the last change that it saw', async () => {
    world.write(byGo());
    const a = aCandidate('a').start();
    await seconds(14);
    world.write(byGo({ renewTime: '2026-01-01T00:00:14.000000Z' }));
    await seconds(14);
    expect(a.leads).toBe(false);
    await seconds(3.5);
    expect(a.leads).toBe(true);
  });

  it('is no renewal when somebody touches only the metadata of the Lease', async () => {
    world.write(byGo());
    const a = aCandidate('a').start();
    await seconds(10);
    world.write(byGo());
    await seconds(5.5);
    expect(a.leads).toBe(true);
  });

  it.each([
    ['nobody, as client-go releases it', { holderIdentity: '', leaseDurationSeconds: 1 }],
    ['nobody, without the field', { leaseTransitions: 4 }],
    ['nobody, without a spec', {}],
  ])('takes at once a lease that is held by %s', async (_whom, spec) => {
    world.write(spec);
    const a = aCandidate('a').start();
    await seconds(0);
    expect(a.leads).toBe(true);
  });

  it.each([
    ['in another time zone', { renewTime: '2026-01-01T02:00:00.000000+02:00' }],
    ['that are missing', { renewTime: null, acquireTime: null }],
    ['of an hour from now', { renewTime: '2026-01-01T01:00:00.000000Z' }],
    ['of a year ago', { renewTime: '2025-01-01T00:00:00.000000Z' }],
  ])('is not misled by times %s', async (_how, times) => {
    world.write(byGo(times));
    const a = aCandidate('a').start();
    await seconds(14.9);
    expect(a.leads).toBe(false);
    await seconds(0.2);
    expect(a.leads).toBe(true);
    expect(world.spec['renewTime']).toBe('2026-01-01T00:00:15.000000Z');
  });

  it('holds a lease without a duration for one of 15 seconds', async () => {
    world.write({ holderIdentity: 'somebody' });
    const a = aCandidate('a').start();
    await seconds(14.9);
    expect(a.leads).toBe(false);
    await seconds(0.2);
    expect(a.leads).toBe(true);
  });

  it('lets one of two lead that ask at the same moment', async () => {
    const a = aCandidate('a').start();
    const b = aCandidate('b').start();
    await seconds(3);
    expect([a.leads, b.leads].sort()).toEqual([false, true]);
    expect([a.told, b.told].sort()).toEqual([['info leading'], ['info standing by']]);
  });
});

describe('a leader', () => {
  it('gives the lease back when it is stopped, as client-go does', async () => {
    const a = aCandidate('a').start();
    await seconds(5);
    await a.election.stop();
    expect(a.leads).toBe(false);
    expect(world.spec).toEqual({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: '2026-01-01T00:00:05.000000Z',
      renewTime: '2026-01-01T00:00:05.000000Z',
      leaseTransitions: 0,
    });
    await seconds(60);
    expect(world.requests.at(-1)).toBe('update');
    expect(world.spec['holderIdentity']).toBe('');
    expect(world.clock.waits).toEqual([]);
  });

  it('has no other term when it is stopped during a renewal', async () => {
    const a = aCandidate('a').start();
    await seconds(1);
    a.whileOnItsWay = () => {
      a.whileOnItsWay = () => {};
      void a.election.stop();
    };
    await seconds(1);
    expect(world.spec['renewTime']).toBe('2026-01-01T00:00:02.000000Z');
    expect(a.election.term.aborted).toBe(true);
  });

  it('has one term for as long as it renews in time', async () => {
    const a = aCandidate('a');
    expect(a.election.term.aborted).toBe(true);
    a.start();
    await seconds(1);
    const { term } = a.election;
    await seconds(60);
    expect(a.election.term).toBe(term);
    a.network = 'is cut';
    await seconds(8.9);
    expect(term.aborted).toBe(false);
    await seconds(0.1);
    expect(term.aborted).toBe(true);
    a.network = 'works';
    await seconds(2);
    expect(a.election.term.aborted).toBe(false);
  });

  it('is followed within two seconds of its end', async () => {
    const a = aCandidate('a').start();
    const b = aCandidate('b').start();
    await seconds(7);
    await a.election.stop();
    await seconds(1.8);
    expect(b.leads).toBe(true);
    expect(world.spec['leaseTransitions']).toBe(1);
  });

  it('is followed within 17 seconds where it ends without a word', async () => {
    const a = aCandidate('a').start();
    const b = aCandidate('b').start();
    await seconds(8.1);
    a.network = 'is cut';
    await seconds(14.8);
    expect(b.leads).toBe(false);
    await seconds(2.2);
    expect(b.leads).toBe(true);
  });

  it('does not give back a lease that is no longer its own', async () => {
    const a = aCandidate('a').start();
    await seconds(1);
    world.write(byGo());
    await a.election.stop();
    expect(world.spec).toEqual(byGo());
    expect(a.losses).toBe(0);
  });

  it('ends when somebody else has taken the lease, and writes it no more', async () => {
    const a = aCandidate('a').start();
    await seconds(3);
    world.write(byGo());
    await seconds(2);
    expect(a).toMatchObject({ leads: false, losses: 1 });
    await seconds(60);
    expect(world.spec).toEqual(byGo());
    expect(a.losses).toBe(1);
  });

  it('ends as well when somebody else had the lease and has given it back', async () => {
    const a = aCandidate('a').start();
    await seconds(3);
    world.write(byGo({ holderIdentity: '' }));
    await seconds(2);
    expect(a).toMatchObject({ leads: false, losses: 1 });
  });

  it('renews on where only its metadata was changed', async () => {
    const a = aCandidate('a').start();
    await seconds(3);
    world.write(world.spec);
    await seconds(20);
    expect(a).toMatchObject({ leads: true, losses: 0 });
  });

  it('knows its own renewal again whose answer was lost', async () => {
    const a = aCandidate('a').start();
    await seconds(3);
    a.network = 'loses answers';
    await seconds(4);
    a.network = 'works';
    await seconds(2);
    expect(a).toMatchObject({ leads: true, losses: 0 });
    expect(world.spec).toMatchObject({ leaseTransitions: 0 });
  });
});

describe('a leader that cannot reach the API server', () => {
  it('leads through nine seconds of it', async () => {
    const a = aCandidate('a').start();
    await seconds(3.9);
    a.network = 'is cut';
    await seconds(6);
    expect(a.leads).toBe(true);
    await seconds(3);
    a.network = 'works';
    await seconds(1.5);
    expect(a).toMatchObject({ leads: true, losses: 0 });
  });

  it('writes nothing from ten seconds after its last renewal on', async () => {
    const a = aCandidate('a').start();
    await seconds(2.1);
    a.network = 'is cut';
    await seconds(9.8);
    expect(a.leads).toBe(true);
    await seconds(0.2);
    expect(() => a.election.assertLeading()).toThrow(NotLeadingError);
  });

  it('leads on after eleven seconds of it, once it has seen that nobody else did', async () => {
    const a = aCandidate('a').start();
    await seconds(2.1);
    a.network = 'is cut';
    await seconds(11);
    expect(a.leads).toBe(false);
    a.network = 'works';
    await seconds(2);
    expect(a).toMatchObject({ leads: true, losses: 0 });
    expect(world.spec).toMatchObject({ leaseTransitions: 0 });
  });

  it('has lost where somebody else can, and never leads together with him', async () => {
    const a = aCandidate('a').start();
    const b = aCandidate('b').start();
    await seconds(2.1);
    a.network = 'is cut';
    for (let second = 0; second < 30; second++) {
      await seconds(1);
      expect(a.leads && b.leads).toBe(false);
    }
    expect(b.leads).toBe(true);
    a.network = 'works';
    await seconds(2);
    expect(a.losses).toBe(1);
  });

  it('says so once, and once that it is over', async () => {
    const a = aCandidate('a').start();
    await seconds(3);
    a.network = 'is cut';
    await seconds(8);
    a.network = 'works';
    await seconds(4);
    expect(a.told).toEqual([
      'info leading',
      'warn the lease could not be looked after',
      'info the lease is looked after again',
    ]);
  });
});

describe('a Lease that somebody deletes', () => {
  /** Lets time pass in which at no moment two of them lead. */
  const pass = async (ofSeconds: number, ...all: readonly Candidate[]) => {
    for (let tenths = 0; tenths < ofSeconds * 10; tenths++) {
      await seconds(0.1);
      expect(all.filter(({ leads }) => leads).length).toBeLessThan(2);
    }
  };

  it('is put back by the leader', async () => {
    const a = aCandidate('a').start();
    await seconds(3);
    world.remove();
    await seconds(2);
    expect(a).toMatchObject({ leads: true, losses: 0 });
    expect(world.spec['holderIdentity']).toBe('a');
  });

  it.each([0, 0.4, 0.8, 1.2, 1.6])(
    'is not taken by a process that stands by, %f seconds after a renewal',
    async (after) => {
      const a = aCandidate('a').start();
      const b = aCandidate('b').start();
      await pass(6 + after, a, b);
      world.remove();
      await pass(30, a, b);
      expect(a).toMatchObject({ leads: true, losses: 0 });
      expect(b.leads).toBe(false);
    },
  );

  it('is taken 15 seconds after a process that stands by has missed it, where nobody puts it back', async () => {
    world.write(byGo());
    const a = aCandidate('a').start();
    await seconds(10);
    world.remove();
    await seconds(14.9);
    expect(world.lease).toBeUndefined();
    await seconds(2);
    expect(a.leads).toBe(true);
    expect(world.spec['leaseTransitions']).toBe(0);
  });

  it('is not taken at once by a process that starts where somebody has led before', async () => {
    const a = aCandidate('a').start();
    await pass(6.1, a);
    world.remove();
    const b = aCandidate('b');
    b.isFirst = false;
    b.start();
    await pass(30, a, b);
    expect(a).toMatchObject({ leads: true, losses: 0 });
    expect(world.spec['holderIdentity']).toBe('a');
  });

  it('is taken after 15 seconds by a process that starts where somebody has led before', async () => {
    const a = aCandidate('a');
    a.isFirst = false;
    a.start();
    await seconds(14.9);
    expect(world.lease).toBeUndefined();
    await seconds(0.2);
    expect(a.leads).toBe(true);
  });

  it('is not put back by a leader that could not renew it in time, which ends instead', async () => {
    const a = aCandidate('a').start();
    await seconds(3);
    a.network = 'is cut';
    await seconds(11);
    world.remove();
    a.network = 'works';
    await seconds(2);
    expect(a).toMatchObject({ leads: false, losses: 1 });
    expect(world.lease).toBeUndefined();
  });

  it('does not bring a leader back that another one has followed', async () => {
    const a = aCandidate('a').start();
    const b = aCandidate('b').start();
    await pass(3, a, b);
    a.network = 'is cut';
    await pass(20, a, b);
    expect(b.leads).toBe(true);
    world.remove();
    a.network = 'works';
    await pass(30, a, b);
    expect(a.losses).toBe(1);
    expect(b).toMatchObject({ leads: true, losses: 0 });
  });
});

describe('clocks', () => {
  it.each([1, -1])('may be set by %i hours without any effect', async (hours) => {
    const a = aCandidate('a').start();
    const b = aCandidate('b').start();
    await seconds(5);
    world.clock.stepWallClock(hours * 3_600_000);
    await seconds(60);
    expect(a).toMatchObject({ leads: true, losses: 0 });
    expect(b.leads).toBe(false);
    a.network = 'is cut';
    await seconds(13.9);
    expect(b.leads).toBe(false);
    await seconds(4);
    expect(b.leads).toBe(true);
  });

  it('may differ by hours between the processes', async () => {
    const other = new ManualClock(start - 5 * 3_600_000);
    const a = aCandidate('a').start();
    const b = aCandidate('b', other).start();
    for (let second = 0; second < 60; second++) {
      await seconds(1);
      await other.advance(1000);
    }
    expect(a.leads).toBe(true);
    expect(b.leads).toBe(false);
  });

  it.each([1.2, 0.8])('may run %f times as fast as that of the leader', async (rate) => {
    const other = new ManualClock(start);
    const a = aCandidate('a').start();
    const b = aCandidate('b', other).start();
    const pass = async (steps: number) => {
      for (let step = 0; step < steps; step++) {
        await seconds(0.1);
        await other.advance(100 * rate);
        expect(a.leads && b.leads).toBe(false);
      }
    };
    await pass(600);
    expect(a.leads).toBe(true);
    a.network = 'is cut';
    await pass(250);
    expect(b.leads).toBe(true);
  });
});

describe('a leader that was paused for 20 seconds', () => {
  /** A leader with a clock of its own, stopped while the others lived on; the clock runs what is due. */
  const paused = async () => {
    const own = new ManualClock(start);
    const a = aCandidate('a', own).start();
    await own.advance(3000);
    own.stall(20_000);
    return { a, own };
  };

  it('may not write before it has looked at the lease', async () => {
    const { a } = await paused();
    expect(a.leads).toBe(false);
    expect(() => a.election.assertLeading()).toThrow(NotLeadingError);
  });

  it('may not write because of a renewal that was sent before the pause either', async () => {
    const own = new ManualClock(start);
    const a = aCandidate('a', own);
    a.whileOnItsWay = () => own.stall(20_000);
    a.start();
    await own.advance(0);
    expect(world.spec['holderIdentity']).toBe('a');
    expect(a.leads).toBe(false);
  });

  it('leads on where nobody was there to take the lease', async () => {
    const { a, own } = await paused();
    await own.advance(0);
    expect(a).toMatchObject({ leads: true, losses: 0 });
  });

  it('ends where another one leads by then', async () => {
    const { a, own } = await paused();
    const b = aCandidate('b').start();
    await seconds(16);
    expect(b.leads).toBe(true);
    await own.advance(0);
    expect(a).toMatchObject({ leads: false, losses: 1 });
    expect(b).toMatchObject({ leads: true, losses: 0 });
  });
});

describe('a write of a leader', () => {
  /** The API server as far as writes are concerned, which takes a while to connect to. */
  let server: ScriptedServer;
  let door: Door;
  const toEnd: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    server = await ScriptedServer.start(selfSigned('server'));
    door = await Door.before(server);
    toEnd.push(
      () => door.stop(),
      () => server.stop(),
    );
  });

  afterEach(async () => {
    for (const end of toEnd.splice(0)) await end();
  });

  /** Begins one that has plenty of time for itself; resolves with what it has come to. */
  const write = (by: Candidate, clock: ManualClock) => {
    const kubeConfig = aKubeConfig(door.url, { cluster: { skipTLSVerify: true } });
    const client = createClient(kubeConfig, {
      clock,
      userAgent: 'tester/1',
      requestTimeoutMs: 60_000,
    });
    toEnd.unshift(() => client.close());
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'n', name: 'a' } };
    const options = { fieldManager: 'me', force: true };
    return new LeadingClient(client, by.election).apply(configMaps, body, options).then(
      () => 'carried out',
      (error: Error) => error,
    );
  };

  it('is not sent where the process was stopped while it connected, and another one leads', async () => {
    const own = new ManualClock(start);
    const a = aCandidate('a', own).start();
    await own.advance(3000);
    const b = aCandidate('b').start();
    const written = write(a, own);
    await until(() => door.came === 1);
    own.stall(17_000);
    await seconds(17);
    expect(b.leads).toBe(true);
    // The connection stands before the process has run any timer.
    door.open();
    expect(await written).toBeInstanceOf(NotLeadingError);
    await until(() => door.ended === 1);
    expect(server.untaken).toEqual([]);
  });

  it('is not sent where connecting takes longer than the lease could be renewed', async () => {
    const a = aCandidate('a').start();
    await seconds(2.5);
    a.network = 'is cut';
    const written = write(a, world.clock);
    await until(() => door.came === 1);
    await seconds(9.5);
    expect(await written).toMatchObject({
      name: 'TransportError',
      message: 'apply configmaps n/a: the lease was no longer held',
    });
    door.open();
    await until(() => door.ended === 1);
    expect(server.untaken).toEqual([]);
  });

  it('is broken off ten seconds after the last renewal where it is not answered by then', async () => {
    const a = aCandidate('a').start();
    await seconds(2.5);
    a.network = 'is cut';
    door.open();
    const written = write(a, world.clock);
    const exchange = await server.next();
    await seconds(9.4);
    await settle();
    expect(exchange.isClosed).toBe(false);
    await seconds(0.1);
    expect(await written).toBeInstanceOf(Error);
    await until(() => exchange.isClosed);
  });

  it('may take its time while the lease is renewed', async () => {
    const a = aCandidate('a').start();
    await seconds(2.5);
    door.open();
    const written = write(a, world.clock);
    const exchange = await server.next();
    await seconds(50);
    exchange.answer(200, {});
    expect(await written).toBe('carried out');
  });

  it('is broken off before the lease is given back', async () => {
    const a = aCandidate('a').start();
    await seconds(2.5);
    door.open();
    const written = write(a, world.clock);
    const exchange = await server.next();
    let wasOver: boolean | undefined;
    a.whileOnItsWay = () => {
      wasOver ??= a.election.term.aborted;
    };
    await a.election.stop();
    expect(wasOver).toBe(true);
    expect(await written).toBeInstanceOf(Error);
    await until(() => exchange.isClosed);
  });

  it('is broken off where somebody else turns out to hold the lease', async () => {
    const a = aCandidate('a').start();
    await seconds(2.5);
    door.open();
    const written = write(a, world.clock);
    await server.next();
    world.write(byGo());
    await seconds(2);
    expect(a.losses).toBe(1);
    expect(await written).toBeInstanceOf(Error);
  });
});
