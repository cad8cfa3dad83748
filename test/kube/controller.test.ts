import { sleep } from '../../src/clock.ts';
import { TerminalError, WaitingError } from '../../src/errors.ts';
import { ApiError } from '../../src/kube/client.ts';
import {
  Controller,
  type ControllerOptions,
  type FinishedRun,
  type Reconcile,
  type ReconcileContext,
} from '../../src/kube/controller.ts';
import { WorkQueue } from '../../src/kube/work-queue.ts';
import type { Fields, Log } from '../../src/log.ts';
import { ManualClock, settle } from '../manual-clock.ts';

interface Line extends Fields {
  readonly level: string;
  readonly message: string;
}

function aLog(lines: Line[]): Log {
  const write = (level: string) => (message: string, fields?: Fields) => {
    lines.push({ ...fields, level, message });
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** A controller at work, with a reconcile that the test supplies. */
async function aController(
  reconcile: Reconcile,
  options: Partial<ControllerOptions> & { readonly clock?: ManualClock } = {},
) {
  const { clock = new ManualClock(), random = () => 0 } = options;
  const lines: Line[] = [];
  const queue = new WorkQueue({ clock, random });
  const log = aLog(lines);
  const controller = new Controller({
    name: 'things',
    queue,
    reconcile,
    clock,
    log,
    random,
    ...options,
  });
  await controller.start();
  return { controller, queue, clock, lines };
}

/** A reconcile that never ends by itself; `finish` lets the runs that go on end. */
function aHangingReconcile(honoursAbort = false) {
  const begun: string[] = [];
  const signals: AbortSignal[] = [];
  const pending: (() => void)[] = [];
  const reconcile = (key: string, { signal }: ReconcileContext) => {
    begun.push(key);
    signals.push(signal);
    return new Promise<object>((resolve, reject) => {
      pending.push(() => resolve({}));
      if (honoursAbort) signal.addEventListener('abort', () => reject(signal.reason));
    });
  };
  const finish = () => {
    for (const end of pending.splice(0)) end();
  };
  return { begun, signals, reconcile, finish };
}

describe('a controller', () => {
  it('reconciles every key of its queue', async () => {
    const seen: string[] = [];
    const { queue } = await aController(async (key) => {
      seen.push(key);
      return {};
    });
    queue.add('n/a');
    queue.add('n/b');
    await settle();
    expect(seen).toEqual(['n/a', 'n/b']);
    expect(queue.sizes).toEqual({ queued: 0, processing: 0, delayed: 0 });
  });

  it('works on as many keys at once as it has workers', async () => {
    const hanging = aHangingReconcile();
    const { queue } = await aController(hanging.reconcile, { workers: 2 });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await settle();
    expect(hanging.begun).toEqual(['a', 'b']);
    hanging.finish();
    await settle();
    expect(hanging.begun).toEqual(['a', 'b', 'c']);
  });

  it('looks again when the reconcile asks for it', async () => {
    let runs = 0;
    const { queue, clock } = await aController(async () => {
      runs += 1;
      return runs === 1 ? { requeueAfterMs: 1_000 } : {};
    });
    queue.add('a');
    await clock.advance(999);
    expect(runs).toBe(1);
    await clock.advance(1);
    expect(runs).toBe(2);
    await clock.advance(600_000);
    expect(runs).toBe(2);
  });
});

describe('the observer of a controller', () => {
  it('is told of each run, how it ended and how long it took', async () => {
    const clock = new ManualClock();
    const ends = [
      {},
      { requeueAfterMs: 60_000 },
      new WaitingError('Filling', 60_000, 'not yet'),
      new TerminalError('Wrong', 'never'),
      new Error('again'),
    ];
    const runs: FinishedRun[] = [];
    const { queue } = await aController(
      async (key) => {
        await sleep(clock, 30);
        const end = ends[Number(key)];
        if (end instanceof Error) throw end;
        return end ?? {};
      },
      { clock, workers: 5, onRun: (run) => runs.push(run) },
    );
    for (const key of ends.keys()) queue.add(String(key));
    await settle();
    await clock.advance(30);
    expect(runs).toEqual(
      ['success', 'requeued', 'waiting', 'terminal', 'failed'].map((result) => ({
        result,
        durationMs: 30,
      })),
    );
  });
});

describe('a failing reconcile', () => {
  /** Throws these one after the other, then succeeds; `times` tells when it ran. */
  async function run(...errors: readonly unknown[]) {
    const clock = new ManualClock();
    const times: number[] = [];
    const reconcile = async () => {
      times.push(clock.monotonic());
      if (times.length <= errors.length) throw errors[times.length - 1];
      return {};
    };
    const running = await aController(reconcile, { clock });
    running.queue.add('n/a');
    await settle();
    return { ...running, clock, times };
  }

  it('is retried after a growing back-off until it succeeds', async () => {
    const { times, clock } = await run(new Error('1'), new Error('2'), new Error('3'));
    await clock.advance(60_000);
    expect(times).toEqual([0, 5, 15, 35]);
  });

  it('begins with the first back-off again once it has succeeded', async () => {
    const { times, clock, queue } = await run(new Error('1'), new Error('2'));
    await clock.advance(1_000);
    queue.add('n/a');
    await clock.advance(1_000);
    expect(times).toEqual([0, 5, 15, 1_000]);
    expect(queue.addRateLimited('n/a')).toBe(5);
  });

  it('is not retried before the time the server asks for', async () => {
    const tooMany = new ApiError('get a', 429, { reason: 'TooManyRequests' }, 7_000);
    const { times, clock } = await run(tooMany);
    await clock.advance(60_000);
    expect(times).toEqual([0, 7_000]);
  });

  it('is retried like any other where the server asks for no time', async () => {
    const { times, clock } = await run(new ApiError('get a', 500, {}));
    await clock.advance(60_000);
    expect(times).toEqual([0, 5]);
  });

  it('is left alone where only a change can help, and taken up when there is one', async () => {
    const { times, clock, queue, lines } = await run(
      new TerminalError('InvalidImages', 'no image'),
    );
    await clock.advance(3_600_000);
    expect(times).toEqual([0]);
    expect(lines).toMatchObject([
      { level: 'error', reason: 'InvalidImages', key: 'n/a', times: 1 },
    ]);
    queue.add('n/a');
    await settle();
  });

  it('that waits is looked at when its time has come, and is no failure', async () => {
    const waiting = new WaitingError('WaitingForDeletion', 10_000, 'going');
    const { times, clock, lines } = await run(waiting, waiting);
    await clock.advance(60_000);
    expect(times).toEqual([0, 10_000, 20_000]);
    expect(lines.map(({ level }) => level)).toEqual(['debug', 'debug']);
  });

  it('may throw before it has begun to wait, and anything', async () => {
    const { queue, clock, lines } = await aController(() => {
      throw 'text';
    });
    queue.add('n/a');
    await clock.advance(1);
    expect(lines).toMatchObject([{ level: 'warn', error: { message: 'text' } }]);
  });

  it('is logged once, with the key, the run and the time until the retry', async () => {
    const { lines } = await run(new Error('no route'));
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'reconcile failed',
        controller: 'things',
        key: 'n/a',
        reconcileId: '00000000',
        error: new Error('no route'),
        retryInMs: 5,
        times: 1,
      },
    ]);
  });

  it('is logged at a growing distance while it fails in the same way', async () => {
    const { lines, clock } = await run(...Array.from({ length: 20 }, () => new Error('same')));
    await clock.advance(3_600_000);
    expect(lines.map(({ level, times, failures }) => [level, times ?? failures])).toEqual([
      ['warn', 1],
      ['warn', 2],
      ['warn', 4],
      ['warn', 8],
      ['warn', 16],
      ['info', 20],
    ]);
  });

  it('is logged at once when it fails in another way', async () => {
    const errors = ['a', 'a', 'a', 'b', 'a'].map((text) => new Error(text));
    const { lines, clock } = await run(...errors);
    await clock.advance(3_600_000);
    const failures = lines.filter(({ level }) => level === 'warn');
    expect(failures.map(({ error }) => (error as Error).message)).toEqual(['a', 'a', 'b', 'a']);
  });
});

describe('a reconcile that hangs', () => {
  it('is aborted after its time limit and retried', async () => {
    const hanging = aHangingReconcile(true);
    const { queue, clock, lines } = await aController(hanging.reconcile);
    queue.add('a');
    await clock.advance(59_999);
    expect(hanging.signals[0]?.aborted).toBe(false);
    await clock.advance(1 + 5);
    expect(hanging.signals[0]?.aborted).toBe(true);
    expect(hanging.begun).toEqual(['a', 'a']);
    expect(lines).toMatchObject([{ error: { message: 'the reconcile took longer than 60 s' } }]);
  });

  it('keeps its key but not its worker where it takes no notice of that', async () => {
    const hanging = aHangingReconcile();
    const { queue, clock, lines } = await aController(hanging.reconcile);
    queue.add('a');
    await clock.advance(1);
    queue.add('a');
    queue.add('b');
    await clock.advance(61_000);
    expect(hanging.begun).toEqual(['a', 'b']);
    expect(lines).toMatchObject([{ level: 'error', key: 'a' }]);
    hanging.finish();
    await settle();
    expect(hanging.begun).toEqual(['a', 'b', 'a']);
  });

  it('is not aborted once it has ended in time', async () => {
    let signal: AbortSignal | undefined;
    const { queue, clock } = await aController(async (_key, context) => {
      signal = context.signal;
      return {};
    });
    queue.add('a');
    await clock.advance(120_000);
    expect(signal?.aborted).toBe(false);
    expect(clock.waits).toEqual([]);
  });
});

describe('a controller that stops', () => {
  it('waits for what runs and begins nothing more', async () => {
    const hanging = aHangingReconcile();
    const { controller, queue } = await aController(hanging.reconcile);
    queue.add('a');
    queue.add('b');
    await settle();
    let stopped = false;
    const stopping = controller.stop().then(() => {
      stopped = true;
    });
    queue.add('c');
    await settle();
    expect(stopped).toBe(false);
    hanging.finish();
    await stopping;
    await settle();
    expect(hanging.begun).toEqual(['a']);
    expect(hanging.signals[0]?.aborted).toBe(false);
    expect(queue.sizes).toEqual({ queued: 0, processing: 0, delayed: 0 });
  });

  it('aborts what takes longer than its grace', async () => {
    const hanging = aHangingReconcile(true);
    const { controller, queue, clock } = await aController(hanging.reconcile);
    queue.add('a');
    await settle();
    const stopping = controller.stop();
    await clock.advance(4_999);
    expect(hanging.signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(hanging.signals[0]?.aborted).toBe(true);
    await stopping;
  });

  it('ends although a reconcile does not, and says so', async () => {
    const hanging = aHangingReconcile();
    const { controller, queue, clock, lines } = await aController(hanging.reconcile);
    queue.add('a');
    await settle();
    const stopping = controller.stop();
    await clock.advance(6_000);
    await stopping;
    expect(lines).toMatchObject([{ level: 'warn', key: 'a' }]);
  });

  it('ends at once where nothing runs, and leaves no timer', async () => {
    const { controller, clock } = await aController(async () => ({}), { resync: () => [] });
    await controller.stop();
    expect(clock.waits).toEqual([]);
  });

  it('does not start any more', async () => {
    const { controller, queue, lines } = await aController(async () => ({}));
    await controller.stop();
    await controller.start();
    queue.add('a');
    await settle();
    expect(lines).toEqual([]);
  });
});

describe('a resync', () => {
  it('looks at all keys every ten minutes, spread over a tenth of that', async () => {
    const clock = new ManualClock();
    const seen: [string, number][] = [];
    const reconcile = async (key: string) => {
      seen.push([key, clock.monotonic()]);
      return {};
    };
    const draws = [0.5, 0.25];
    const random = () => draws.shift() ?? 0;
    await aController(reconcile, { clock, resync: () => ['a', 'b'], random });
    await clock.advance(660_000);
    expect(seen).toEqual([
      ['b', 615_000],
      ['a', 630_000],
    ]);
    await clock.advance(600_000);
    expect(seen).toHaveLength(4);
  });
});
