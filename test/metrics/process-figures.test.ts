import { thisProcess } from '../../src/metrics/process-figures.ts';
import { until } from '../manual-clock.ts';

/** Keeps the event loop from anything else. */
function stall(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Lets the event loop turn without anything to do. */
async function idle(ms: number): Promise<void> {
  const end = performance.now() + ms;
  await until(() => performance.now() > end);
}

describe('the figures of this process', () => {
  it('are those of a process that runs', () => {
    const figures = thisProcess();
    expect(figures.cpuSeconds()).toBeGreaterThan(0);
    expect(figures.uptimeSeconds()).toBeGreaterThan(0);
    const { resident, heap, external } = figures.memory();
    expect(Math.min(heap, external)).toBeGreaterThan(0);
    expect(resident).toBeGreaterThan(heap);
  });

  it('tell of a stall of the event loop, once', async () => {
    const figures = thisProcess();
    expect(figures.eventLoopDelay()).toEqual({ p50: 0, p99: 0, max: 0 });
    await idle(300);
    stall(700);
    await idle(300);
    const { p50, max } = figures.eventLoopDelay();
    expect([p50 < 0.4, max > 0.4]).toEqual([true, true]);
    await idle(300);
    expect(figures.eventLoopDelay().max).toBeLessThan(0.4);
  });
});
