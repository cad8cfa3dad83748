import type { ContainerEvent } from '../cluster/real/lives.ts';
import { HolderWatch, type Watched } from './holders.ts';

const reference = 'registry.test/a:1';

/** A runtime in which one container of the image takes over from another. */
class StubRuntime implements Watched {
  running = ['old'];
  #tell: (event: ContainerEvent) => void = () => {};

  tasks = async () => this.running;
  containers = async () =>
    new Map([
      ['old', reference],
      ['new', reference],
    ]);

  async follow(tell: (event: ContainerEvent) => void): Promise<() => Promise<void>> {
    this.#tell = tell;
    return async () => {
      this.#tell = () => {};
    };
  }

  start(atMs: number): void {
    this.running.push('new');
    this.#tell({ kind: 'made', container: 'new', image: reference });
    this.#tell({ kind: 'started', container: 'new', atMs });
  }

  end(atMs: number): void {
    this.running = this.running.filter((id) => id !== 'old');
    this.#tell({ kind: 'ended', container: 'old', atMs });
  }
}

describe('a watch of holders', () => {
  /** What is seen where nobody looks before all is over. */
  async function gaps(
    work: (runtime: StubRuntime, now: number) => void,
  ): Promise<readonly number[]> {
    const runtime = new StubRuntime();
    const watch = new HolderWatch(runtime);
    await watch.during(async () => {
      watch.await(reference);
      const now = Date.now();
      work(runtime, now);
      // The time that counts ends with the work: it is to be later than what happens in it.
      while (Date.now() < now + 5) await Promise.resolve();
    });
    return watch.gaps.map(({ lastedMs }) => lastedMs);
  }

  it('sees a gap that is over before anybody looks', async () => {
    const seen = await gaps((runtime, now) => {
      runtime.end(now + 1);
      runtime.start(now + 4);
    });
    expect(seen).toEqual([3]);
  });

  it('sees none where one container begins before the other one ends', async () => {
    const seen = await gaps((runtime, now) => {
      runtime.start(now + 1);
      runtime.end(now + 4);
    });
    expect(seen).toEqual([]);
  });

  it('sees none once an image need not be held', async () => {
    const runtime = new StubRuntime();
    const watch = new HolderWatch(runtime);
    watch.await(reference);
    await watch.during(async () => {
      watch.release(reference);
      runtime.end(Date.now());
    });
    expect(watch.gaps).toEqual([]);
  });

  it('waits until it is told of what the runtime lists', async () => {
    const seen = await gaps((runtime, now) => {
      let lists = 0;
      runtime.tasks = async () => {
        lists += 1;
        if (lists === 2) runtime.end(now);
        return [];
      };
    });
    expect(seen).toHaveLength(1);
  });
});
