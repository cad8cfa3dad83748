import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
function target(choice: ClusterChoice) {
  const kubeConfig = kubeConfigOf({}, { kubeconfig, ...choice });
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
  ])('%s', (_what, choice, expected) => {
    expect(target(choice)).toEqual(expected);
  });

  it.each<[ClusterChoice, string]>([
    [
      { context: 'nowhere' },
      '--context is "nowhere", and the kubeconfig has the contexts "here", "there"',
    ],
    [{ cluster: 'x' }, '--cluster is "x", and the kubeconfig has the clusters "near", "far"'],
    [{ user: 'x' }, '--user is "x", and the kubeconfig has the users "viewer", "editor"'],
  ])('must be one that the kubeconfig has: %j', (choice, sentence) => {
    expect(() => target(choice)).toThrow(new UsageError(sentence));
  });

  it('is asked for in a file that has to be there', () => {
    const choice = { kubeconfig: '/does/not/exist' };
    expect(() => kubeConfigOf({ KUBECONFIG: kubeconfig }, choice)).toThrow(
      '--kubeconfig is /does/not/exist, which cannot be read',
    );
  });
});
