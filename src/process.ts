import { errorChain, type Log } from './log.ts';

/**
 * Aborted by the signals that ask a process to end, and where the process that started this one with an
 * IPC channel is gone. What nobody caught ends it as well, by the same orderly way and with exit code 1.
 */
export function endOfProcess(log: Log): AbortSignal {
  const end = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      log.info('asked to stop', { signal: name });
      end.abort();
    });
  }
  process.once('disconnect', () => {
    log.info('asked to stop', { reason: 'the process that started this one is gone' });
    end.abort();
  });
  // To listen keeps a channel, and so the process, open.
  process.channel?.unref();
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, (thrown: unknown) => {
      log.error('a failure that nobody handled', { event, error: errorChain(thrown) });
      process.exitCode = 1;
      end.abort();
    });
  }
  return end.signal;
}

const lastActions = new Set<() => void>();

function actForTheLastTime(): void {
  for (const action of lastActions) action();
}

/**
 * Has something done that takes no time when this process exits, unless what it returns is called
 * before. Signals that nobody handles end a process without it. There is one listener for all: of more
 * than ten Node warns as of a leak.
 */
export function beforeExit(action: () => void): () => void {
  if (lastActions.size === 0) process.on('exit', actForTheLastTime);
  lastActions.add(action);
  return () => {
    lastActions.delete(action);
    if (lastActions.size === 0) process.off('exit', actForTheLastTime);
  };
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
