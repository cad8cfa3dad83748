import { WorkQueue } from '../../src/kube/work-queue.ts';
import { ManualClock, settle } from '../manual-clock.ts';
import { fc } from '../properties.ts';

function aQueue(random = () => 0): { queue: WorkQueue; clock: ManualClock } {
  const clock = new ManualClock();
  return { queue: new WorkQueue({ clock, random }), clock };
}

/** Every key that is handed out without anything being done in between. */
async function takeAll(queue: WorkQueue): Promise<string[]> {
  const taken: string[] = [];
  while (queue.sizes.queued > 0) taken.push((await queue.get()) ?? 'nothing');
  return taken;
}

describe('the work queue', () => {
  it('hands out a key once however often it was added', async () => {
    const { queue } = aQueue();
    queue.add('a');
    queue.add('b');
    queue.add('a');
    expect(await takeAll(queue)).toEqual(['a', 'b']);
  });

  it('does not hand out a key that is being worked on', async () => {
    const { queue } = aQueue();
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('b');
    expect(await takeAll(queue)).toEqual(['b']);
  });

  it('hands out a key again, once, when it was added during the work on it', async () => {
    const { queue } = aQueue();
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    queue.done('a');
    expect(await takeAll(queue)).toEqual(['a']);
    queue.done('a');
    expect(queue.sizes).toEqual({ queued: 0, processing: 0, delayed: 0 });
  });

  it('hands an added key to the worker that has waited longest', async () => {
    const { queue } = aQueue();
    const workers = [queue.get(), queue.get()];
    queue.add('a');
    queue.add('b');
    expect(await Promise.all(workers)).toEqual(['a', 'b']);
  });

  it('takes no notice of the end of work that never began', async () => {
    const { queue } = aQueue();
    queue.add('a');
    queue.done('a');
    expect(await takeAll(queue)).toEqual(['a']);
  });

  it('tells its observer how long each key waited for a worker, and what came back', async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    const queue = new WorkQueue({
      clock,
      random: () => 0,
      observer: {
        added: () => seen.push('added'),
        retried: () => seen.push('retried'),
        taken: (waitedMs) => seen.push(`taken after ${waitedMs}`),
      },
    });
    queue.add('a');
    queue.add('a');
    await clock.advance(40);
    await queue.get();
    queue.addRateLimited('a');
    await clock.advance(5);
    queue.done('a');
    await queue.get();
    expect(seen).toEqual(['added', 'taken after 40', 'retried', 'added', 'taken after 0']);
  });

  describe('with delays', () => {
    it('adds a key when its delay has passed and not before', async () => {
      const { queue, clock } = aQueue();
      queue.addAfter('a', 100);
      await clock.advance(99);
      expect(queue.sizes).toEqual({ queued: 0, processing: 0, delayed: 1 });
      await clock.advance(1);
      expect(queue.sizes).toEqual({ queued: 1, processing: 0, delayed: 0 });
    });

    it('adds at once where there is nothing to wait for', () => {
      const { queue } = aQueue();
      queue.addAfter('a', 0);
      queue.addAfter('b', -1);
      queue.addAfter('c', Number.NaN);
      expect(queue.sizes.queued).toBe(3);
    });

    it.each([
      [50, 100],
      [100, 50],
    ])('lets the earlier of two delays win: %i and %i', async (first, second) => {
      const { queue, clock } = aQueue();
      queue.addAfter('a', first);
      queue.addAfter('a', second);
      await clock.advance(50);
      expect(await takeAll(queue)).toEqual(['a']);
      queue.done('a');
      await clock.advance(1_000);
      expect(queue.sizes.queued).toBe(0);
    });

    it('keeps the delays of several keys apart', async () => {
      const { queue, clock } = aQueue();
      queue.addAfter('c', 300);
      queue.addAfter('a', 100);
      queue.addAfter('b', 200);
      await clock.advance(250);
      expect(await takeAll(queue)).toEqual(['a', 'b']);
      await clock.advance(50);
      expect(await takeAll(queue)).toEqual(['c']);
    });

    it('waits longer than a timer of Node can', async () => {
      const { queue, clock } = aQueue();
      const days60 = 60 * 24 * 3600 * 1000;
      queue.addAfter('a', days60);
      expect(clock.waits).toEqual([2 ** 31 - 1]);
      await clock.advance(days60 - 1);
      expect(queue.sizes.queued).toBe(0);
      await clock.advance(1);
      expect(queue.sizes.queued).toBe(1);
    });
  });

  describe('with failures', () => {
    it('doubles the back-off of a key from 5 ms to 30 s', () => {
      const { queue } = aQueue();
      const delays = Array.from({ length: 15 }, () => queue.addRateLimited('a'));
      expect(delays).toEqual([
        5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240, 20480, 30000, 30000,
      ]);
    });

    it('begins anew once the key is forgotten, and for each key', () => {
      const { queue } = aQueue();
      queue.addRateLimited('a');
      queue.addRateLimited('a');
      expect(queue.addRateLimited('b')).toBe(5);
      queue.forget('a');
      expect(queue.addRateLimited('a')).toBe(5);
    });

    it('stays at the cap after any number of failures', () => {
      const { queue } = aQueue();
      for (let n = 0; n < 2_000; n++) queue.addRateLimited('a');
      expect(queue.addRateLimited('a')).toBe(30_000);
    });

    it('spreads retries over the last fifth of the back-off', () => {
      const { queue } = aQueue(() => 0.5);
      expect(queue.addRateLimited('a')).toBe(4.5);
    });

    it('never comes back before the time that was asked for', () => {
      const { queue } = aQueue(() => 0.5);
      expect(queue.addRateLimited('a', 1_000)).toBe(1_100);
    });
  });

  describe('where the server asked for a pause', () => {
    it('keeps it, whatever adds the key meanwhile', async () => {
      const { queue, clock } = aQueue();
      queue.addRateLimited('a', 30_000);
      queue.add('a');
      queue.addAfter('a', 100);
      await clock.advance(29_999);
      expect(queue.sizes.queued).toBe(0);
      await clock.advance(1);
      expect(queue.sizes.queued).toBe(1);
    });

    it('keeps it when the key was added during the work that was told to pause', async () => {
      const { queue, clock } = aQueue();
      queue.add('a');
      await queue.get();
      queue.add('a');
      queue.addRateLimited('a', 30_000);
      queue.done('a');
      await clock.advance(29_999);
      expect(queue.sizes).toEqual({ queued: 0, processing: 0, delayed: 1 });
      await clock.advance(1);
      expect(queue.sizes.queued).toBe(1);
    });

    it('goes on with other keys', () => {
      const { queue } = aQueue();
      queue.addRateLimited('a', 30_000);
      queue.add('b');
      expect(queue.sizes.queued).toBe(1);
    });

    it('waits for two minutes at most', async () => {
      const { queue, clock } = aQueue();
      queue.addRateLimited('a', 86_400_000);
      await clock.advance(144_000);
      expect(queue.sizes.queued).toBe(1);
    });

    it('has no pause left once the key is forgotten', () => {
      const { queue } = aQueue();
      queue.addRateLimited('a', 30_000);
      queue.forget('a');
      queue.add('a');
      expect(queue.sizes.queued).toBe(1);
    });
  });

  describe('shut down', () => {
    it('accepts nothing more, neither now nor later', async () => {
      const { queue, clock } = aQueue();
      queue.addAfter('before', 10);
      queue.shutDown();
      queue.add('a');
      queue.addAfter('b', 10);
      queue.addRateLimited('c');
      await clock.advance(100);
      expect(queue.sizes).toEqual({ queued: 0, processing: 0, delayed: 0 });
      expect(clock.waits).toEqual([]);
    });

    it('hands out what is queued and then nothing', async () => {
      const { queue } = aQueue();
      queue.add('a');
      queue.shutDown();
      expect(await queue.get()).toBe('a');
      expect(await queue.get()).toBeUndefined();
    });

    it('lets waiting workers go', async () => {
      const { queue } = aQueue();
      const workers = [queue.get(), queue.get()];
      queue.shutDown();
      expect(await Promise.all(workers)).toEqual([undefined, undefined]);
    });
  });
});

type Step =
  | { readonly do: 'add' | 'take' | 'finish' | 'fail' }
  | { readonly do: 'delay' | 'pass'; readonly ms: number };

/** What the queue promises, written down as sets and lists without any cleverness. */
class Model {
  readonly dirty = new Set<string>();
  readonly processing = new Set<string>();
  readonly dueAt = new Map<string, number>();
  readonly failures = new Map<string, number>();
  order: string[] = [];
  now = 0;

  add(key: string): void {
    if (this.dirty.has(key)) return;
    this.dirty.add(key);
    if (!this.processing.has(key)) this.order.push(key);
  }

  delay(key: string, ms: number): void {
    this.dueAt.set(key, Math.min(this.dueAt.get(key) ?? Number.POSITIVE_INFINITY, this.now + ms));
  }

  fail(key: string): void {
    const failures = this.failures.get(key) ?? 0;
    this.failures.set(key, failures + 1);
    this.delay(key, Math.min(30_000, 5 * 2 ** failures));
  }

  take(): string | undefined {
    const key = this.order.shift();
    if (key === undefined) return undefined;
    this.dirty.delete(key);
    this.processing.add(key);
    return key;
  }

  finish(key: string): void {
    if (this.processing.delete(key) && this.dirty.has(key)) this.order.push(key);
  }

  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.dueAt.values()].filter((at) => at <= end);
      if (due.length === 0) break;
      this.now = Math.min(...due);
      for (const [key, at] of [...this.dueAt]) {
        if (at > this.now) continue;
        this.dueAt.delete(key);
        this.add(key);
      }
    }
    this.now = end;
  }
}

const steps = fc.array(
  fc.tuple(
    fc.constantFrom('a', 'b', 'c'),
    fc.oneof(
      fc.constantFrom('add', 'take', 'finish', 'fail').map((action): Step => ({ do: action })),
      fc.record({ do: fc.constantFrom('delay', 'pass'), ms: fc.integer({ min: 1, max: 50 }) }),
    ),
  ),
  { maxLength: 60 },
);

async function play(
  queue: WorkQueue,
  clock: ManualClock,
  model: Model,
  [key, step]: [string, Step],
) {
  switch (step.do) {
    case 'add':
      queue.add(key);
      return model.add(key);
    case 'fail':
      queue.addRateLimited(key);
      return model.fail(key);
    case 'delay':
      queue.addAfter(key, step.ms);
      return model.delay(key, step.ms);
    case 'pass':
      await clock.advance(step.ms);
      return model.pass(step.ms);
    case 'finish':
      queue.done(key);
      return model.finish(key);
    case 'take': {
      const expected = model.take();
      // A get without a key to hand out would wait, and take part in all later steps.
      if (expected !== undefined) expect(await queue.get()).toBe(expected);
    }
  }
}

describe('the work queue under any interleaving', () => {
  it('hands out exactly what its model does', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (played) => {
        const { queue, clock } = aQueue();
        const model = new Model();
        for (const step of played) {
          await play(queue, clock, model, step);
          expect(queue.sizes).toEqual({
            queued: model.order.length,
            processing: model.processing.size,
            delayed: model.dueAt.size,
          });
        }
      }),
    );
  });

  it('lets concurrent workers neither share a key nor miss a change', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 }),
        fc.nat(),
        async (adds, seed) => {
          const { queue } = aQueue();
          const version = new Map<string, number>();
          const seen = new Map<string, number>();
          const busy = new Set<string>();
          const shared: string[] = [];
          const work = async (worker: number) => {
            for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
              if (busy.has(key)) shared.push(key);
              busy.add(key);
              const at = version.get(key) ?? 0;
              for (let wait = (seed + worker + at) % 4; wait > 0; wait--) await settle();
              seen.set(key, at);
              busy.delete(key);
              queue.done(key);
            }
          };
          const workers = [0, 1, 2].map(work);
          for (const [index, key] of adds.entries()) {
            version.set(key, (version.get(key) ?? 0) + 1);
            queue.add(key);
            if ((index + seed) % 3 === 0) await settle();
          }
          while (queue.sizes.queued + queue.sizes.processing > 0) await settle();
          queue.shutDown();
          await Promise.all(workers);
          expect({ shared, seen }).toEqual({ shared: [], seen: version });
        },
      ),
    );
  });
});
