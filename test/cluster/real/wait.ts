import { setTimeout as delay } from 'node:timers/promises';

/**
 * Looks every 100 ms until the condition holds; rejects after `timeoutMs`, naming what was awaited.
 * Daemons live in real time, and so does the wait for them; a condition that throws ends it.
 */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() >= deadline) throw new Error(`waited ${timeoutMs / 1000} s for ${what}`);
    await delay(100);
  }
}
