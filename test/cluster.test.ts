import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClusterChoice, kubeConfigOf, namespaceOf } from '../src/cluster.ts';
import { UsageError } from '../src/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'cluster-'));
afterAll(() => rmSync(directory, { recursive: true }));

const kubeconfig = join(directory, 'config');
writeFileSync(
  kubeconfig,
  `
apiVersion: v1
kind: Config
current-context: here
contexts:
- { name: here, context: { cluster: near, user: viewer } }
- { name: there, context: { cluster: far, user: editor, namespace: workspaces } }
users:
- { name: viewer, user: { token: v } }
- { name: editor, user: { token: e } }
clusters:
- { name: near, cluster: { server: 'https://near.example' } }
- { name: far, cluster: { server: 'https://far.example' } }
`,
);

/** Where and as whom the program would speak, and of which namespace. */
async function target(choice: ClusterChoice) {
  const kubeConfig = await kubeConfigOf({}, { kubeconfig, ...choice });
  return [
    kubeConfig.getCurrentCluster()?.server,
    kubeConfig.getCurrentUser()?.name,
    namespaceOf(kubeConfig),
  ];
}

describe('the cluster that a person chooses', () => {
  it.each<[string, ClusterChoice, readonly string[]]>([
    ['is that of the current context', {}, ['https://near.example', 'viewer', 'default']],
    [
      'is that of another context, with its namespace',
      { context: 'there' },
      ['https://far.example', 'editor', 'workspaces'],
    ],
    [
      'has the cluster of the choice and the user of the context',
      { cluster: 'far' },
      ['https://far.example', 'viewer', 'default'],
    ],
    [
      'is spoken to as the user of the choice',
      { context: 'there', user: 'viewer' },
      ['https://far.example', 'viewer', 'workspaces'],
    ],
  ])('%s', async (_what, choice, expected) => {
    expect(await target(choice)).toEqual(expected);
  });

  it.each<[ClusterChoice, string]>([
    [
      { context: 'nowhere' },
      '--context is "nowhere", and the kubeconfig has the contexts "here", "there"',
    ],
    [{ cluster: 'x' }, '--cluster is "x", and the kubeconfig has the clusters "near", "far"'],
    [{ user: 'x' }, '--user is "x", and the kubeconfig has the users "viewer", "editor"'],
  ])('must be one that the kubeconfig has: %j', async (choice, sentence) => {
    await expect(target(choice)).rejects.toThrow(new UsageError(sentence));
  });

  it('has the address, and the trust, of the choice', async () => {
    const choice = { server: 'https://other.example', insecureSkipTlsVerify: true };
    const kubeConfig = await kubeConfigOf({}, { kubeconfig, ...choice });
    expect(kubeConfig.getCurrentCluster()).toMatchObject({
      name: 'near',
      server: 'https://other.example',
      skipTLSVerify: true,
    });
    expect(kubeConfig.getCluster('far')).toMatchObject({ server: 'https://far.example' });
  });

  it.each<[string, ClusterChoice, object]>([
    ['keeps its user', {}, { name: 'viewer', token: 'v' }],
    ['is shown another token', { token: 't' }, { name: 'viewer', token: 't' }],
    [
      'is asked to take the user for another one',
      { as: 'boss' },
      { name: 'viewer', token: 'v', impersonateUser: 'boss' },
    ],
    [
      'is asked so by another token',
      { user: 'editor', token: 't', as: 'boss' },
      { name: 'editor', token: 't', impersonateUser: 'boss' },
    ],
  ])('%s', async (_what, choice, user) => {
    const kubeConfig = await kubeConfigOf({}, { kubeconfig, ...choice });
    expect(kubeConfig.getCurrentUser()).toMatchObject(user);
  });

  it('is shown nothing but the token that is chosen', async () => {
    const password = join(directory, 'password');
    writeFileSync(
      password,
      readFileSync(kubeconfig, 'utf8').replace('{ token: v }', '{ username: a, password: b }'),
    );
    const choice = { kubeconfig: password, token: 't' };
    const kubeConfig = await kubeConfigOf({}, choice);
    expect(kubeConfig.getCurrentUser()).toEqual({ name: 'viewer', token: 't' });
  });

  it('is spoken to by a token where its context has no user, and needs no file', async () => {
    const choice = { server: 'https://other.example', token: 't' };
    const kubeConfig = await kubeConfigOf({ HOME: directory }, choice);
    expect(kubeConfig.getCurrentCluster()?.server).toBe('https://other.example');
    expect(kubeConfig.getCurrentUser()?.token).toBe('t');
  });

  it('is asked for in a file that has to be there', async () => {
    const choice = { kubeconfig: '/does/not/exist' };
    await expect(kubeConfigOf({ KUBECONFIG: kubeconfig }, choice)).rejects.toThrow(
      '--kubeconfig is /does/not/exist, which cannot be read',
    );
  });
});
