import { statusOptions, statusUsage } from '../../../src/cli/status/options.ts';
import { UsageError } from '../../../src/errors.ts';

function given(line: string) {
  return statusOptions(line === '' ? [] : line.split(' '));
}

describe('the arguments of status', () => {
  it('are none at all for the pullers of the present namespace as tables', () => {
    expect(given('')).toEqual({
      names: [],
      namespace: undefined,
      format: 'table',
      watch: false,
      node: undefined,
      choice: { kubeconfig: undefined, context: undefined, cluster: undefined, user: undefined },
      requestTimeoutMs: 10_000,
    });
  });

  it.each([
    ['-n there', { namespace: 'there' }],
    ['-nthere', { namespace: 'there' }],
    ['-n=there', { namespace: 'there' }],
    ['--namespace=there', { namespace: 'there' }],
    ['-A', { namespace: '' }],
    ['--all-namespaces', { namespace: '' }],
    ['-o json', { format: 'json' }],
    ['-oyaml', { format: 'yaml' }],
    ['-o=wide', { format: 'wide' }],
    ['-w', { watch: true }],
    ['-Aw', { namespace: '', watch: true }],
    ['--node node-1', { node: 'node-1' }],
    ['one two one', { names: ['one', 'two'] }],
    ['kip/one KubernetesImagePullers/two', { names: ['one', 'two'] }],
    ['kubernetesimagepuller.che.eclipse.org/one', { names: ['one'] }],
    ['kubernetesimagepullers.v1alpha1.che.eclipse.org/one', { names: ['one'] }],
    ['one -o wide two', { names: ['one', 'two'], format: 'wide' }],
    ['--request-timeout 1m30s', { requestTimeoutMs: 90_000 }],
    ['--request-timeout=5', { requestTimeoutMs: 5000 }],
    ['--request-timeout 1.5s', { requestTimeoutMs: 1500 }],
    ['--request-timeout 250ms', { requestTimeoutMs: 250 }],
    ['--request-timeout 0', { requestTimeoutMs: 2 ** 31 - 1 }],
    ['--request-timeout 0s', { requestTimeoutMs: 2 ** 31 - 1 }],
    ['--request-timeout 9999h', { requestTimeoutMs: 2 ** 31 - 1 }],
  ])('may be written as users of kubectl do: %s', (line, expected) => {
    expect(given(line)).toMatchObject(expected);
  });

  it('choose the cluster', () => {
    const line = '--kubeconfig k --context c --cluster l --user u -s=url --token t --as a';
    expect(given(`${line} --insecure-skip-tls-verify`)?.choice).toEqual({
      kubeconfig: 'k',
      context: 'c',
      cluster: 'l',
      user: 'u',
      server: 'url',
      token: 't',
      as: 'a',
      insecureSkipTlsVerify: true,
    });
  });

  it.each(['-h', '--help', 'name --help -o json'])('ask for the usage: %s', (line) => {
    expect(given(line)).toBeUndefined();
  });

  it.each([
    ['-A -n there', '--all-namespaces and --namespace exclude each other: leave one of them out'],
    ['-A one', '"one" cannot be looked for with --all-namespaces: name its namespace with -n'],
    ['-w --node node-1', '--watch and --node exclude each other: leave one of them out'],
    ['-o xml', '--output is "xml": expected one of table, wide, json, yaml'],
    ['pod/one', '"pod/one" is no puller: expected NAME or kip/NAME'],
    ['kip/', '"kip/" is no puller: expected NAME or kip/NAME'],
    ['--node=', '--node is "": expected a name, or leave the flag out'],
    ['--context=', '--context is "": expected a name, or leave the flag out'],
    [
      '--request-timeout soon',
      '--request-timeout is "soon": expected a time such as 5s or 1m, or 0 for none',
    ],
    [
      '--request-timeout=-1s',
      '--request-timeout is "-1s": expected a time such as 5s or 1m, or 0 for none',
    ],
  ])('are refused in a sentence: %s', (line, sentence) => {
    expect(() => given(line)).toThrow(new UsageError(sentence));
  });

  it.each([
    ['--nodes 3', "Unknown option '--nodes'"],
    ['-n', "Option '-n, --namespace <value>' argument missing"],
  ])('are explained where they are not known: %s', (line, sentence) => {
    expect(() => given(line)).toThrow(UsageError);
    expect(() => given(line)).toThrow(sentence);
    expect(() => given(line)).toThrow(statusUsage);
  });
});

it('are explained in lines that fit a terminal', () => {
  expect(Math.max(...statusUsage.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
});
