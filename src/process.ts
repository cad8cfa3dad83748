import { errorChain, type Log } from './log.ts';

/**
 * Aborted by the signals that ask a process to end. What nobody caught ends it as well, by the same
 * orderly way and with exit code 1.
 */
export function endOfProcess(log: Log): AbortSignal {
  const end = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      log.info('asked to stop', { signal: name });
      end.abort();
    });
  }
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, (thrown: unknown) => {
      log.error('a failure that nobody handled', { event, error: errorChain(thrown) });
      process.exitCode = 1;
      end.abort();
    });
  }
  return end.signal;
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
