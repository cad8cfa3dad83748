import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { detached, InternPool } from '../../src/status/intern.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('a pool of objects', () => {
  it('has one for each key', () => {
    const pool = new InternPool<{ readonly text: string }>();
    const one = pool.intern('a', () => ({ text: 'first' }));
    expect(pool.intern('a', () => ({ text: 'second' }))).toBe(one);
    expect(pool.intern('b', () => ({ text: 'third' }))).not.toBe(one);
    expect(pool.size).toBe(2);
  });

  it('numbers them, so that rows of them can be told apart', () => {
    const pool = new InternPool<object>();
    const [one, other] = [pool.intern('a', () => ({})), pool.intern('b', () => ({}))];
    expect(pool.numberOf(one)).not.toBe(pool.numberOf(other));
    expect(pool.numberOf({})).toBe(0);
  });

  it('forgets what nobody holds', async () => {
    const pool = new InternPool<object>();
    const held = pool.intern('held', () => ({}));
    for (let index = 0; index < 1000; index += 1) pool.intern(`${index}`, () => ({}));
    // A weak reference holds its target until the present job is over.
    for (let round = 0; pool.size > 1 && round < 50; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
    }
    expect(pool.size).toBe(1);
    expect(pool.intern('held', () => ({}))).toBe(held);
  });
});

describe('a detached text', () => {
  it.each(['', 'plain', 'ä\u0000"\\', '\ud800 alone'])('reads the same: %j', (text) => {
    expect(detached(text)).toBe(text);
  });

  it('does not keep the long one that it was cut from', () => {
    const long = (index: number) => Buffer.alloc(1_000_000, `${index} `).toString();
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    const kept = Array.from({ length: 50 }, (_, index) => detached(long(index).slice(0, 100)));
    collectGarbage();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
    expect(kept).toHaveLength(50);
  });
});
