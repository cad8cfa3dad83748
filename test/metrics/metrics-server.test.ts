import { once } from 'node:events';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { type Fields, silentLog } from '../../src/log.ts';
import { MetricsServer, type MetricsServerOptions } from '../../src/metrics/metrics-server.ts';
import type { Access } from '../../src/metrics/scrape-access.ts';
import { anyCharacter } from '../any-character.ts';
import { type SelfSigned, selfSigned } from '../kube/certificate.ts';
import { ManualClock } from '../manual-clock.ts';
import { fc } from '../properties.ts';

const contentType = 'text/plain; version=0.0.4; charset=utf-8';

let clock: ManualClock;
let server: MetricsServer;
let certificate: SelfSigned;
let asked: (string | undefined)[];

/** A server whose API server says this of everybody. */
async function serve(access: Access, options: Partial<MetricsServerOptions> = {}): Promise<void> {
  server = new MetricsServer({
    port: 0,
    metrics: { contentType, text: async () => 'a_total 1\n' },
    access: {
      of: async (authorization) => {
        asked.push(authorization);
        return access;
      },
    },
    certificate: { current: async () => certificate },
    clock,
    log: silentLog,
    ...options,
  });
  await server.start();
}

beforeEach(() => {
  clock = new ManualClock();
  certificate = selfSigned('first');
  asked = [];
});
afterEach(() => server.stop());

async function ask(options: RequestOptions = {}, body = '') {
  const sent = httpsRequest({
    port: server.port,
    path: '/metrics',
    rejectUnauthorized: false,
    agent: false,
    ...options,
  });
  sent.end(body);
  const [response] = await once(sent, 'response');
  return {
    code: response.statusCode as number,
    headers: response.headers as Record<string, string>,
    text: await text(response),
  };
}

describe('the server of the metrics', () => {
  it('gives them to whom the API server lets have them', async () => {
    await serve('granted');
    const { code, headers, text } = await ask({ headers: { authorization: 'Bearer t' } });
    expect([code, headers['content-type'], text]).toEqual([200, contentType, 'a_total 1\n']);
    expect(asked).toEqual(['Bearer t']);
  });

  it('takes no notice of a query', async () => {
    await serve('granted');
    expect((await ask({ path: '/metrics?x=1' })).code).toBe(200);
  });

  it('tells only how much there is where that is asked', async () => {
    await serve('granted');
    const { code, headers, text } = await ask({ method: 'HEAD' });
    expect([code, headers['content-length'], text]).toEqual([200, '10', '']);
  });

  it.each<[Access, number, Record<string, string>]>([
    ['anonymous', 401, { 'www-authenticate': 'Bearer' }],
    ['forbidden', 403, {}],
    ['unknown', 503, { 'retry-after': '10' }],
    ['busy', 503, { 'retry-after': '1' }],
  ])('answers who is %s with %i and a sentence', async (access, code, headers) => {
    await serve(access);
    const answer = await ask();
    expect(answer.code).toBe(code);
    expect(answer.headers).toMatchObject(headers);
    expect(answer.text).toMatch(/^(unauthorized|forbidden|unavailable): /);
    expect(answer.text).not.toContain('a_total');
  });

  it.each(['/', '/metrics/', '/healthz', '//metrics', '/%6detrics', '*'])(
    'knows no path %s, and asks nobody about it',
    async (path) => {
      await serve('granted');
      expect((await ask({ path })).code).toBe(404);
      expect(asked).toEqual([]);
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])(
    'does not know how to %s',
    async (method) => {
      await serve('granted');
      const { code, headers } = await ask({ method });
      expect([code, headers['allow']]).toEqual([405, 'GET, HEAD']);
    },
  );

  it('takes no body, announced or in chunks', async () => {
    await serve('granted');
    expect(await ask({ method: 'GET', headers: { 'content-length': 1 } }, 'x')).toMatchObject({
      code: 413,
      headers: { connection: 'close' },
    });
    const chunks = { headers: { 'transfer-encoding': 'chunked' } };
    expect((await ask(chunks, 'x')).code).toBe(413);
    expect(asked).toEqual([]);
  });

  it('takes no header above 16 KiB', async () => {
    await serve('granted');
    const headers = { authorization: `Bearer ${'t'.repeat(17_000)}` };
    expect((await ask({ headers })).code).toBe(431);
    expect(asked).toEqual([]);
  });

  it('outlives a defect in what it serves, and tells of it', async () => {
    const errors: Fields[] = [];
    await serve('granted', {
      metrics: { contentType, text: () => Promise.reject(new Error('broken')) },
      log: { ...silentLog, error: (message, fields) => errors.push({ message, ...fields }) },
    });
    expect((await ask()).code).toBe(500);
    expect((await ask()).code).toBe(500);
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatchObject({ error: { message: 'broken' } });
  });

  it('speaks HTTPS only, of version 1.2 or newer', async () => {
    await serve('granted');
    await expect(fetch(`http://127.0.0.1:${server.port}/metrics`)).rejects.toThrow();
    await expect(ask({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' })).rejects.toThrow();
  });

  it('ends though somebody keeps a connection', async () => {
    await serve('granted');
    const socket = await connection();
    const closed = once(socket.resume(), 'close');
    await server.stop();
    await closed;
  });

  it('rejects a port that is taken, by the name of its setting', async () => {
    await serve('granted');
    const other = new MetricsServer({
      port: server.port,
      metrics: { contentType, text: async () => '' },
      access: { of: async () => 'granted' },
      certificate: { current: async () => certificate },
      clock,
      log: silentLog,
    });
    await expect(other.start()).rejects.toThrow(
      new RegExp(`^METRICS_PORT is ${server.port}, where nothing can listen: .*EADDRINUSE`),
    );
    await other.stop();
  });
});

/** An open connection, over which nothing has been said. */
async function connection(): Promise<TLSSocket> {
  const socket = connect({ port: server.port, rejectUnauthorized: false });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

describe('a certificate that is replaced', () => {
  const shown = async (): Promise<string> => {
    const socket = await connection();
    const { subject }: PeerCertificate = socket.getPeerCertificate();
    socket.destroy();
    return String(subject.CN);
  };

  it('is shown within ten seconds, and open connections go on', async () => {
    await serve('granted');
    const before = await connection();
    expect(await shown()).toBe('first');
    certificate = selfSigned('second');
    expect(await shown()).toBe('first');
    await clock.advance(10_000);
    expect(await shown()).toBe('second');
    certificate = selfSigned('third');
    await clock.advance(10_000);
    expect(await shown()).toBe('third');
    before.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    const [answer] = await once(before, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
    before.destroy();
  });

  it('is not looked for any more once the server has stopped', async () => {
    await serve('granted');
    await server.stop();
    expect(clock.waits).toEqual([]);
  });
});

describe('whatever is sent', () => {
  /** What comes back until the server has had enough. */
  async function exchange(bytes: string): Promise<string> {
    const socket = await connection();
    socket.end(bytes);
    return (await text(socket)) || 'nothing';
  }

  const tokens = fc.string({ unit: anyCharacter, maxLength: 200 });

  it('is answered, and gives the metrics to nobody', async () => {
    const answers = fc.constantFrom<Access>('anonymous', 'forbidden', 'unknown', 'busy');
    let access: Access = 'anonymous';
    await serve('anonymous', { access: { of: async () => access } });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          tokens,
          fc
            .tuple(fc.constantFrom('GET', 'HEAD', 'POST', 'X'), tokens, tokens)
            .map(
              ([method, path, token]) =>
                `${method} /metrics${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${token}\r\nconnection: close\r\n\r\n`,
            ),
          tokens.map((token) => `GET /metrics HTTP/1.1\r\n${token}`),
        ),
        answers,
        async (bytes, answer) => {
          access = answer;
          expect(await exchange(bytes)).toMatch(
            /^(HTTP\/1\.1 (400|401|403|404|405|413|431|503) |nothing)/,
          );
        },
      ),
      { numRuns: 200 },
    );
    access = 'granted';
    expect((await ask()).code).toBe(200);
  });
});
