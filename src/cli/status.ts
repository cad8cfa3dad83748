import { printable } from '../api/text.ts';
import { systemClock } from '../clock.ts';
import { connect, isClusterError, kubeConfigOf, namespaceOf } from '../cluster.ts';
import type { Environment } from '../config.ts';
import { ConfigError } from '../errors.ts';
import { ServerClock } from '../kube/server-clock.ts';
import { errorChain } from '../log.ts';
import { Interruption } from './interruption.ts';
import { say } from './output.ts';
import { type StatusOptions, statusOptions, statusUsage } from './status/options.ts';
import { exitCodes, NotThereError, type StatusSurroundings, show } from './status/show.ts';
import { styleOf } from './style.ts';

/** Where the command writes, and what ends it before its time. */
export type StatusStreams = Pick<StatusSurroundings, 'output' | 'errors' | 'signal'>;

/**
 * The `status` command. Returns its exit code.
 *
 * @throws UsageError
 */
export async function status(args: readonly string[], env: Environment): Promise<number> {
  const interruption = new Interruption();
  const { signal } = interruption;
  try {
    const streams = { output: process.stdout, errors: process.stderr, signal };
    const exitCode = await statusOn(streams, args, env);
    return interruption.exitCode ?? exitCode;
  } finally {
    interruption.stopListening();
  }
}

/**
 * The command on other streams. When it is interrupted, its exit code says nothing.
 *
 * @throws UsageError
 */
export async function statusOn(
  streams: StatusStreams,
  args: readonly string[],
  env: Environment,
): Promise<number> {
  const options = statusOptions(args);
  if (options === undefined) {
    streams.output.write(statusUsage);
    return 0;
  }
  try {
    return await showCluster(options, env, streams);
  } catch (error) {
    if (streams.signal.aborted) return exitCodes.untold;
    if (!isTelling(error)) throw error;
    say(streams.errors, printable(errorChain(error), 2000));
    return exitCodes.untold;
  }
}

async function showCluster(
  options: StatusOptions,
  env: Environment,
  streams: StatusStreams,
): Promise<number> {
  const kubeConfig = await kubeConfigOf(env, options.choice);
  const clock = new ServerClock(systemClock);
  const client = connect(kubeConfig, options.requestTimeoutMs, clock);
  // Breaks off what is still asked.
  const close = () => void client.close();
  streams.signal.addEventListener('abort', close, { once: true });
  try {
    const namespace = options.namespace ?? namespaceOf(kubeConfig);
    const style = styleOf(streams.output, env);
    return await show({ ...options, namespace }, { ...streams, client, style, clock });
  } finally {
    streams.signal.removeEventListener('abort', close);
    await client.close();
  }
}

/** What a person can make something of, unlike a defect. */
function isTelling(error: unknown): boolean {
  return error instanceof ConfigError || error instanceof NotThereError || isClusterError(error);
}
