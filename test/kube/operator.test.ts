import { createRequire } from 'node:module';
import { Operator, type Runnable } from '../../src/kube/operator.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { ManualClock } from '../manual-clock.ts';

const never = () => new Promise<void>(() => {});

/** Writes down when it starts and stops; `start` and `stop` can be replaced. */
function aRunnable(name: string, diary: string[], parts: Partial<Runnable> = {}): Runnable {
  return {
    name,
    start: () => {
      diary.push(`start ${name}`);
      return parts.start?.() ?? Promise.resolve();
    },
    stop: () => {
      diary.push(`stop ${name}`);
      return parts.stop?.() ?? Promise.resolve();
    },
  };
}

function anOperator(
  groups: readonly (readonly Runnable[])[],
  clock = new ManualClock(),
  log: Log = silentLog,
) {
  return new Operator(
    groups.map((runnables, index) => ({ name: `group ${index}`, runnables })),
    { clock, log },
  );
}

describe('the operator', () => {
  it('starts groups in order, each when the one before it runs, and stops them in reverse', async () => {
    const diary: string[] = [];
    const synced = Promise.withResolvers<void>();
    const operator = anOperator([
      [aRunnable('health', diary)],
      [aRunnable('pods', diary, { start: () => synced.promise }), aRunnable('daemonsets', diary)],
      [aRunnable('controller', diary)],
    ]);
    const started = operator.start();
    await new ManualClock().advance(0);
    expect(diary).toEqual(['start health', 'start pods', 'start daemonsets']);
    synced.resolve();
    await started;
    await operator.stop();
    expect(diary.slice(3)).toEqual([
      'start controller',
      'stop controller',
      'stop pods',
      'stop daemonsets',
      'stop health',
    ]);
  });

  it('stops what had begun where a runnable cannot start', async () => {
    const diary: string[] = [];
    const operator = anOperator([
      [aRunnable('health', diary)],
      [aRunnable('pods', diary, { start: () => Promise.reject(new Error('no pods')) })],
      [aRunnable('controller', diary)],
    ]);
    await expect(operator.start()).rejects.toThrow('no pods');
    expect(diary).toEqual(['start health', 'start pods', 'stop pods', 'stop health']);
  });

  it('gives up starting when it is stopped while a cache waits for its first list', async () => {
    const diary: string[] = [];
    const operator = anOperator([
      [aRunnable('pods', diary, { start: never })],
      [aRunnable('controller', diary)],
    ]);
    const started = operator.start();
    await operator.stop();
    await started;
    expect(diary).toEqual(['start pods', 'stop pods']);
  });

  it('leaves behind what does not stop in time, and stops the rest', async () => {
    const diary: string[] = [];
    const warnings: unknown[] = [];
    const clock = new ManualClock();
    const operator = anOperator(
      [[aRunnable('health', diary)], [aRunnable('stuck', diary, { stop: never })]],
      clock,
      { ...silentLog, warn: (message, fields) => warnings.push([message, fields]) },
    );
    await operator.start();
    const stopped = operator.stop();
    await clock.advance(7_000);
    await stopped;
    expect(diary.slice(2)).toEqual(['stop stuck', 'stop health']);
    expect(warnings).toEqual([['left behind what did not stop in time', { runnable: 'stuck' }]]);
    expect(clock.waits).toEqual([]);
  });

  it('stops the rest where one fails to stop, and stops once only', async () => {
    const diary: string[] = [];
    const operator = anOperator([
      [aRunnable('health', diary)],
      [aRunnable('broken', diary, { stop: () => Promise.reject(new Error('broken')) })],
    ]);
    await operator.start();
    await Promise.all([operator.stop(), operator.stop()]);
    expect(diary.slice(2)).toEqual(['stop broken', 'stop health']);
  });

  it('is an Operator of @dot-i/k8s-operator that cannot watch, write status or set finalizers', async () => {
    const { default: Base } = createRequire(import.meta.url)('@dot-i/k8s-operator');
    const operator = anOperator([]);
    expect(operator).toBeInstanceOf(Base);
    const methods = [
      'registerCustomResourceDefinition',
      'watchResource',
      'setResourceStatus',
      'patchResourceStatus',
      'handleResourceFinalizer',
      'setResourceFinalizers',
      'applyAxiosKubeConfigAuth',
      'applyGaxiosKubeConfigAuth',
    ];
    const inherited = operator as unknown as Record<string, () => Promise<never>>;
    for (const method of methods) {
      await expect(inherited[method]?.()).rejects.toThrow(`${method} of @dot-i/k8s-operator`);
    }
  });

  it('can be made where the kubeconfig of the environment is broken', () => {
    const before = process.env['KUBECONFIG'];
    process.env['KUBECONFIG'] = '/nowhere/kubeconfig';
    try {
      expect(() => anOperator([])).not.toThrow();
    } finally {
      if (before === undefined) delete process.env['KUBECONFIG'];
      else process.env['KUBECONFIG'] = before;
    }
  });
});
