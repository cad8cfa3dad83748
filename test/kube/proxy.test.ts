import { once } from 'node:events';
import { createServer as createHttpServer, get } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createClient } from '../../src/kube/http-client.ts';
import { pods } from '../../src/kube/objects.ts';
import { ManualClock } from '../manual-clock.ts';
import { type SelfSigned, selfSigned } from './certificate.ts';
import { aKubeConfig, ScriptedServer } from './scripted-server.ts';

interface Proxy {
  readonly server: Server;
  /** Where it was asked to connect to. */
  readonly targets: readonly string[];
}

/** Joins a client that asked for a target with that target. */
function join(client: Socket, host: string, port: number): void {
  const target = connect(port, host);
  target.on('error', () => client.destroy());
  client.on('error', () => target.destroy());
  client.pipe(target).pipe(client);
}

/** An http proxy that forwards requests, and tunnels where it is asked to (CONNECT). */
function httpProxy(): Proxy {
  const targets: string[] = [];
  const server = createHttpServer((request, response) => {
    targets.push(request.headers.host ?? '');
    const { headers } = request;
    get(request.url ?? '', { headers }, (answer) => answer.pipe(response));
  });
  server.on('connect', (request, client) => {
    targets.push(request.url ?? '');
    const { hostname, port } = new URL(`http://${request.url}`);
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    join(client as Socket, hostname, Number(port));
  });
  return { server, targets };
}

/** A SOCKS5 proxy without authentication (RFC 1928), for IPv4 addresses and names. */
function socksProxy(): Proxy {
  const targets: string[] = [];
  const server = createServer((client) => {
    client.once('data', () => {
      client.write(Buffer.from([5, 0]));
      client.once('data', (request: Buffer) => {
        const isName = request[3] === 3;
        const end = isName ? 5 + (request[4] ?? 0) : 8;
        const host = isName ? request.toString('ascii', 5, end) : request.subarray(4, 8).join('.');
        const port = request.readUInt16BE(end);
        targets.push(`${host}:${port}`);
        client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        join(client, host, port);
      });
    });
  });
  return { server, targets };
}

describe('an API server behind a proxy', () => {
  const toEnd: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const end of toEnd.splice(0)) await end();
  });

  const tls: [string, SelfSigned | undefined][] = [
    ['http', undefined],
    ['https', selfSigned('behind a proxy')],
  ];
  const proxies: [string, () => Proxy][] = [
    ['http', httpProxy],
    ['socks5', socksProxy],
  ];
  const cases = proxies.flatMap(([proxy, make]) =>
    tls.map(([server, certificate]) => ({ proxy, make, server, certificate })),
  );

  it.each(cases)('is reached by $server through $proxy', async ({ proxy, make, certificate }) => {
    const { server, targets } = make();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const api = await ScriptedServer.start(certificate);
    const cluster = {
      proxyUrl: `${proxy}://127.0.0.1:${port}`,
      ...(certificate && { caData: Buffer.from(certificate.cert).toString('base64') }),
    };
    const url = api.url.replace('127.0.0.1', 'localhost');
    const client = createClient(aKubeConfig(url, { cluster }), {
      clock: new ManualClock(),
      userAgent: 'tester/1',
    });
    toEnd.push(
      () => client.close(),
      () => api.stop(),
      async () => {
        server.close();
      },
    );
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } };
    api.always((exchange) => exchange.answer(200, pod));
    expect(await client.get(pods, 'n', 'a')).toEqual(pod);
    expect(targets).toEqual([new URL(url).host]);
  });

  it('is never asked past a proxy of an unknown kind', async () => {
    const api = await ScriptedServer.start();
    const cluster = { proxyUrl: 'gopher://127.0.0.1:70' };
    const client = createClient(aKubeConfig(api.url, { cluster }), {
      clock: new ManualClock(),
      userAgent: 'tester/1',
    });
    toEnd.push(() => api.stop());
    await expect(client.get(pods, 'n', 'a')).rejects.toThrow('proxy-url "gopher:');
    expect(api.connections).toBe(0);
  });
});
