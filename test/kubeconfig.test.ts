import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { kubeConfigOf } from '../src/cluster.ts';
import { createClient } from '../src/kube/http-client.ts';
import { pods } from '../src/kube/objects.ts';
import { ScriptedServer } from './kube/scripted-server.ts';
import { ManualClock } from './manual-clock.ts';

const directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
afterAll(() => rmSync(directory, { recursive: true }));

const file = (name: string, text: string) => {
  mkdirSync(join(directory, name, '..'), { recursive: true });
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

let server: ScriptedServer;

beforeEach(async () => {
  server = await ScriptedServer.start();
});

afterEach(() => server.stop());

const config = (user: string, context = 'here') => `
current-context: ${context}
contexts: [{ name: ${context}, context: { cluster: c-${context}, user: ${context} } }]
users: [{ name: ${context}, user: ${user} }, { name: nobody-${context} }]
clusters: [{ name: c-${context}, cluster: { server: '${server.url}' } }]
`;

/** What a server is told of the user, in each of two requests, between which something happens. */
async function shown(kubeconfig: string, meanwhile = () => {}) {
  const clock = new ManualClock();
  const kubeConfig = await kubeConfigOf({}, { kubeconfig });
  const client = createClient(kubeConfig, { clock, userAgent: 'tester/1' });
  const headers: (string | undefined)[] = [];
  server.always((exchange) => {
    headers.push(exchange.headers.authorization);
    const isOld = exchange.headers.authorization?.endsWith('old') && headers.length > 1;
    exchange.answer(isOld ? 401 : 200, {});
  });
  await client.get(pods, 'n', 'a');
  meanwhile();
  await client.get(pods, 'n', 'a').catch(() => {});
  await client.close();
  return headers;
}

describe('a user whose kubeconfig names a file with its token', () => {
  it.each([
    ['by its path', 'token', join(directory, 'token')],
    ['beside the kubeconfig', 'beside', 'beside'],
    ['in a folder beside it', 'folder/token', './folder/token'],
  ])('is shown by that, %s', async (_where, name, tokenFile) => {
    file(name, 'from-file\n');
    const kubeconfig = file('config', config(`{ tokenFile: '${tokenFile}' }`));
    expect(await shown(kubeconfig)).toEqual(['Bearer from-file', 'Bearer from-file']);
  });

  it('is shown by the file where there is a token beside it', async () => {
    const kubeconfig = file('config', config(`{ token: t, tokenFile: ${file('t', 'from-file')} }`));
    expect(await shown(kubeconfig)).toContain('Bearer from-file');
  });

  it('is shown by what the file holds by then, where that was replaced', async () => {
    const kubeconfig = file('config', config(`{ tokenFile: ${file('token', 'old')} }`));
    const headers = await shown(kubeconfig, () => file('token', 'new'));
    expect(headers).toEqual(['Bearer old', 'Bearer old', 'Bearer new']);
  });

  it('is shown by its token where a file is only remarked upon', async () => {
    const kubeconfig = file('config', `${config('{ token: t }')}# { tokenFile: none }\n`);
    expect(await shown(kubeconfig)).toContain('Bearer t');
  });
});

describe('a user of a kubeconfig without the file of its token', () => {
  it('is told which file is missing', async () => {
    const kubeconfig = file('config', config(`{ tokenFile: '/does/not/exist' }`));
    await expect(shown(kubeconfig)).rejects.toThrow('/does/not/exist');
  });
});

describe('several kubeconfigs', () => {
  it('are one, in which the first current context counts', async () => {
    const first = file('first', 'clusters: []');
    const second = file('a/second', config(`{ tokenFile: token }`, 'here'));
    const third = file('third', config('{ token: there }', 'there'));
    const KUBECONFIG = [first, second, third].join(delimiter);
    const kubeConfig = await kubeConfigOf({ KUBECONFIG });
    expect(kubeConfig.getCurrentUser()).toMatchObject({
      name: 'here',
      authProvider: { config: { tokenFile: join(directory, 'a/token') } },
    });
    const other = await kubeConfigOf({ KUBECONFIG }, { context: 'there' });
    expect(other.getCurrentUser()).toMatchObject({ name: 'there', token: 'there' });
  });
});
