import { type BenchOptions, parseOptions, parts } from './options.ts';

describe('the options of npm run bench', () => {
  it('measure our operator in all parts on the embedded cluster unless told otherwise', () => {
    expect(parseOptions([])).toEqual({
      cluster: 'embedded',
      only: parts,
      crowd: 500,
      nodes: 5000,
      idleSeconds: 60,
    } satisfies BenchOptions);
  });

  it('ask a real control plane for a thousand nodes, which is what a machine can bear', () => {
    expect(parseOptions(['--cluster', 'real']).nodes).toBe(1000);
    expect(parseOptions(['--cluster', 'real', '--nodes', '50']).nodes).toBe(50);
  });

  it('take any other operator by its command, and tell its requests by their user agent', () => {
    const args = ['--operator', './manager --leader-elect', '--user-agent', 'manager'];
    expect(parseOptions([...args, '--child', 'deployments']).other).toEqual({
      command: './manager --leader-elect',
      userAgent: 'manager',
      readyUrl: 'http://127.0.0.1:8081/readyz',
      child: 'deployments',
    });
  });

  it.each([
    [['--cluster', 'cloud'], '--cluster does not take "cloud"'],
    [['--only', 'crowd,all'], '--only does not take "all"'],
    [['--crowd', '0'], '--crowd takes a number from 1 to 99999, not "0"'],
    [['--idle-seconds', 'ten'], '--idle-seconds takes a number'],
    [['--operator', 'x', '--child', 'pods'], '--child does not take "pods"'],
    [['--fast'], "Unknown option '--fast'"],
  ])('refuse %j and say what they take', (args, words) => {
    expect(() => parseOptions(args)).toThrow(words);
    expect(() => parseOptions(args)).toThrow('usage: npm run bench');
  });
});
