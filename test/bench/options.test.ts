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

  it('ask a real control plane for 500 nodes, which is what a machine can bear', () => {
    expect(parseOptions(['--cluster', 'real'])?.nodes).toBe(500);
    expect(parseOptions(['--cluster', 'real', '--nodes', '50'])?.nodes).toBe(50);
  });

  it('leave the controllers of a real control plane as they are unless told otherwise', () => {
    expect(parseOptions(['--cluster', 'real'])?.controllerQps).toBeUndefined();
    expect(parseOptions(['--cluster', 'real', '--controller-qps', '200'])?.controllerQps).toBe(200);
  });

  it('take any other operator by its command, and tell its requests by their user agent', () => {
    const args = ['--cluster', 'real', '--operator', './manager', '--user-agent', 'manager'];
    expect(parseOptions([...args, '--child', 'deployments'])?.other).toEqual({
      command: './manager',
      userAgent: 'manager',
      readyUrl: 'http://127.0.0.1:8081/readyz',
      child: 'deployments',
    });
  });

  it('are none where the usage is asked for', () => {
    expect(parseOptions(['--help'])).toBeUndefined();
    expect(parseOptions(['-h', '--nodes', 'many'])).toBeUndefined();
  });

  it.each([
    [['--cluster', 'cloud'], '--cluster does not take "cloud"'],
    [['--only', 'crowd,all'], '--only does not take "all"'],
    [['--crowd', '0'], '--crowd takes a number from 1 to 99999, not "0"'],
    [['--idle-seconds', 'ten'], '--idle-seconds takes a number'],
    [['--controller-qps', '20'], '--controller-qps is for the controllers of --cluster real'],
    [['--operator', 'x', '--child', 'pods'], '--child does not take "pods"'],
    [['--operator', 'x', '--user-agent', 'y'], '--user-agent needs --cluster real'],
    [['--child', 'deployments'], '--child is told of another operator'],
    [['--fast'], "Unknown option '--fast'"],
  ])('refuse %j and say what they take', (args, words) => {
    expect(() => parseOptions(args)).toThrow(words);
    expect(() => parseOptions(args)).toThrow('Usage: npm run bench');
  });
});
