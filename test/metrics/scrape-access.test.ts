import { type ConnectedClient, createClient } from '../../src/kube/http-client.ts';
import type { Fields, Log } from '../../src/log.ts';
import { type Access, ScrapeAccess } from '../../src/metrics/scrape-access.ts';
import { aKubeConfig, aStatus, type Exchange, ScriptedServer } from '../kube/scripted-server.ts';
import { ManualClock } from '../manual-clock.ts';

const user = { username: 'prometheus', uid: 'u', groups: ['g'], extra: { 'x.io/y': ['z'] } };

let server: ScriptedServer;
let client: ConnectedClient;
let clock: ManualClock;
let access: ScrapeAccess;
let warnings: Fields[];

beforeEach(async () => {
  server = await ScriptedServer.start();
  clock = new ManualClock();
  client = createClient(aKubeConfig(server.url), { clock, userAgent: 'tester/1' });
  warnings = [];
  const quiet = () => {};
  const log: Log = {
    debug: quiet,
    info: quiet,
    warn: (message, fields) => warnings.push({ message, ...fields }),
    error: quiet,
  };
  access = new ScrapeAccess({ client, clock, log });
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

const isTokenReview = ({ path }: Exchange) =>
  path === '/apis/authentication.k8s.io/v1/tokenreviews';

/** An API server that knows one user by one token, and lets them read or not. */
function know(token: string, allowed = true): { reviews: string[] } {
  const reviews: string[] = [];
  server.always((exchange) => {
    const { kind, spec } = JSON.parse(exchange.body);
    reviews.push(kind);
    const authenticated = spec.token === token;
    exchange.answer(201, {
      kind,
      status: isTokenReview(exchange)
        ? { authenticated, ...(authenticated && { user }) }
        : { allowed },
    });
  });
  return { reviews };
}

describe('who may read the metrics', () => {
  it('is asked of the API server in its words', async () => {
    const answer = access.of('Bearer a.b-c');
    const token = await server.next();
    expect([token.method, token.path]).toEqual([
      'POST',
      '/apis/authentication.k8s.io/v1/tokenreviews',
    ]);
    expect(JSON.parse(token.body)).toEqual({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: {},
      spec: { token: 'a.b-c' },
    });
    token.answer(201, { kind: 'TokenReview', status: { authenticated: true, user } });
    const right = await server.next();
    expect([right.method, right.path]).toEqual([
      'POST',
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    ]);
    expect(JSON.parse(right.body)).toEqual({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        user: 'prometheus',
        uid: 'u',
        groups: ['g'],
        extra: { 'x.io/y': ['z'] },
        nonResourceAttributes: { path: '/metrics', verb: 'get' },
      },
    });
    right.answer(201, { kind: 'SubjectAccessReview', status: { allowed: true } });
    expect(await answer).toBe('granted');
  });

  it.each([
    ['nothing', undefined],
    ['an empty header', ''],
    ['a password', 'Basic YTpi'],
    ['a scheme alone', 'Bearer'],
    ['an empty token', 'Bearer '],
    ['words', 'Bearer two words'],
    ['characters that no token has', 'Bearer a"b'],
  ])('is nobody who sends %s, and the API server is not asked', async (_what, header) => {
    const { reviews } = know('good');
    expect(await access.of(header)).toBe('anonymous');
    expect(reviews).toEqual([]);
  });

  it('is nobody whose token is not known', async () => {
    know('good');
    expect(await access.of('Bearer bad')).toBe('anonymous');
  });

  it('is nobody without the right', async () => {
    know('good', false);
    expect(await access.of('Bearer good')).toBe('forbidden');
  });

  it.each([[{}], [{ authenticated: 'true', user }], [null], ['yes']])(
    'is nobody where the review says %j',
    async (status) => {
      server.always((exchange) => exchange.answer(201, { kind: 'TokenReview', status }));
      expect(await access.of('Bearer good')).toBe('anonymous');
    },
  );

  it.each([[{}], [{ allowed: 'true' }], [{ denied: true }], [null]])(
    'is nobody for whom the right says %j',
    async (status) => {
      server.always((exchange) =>
        exchange.answer(
          201,
          isTokenReview(exchange) ? { status: { authenticated: true, user } } : { status },
        ),
      );
      expect(await access.of('Bearer good')).toBe('forbidden');
    },
  );
});

describe('a thousand scrapes', () => {
  const ask = async (times: number, header = 'Bearer good') => {
    const answers = new Set<Access>();
    for (let time = 0; time < times; time += 1) answers.add(await access.of(header));
    return [...answers];
  };

  it('cost one review in a minute', async () => {
    const { reviews } = know('good');
    expect(await ask(1_000)).toEqual(['granted']);
    expect(reviews).toEqual(['TokenReview', 'SubjectAccessReview']);
    await clock.advance(59_999);
    expect(await ask(1)).toEqual(['granted']);
    expect(reviews).toHaveLength(2);
    await clock.advance(1);
    know('good', false);
    expect(await ask(1_000)).toEqual(['forbidden']);
  });

  it('at once share one review', async () => {
    const { reviews } = know('good');
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, () => access.of('Bearer good')),
    );
    expect(new Set(answers)).toEqual(new Set(['granted']));
    expect(reviews).toEqual(['TokenReview', 'SubjectAccessReview']);
  });

  it('with a token that nobody knows cost one review as well', async () => {
    const { reviews } = know('good');
    expect(await ask(1_000, 'Bearer bad')).toEqual(['anonymous']);
    expect(reviews).toEqual(['TokenReview']);
  });

  it('with a thousand tokens are looked into four times a second, and push nobody out', async () => {
    const { reviews } = know('good');
    expect(await ask(1)).toEqual(['granted']);
    await clock.advance(1_000);
    reviews.length = 0;
    const answers: Access[] = [];
    for (let index = 0; index < 1_000; index += 1)
      answers.push(await access.of(`Bearer b${index}`));
    expect(reviews).toHaveLength(4);
    expect(answers.filter((answer) => answer === 'busy')).toHaveLength(996);
    for (let second = 0; second < 58; second += 1) {
      await clock.advance(1_000);
      for (let index = 0; index < 10; index += 1) await access.of(`Bearer c${second}-${index}`);
    }
    expect(reviews).toHaveLength(4 * 59);
    expect(await ask(1)).toEqual(['granted']);
    expect(reviews).toHaveLength(4 * 59);
  });
});

describe('somebody who tries made-up tokens without end', () => {
  const guessing = async (address = '10.0.0.66') => {
    for (let index = 0; index < 20; index += 1) {
      await access.of(`Bearer ${clock.monotonic()}-${index}`, address);
    }
    expect(await access.of('Bearer another', address)).toBe('busy');
  };

  it('does not shut out who was granted before, when the minute is over', async () => {
    know('good');
    expect(await access.of('Bearer good')).toBe('granted');
    for (let minute = 0; minute < 3; minute += 1) {
      await clock.advance(60_000);
      // From the same address, as behind a proxy.
      await guessing('');
      expect(await access.of('Bearer good')).toBe('granted');
    }
  });

  it('does not shut out who was granted before an API server was away', async () => {
    know('good');
    expect(await access.of('Bearer good')).toBe('granted');
    await clock.advance(60_000);
    server.always((exchange) => exchange.answer(500, aStatus(500, 'InternalError', 'no')));
    expect(await access.of('Bearer good')).toBe('unknown');
    know('good');
    await guessing('');
    expect(await access.of('Bearer good')).toBe('granted');
  });

  it('does not shut out a new token from another address', async () => {
    know('good');
    await guessing();
    expect(await access.of('Bearer good', '10.0.0.7')).toBe('granted');
  });

  it('gains nothing by a token whose right was taken away', async () => {
    know('good');
    expect(await access.of('Bearer good', '10.0.0.66')).toBe('granted');
    know('good', false);
    await clock.advance(60_000);
    expect(await access.of('Bearer good', '10.0.0.66')).toBe('forbidden');
    await clock.advance(60_000);
    await guessing();
    expect(await access.of('Bearer good', '10.0.0.66')).toBe('busy');
  });

  it('costs the API server little from however many addresses', async () => {
    const { reviews } = know('good');
    for (let index = 0; index < 1_000; index += 1) {
      await access.of(`Bearer ${index}`, `10.0.${index % 4}.${index % 250}`);
    }
    expect(reviews.length).toBeLessThanOrEqual(4 * 32);
  });
});

describe('an API server that does not say', () => {
  it('is asked again at the next scrape, and complained about once', async () => {
    server.always((exchange) => exchange.answer(500, aStatus(500, 'InternalError', 'no')));
    expect(await access.of('Bearer good')).toBe('unknown');
    expect(await access.of('Bearer good')).toBe('unknown');
    know('good');
    expect(await access.of('Bearer good')).toBe('granted');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toHaveProperty('remedy');
  });

  it('for want of the right is the matter of whoever can grant it', async () => {
    server.always((exchange) => exchange.answer(403, aStatus(403, 'Forbidden', 'no')));
    expect(await access.of('Bearer good')).toBe('unknown');
    expect(warnings).toMatchObject([{ remedy: expect.stringContaining('config/rbac/metrics') }]);
  });

  it('leaves those who wait together with the same answer', async () => {
    const answers = [access.of('Bearer good'), access.of('Bearer good')];
    await server.next();
    await clock.advance(10_000);
    expect(await Promise.all(answers)).toEqual(['unknown', 'unknown']);
    expect(server.untaken).toEqual([]);
  });
});
