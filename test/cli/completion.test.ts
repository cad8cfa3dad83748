import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { complete, completion, completionUsage } from '../../src/cli/completion.ts';
import { UsageError } from '../../src/errors.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import {
  type EmbeddedCluster,
  startEmbeddedCluster,
} from '../cluster/embedded/embedded-cluster.ts';
import { aPuller } from '../pullers.ts';
import { customResource, grantView, viewer } from './viewer.ts';

const directory = mkdtempSync(join(tmpdir(), 'completion-'));
const kubeconfig = join(directory, 'kubeconfig');
let cluster: EmbeddedCluster;

beforeAll(async () => {
  cluster = await startEmbeddedCluster({ nodes: 0 });
  const workspaces: KubeObject = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'workspaces' },
  };
  cluster.apply(customResource, workspaces, ...grantView('workspaces'));
  cluster.apply(aPuller({}, { name: 'first' }), aPuller({}, { name: 'second' }));
  cluster.apply(aPod('node-b'), aPod('node-a'), aPod('node-c', 'somebody-elses'));
  writeFileSync(kubeconfig, cluster.kubeconfig(viewer));
});

afterAll(async () => {
  await cluster.stop();
  rmSync(directory, { recursive: true });
});

/** A pod of a cache, unless it is labelled otherwise. */
function aPod(nodeName: string, test = 'daemonset-test'): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${nodeName}`, namespace: 'workspaces', labels: { test } },
    spec: { nodeName, containers: [{ name: 'cache', image: 'quay.io/example/cache:1' }] },
  };
}

/** What is offered for the last word of a line, and the directive after it. */
async function offered(line: string, env: Readonly<Record<string, string>> = {}) {
  const answer = await complete(line.split(' '), { KUBECONFIG: kubeconfig, ...env });
  return answer.trimEnd().split('\n');
}

describe('completion offers', () => {
  it.each<[string, readonly string[]]>([
    ['st', ['status\tshows which images are on which nodes', ':4']],
    [
      'status --c',
      [expect.stringMatching(/^--cluster\t/), expect.stringMatching(/^--context\t/), ':4'],
    ],
    ['status -o ', ['json', 'table', 'wide', 'yaml', ':4']],
    ['completion ', ['bash', 'fish', 'zsh', ':4']],
    ['render -f ', [':0']],
    ['status --request-timeout ', [':4']],
    ['no-command ', [':4']],
  ])('for "%s" what needs no cluster', async (line, expected) => {
    expect(await offered(line)).toEqual(expected);
  });

  it('the pullers of the namespace in the line', async () => {
    const line = (word: string) => `status --kubeconfig ${kubeconfig} -n workspaces ${word}`;
    expect(await offered(line(''))).toEqual(['first', 'second', ':4']);
    expect(await offered(line('se'))).toEqual(['second', ':4']);
  });

  it('the nodes that have a pod of a cache', async () => {
    const line = `status --kubeconfig ${kubeconfig} -n workspaces --node `;
    expect(await offered(line)).toEqual(['node-a', 'node-b', ':4']);
  });

  it('the contexts, clusters and users of the kubeconfig', async () => {
    for (const flag of ['context', 'cluster', 'user']) {
      expect(await offered(`status --kubeconfig ${kubeconfig} --${flag} e`)).toEqual([
        'embedded',
        ':4',
      ]);
    }
  });

  it('nothing where the cluster does not tell', async () => {
    const line = `status --kubeconfig ${kubeconfig}`;
    expect(await offered(`${line} -n `)).toEqual([':4']);
    expect(await offered(`${line} -n elsewhere `)).toEqual([':4']);
    expect(await offered('status --kubeconfig /does/not/exist ')).toEqual([':4']);
  });
});

describe('the script for bash', () => {
  /** What bash would complete the line to, with a program that answers as given. */
  function completed(answer: string, line: string): readonly string[] {
    const fake = join(directory, 'kubectl-image_puller');
    writeFileSync(fake, `#!/bin/sh\nprintf '%s\\n' "$@" >${fake}.args\nprintf '${answer}'\n`);
    chmodSync(fake, 0o755);
    const words = [fake, ...line.split(' ')].map((word) => `'${word}'`).join(' ');
    const { stdout, stderr } = spawnSync('bash', [
      '--norc',
      '-c',
      `
      ${completion(['bash'])}
      COMP_WORDS=(${words}) COMP_CWORD=${line.split(' ').length}
      _kubectl_image_puller
      printf '%s\\n' "\${COMPREPLY[@]}"
      cat ${fake}.args`,
    ]);
    expect(String(stderr)).toBe('');
    return String(stdout).trimEnd().split('\n');
  }

  it('asks the program for the words so far and offers its candidates without descriptions', () => {
    const answer = 'first\\tsays something\\nsecond\\n:4\\n';
    expect(completed(answer, 'status -n workspaces x')).toEqual([
      ...['first', 'second'],
      ...['__complete', 'status', '-n', 'workspaces', 'x'],
    ]);
  });
});

describe('the command', () => {
  it.each(['bash', 'zsh', 'fish'])('prints what %s has to read', (shell) => {
    expect(completion([shell])).toMatch(/ __complete .*\n.*kubectl-image_puller/s);
  });

  it('explains itself', () => {
    expect(completion(['--help'])).toBe(completionUsage);
  });

  it.each([[[]], [['ksh']], [['bash', 'zsh']]])('says which shells there are, for %j', (args) => {
    expect(() => completion(args)).toThrow(UsageError);
    expect(() => completion(args)).toThrow(
      /^completion is asked for ".*": expected one of bash, zsh, fish\n/,
    );
  });
});
