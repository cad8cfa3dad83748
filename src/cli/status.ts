import { printable } from '../api/text.ts';
import { systemClock } from '../clock.ts';
import { connect, isClusterError, kubeConfigOf, namespaceOf } from '../cluster.ts';
import type { Environment } from '../config.ts';
import { ConfigError } from '../errors.ts';
import { errorChain } from '../log.ts';
import { styleOf } from './demo/style.ts';
import { Interruption } from './interruption.ts';
import { type StatusOptions, statusOptions, statusUsage } from './status/options.ts';
import { exitCodes, NotThereError, show } from './status/show.ts';

/**
 * The `status` command. Returns its exit code.
 *
 * @throws UsageError
 */
export async function status(args: readonly string[], env: Environment): Promise<number> {
  const options = statusOptions(args);
  if (options === undefined) {
    process.stdout.write(statusUsage);
    return 0;
  }
  const interruption = new Interruption();
  try {
    const exitCode = await showCluster(options, env, interruption.signal);
    return interruption.exitCode ?? exitCode;
  } catch (error) {
    if (interruption.exitCode !== undefined) return interruption.exitCode;
    if (!isTelling(error)) throw error;
    process.stderr.write(`${printable(errorChain(error), 2000)}\n`);
    return exitCodes.untold;
  } finally {
    interruption.stopListening();
  }
}

async function showCluster(
  options: StatusOptions,
  env: Environment,
  signal: AbortSignal,
): Promise<number> {
  const kubeConfig = kubeConfigOf(env, options.choice);
  const client = connect(kubeConfig, options.requestTimeoutMs);
  // Breaks off what is still asked.
  const close = () => void client.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    const namespace = options.namespace ?? namespaceOf(kubeConfig);
    return await show(
      { ...options, namespace },
      {
        client,
        output: process.stdout,
        errors: process.stderr,
        style: styleOf(process.stdout, env),
        clock: systemClock,
        signal,
      },
    );
  } finally {
    signal.removeEventListener('abort', close);
    await client.close();
  }
}

/** What a person can make something of, unlike a defect. */
function isTelling(error: unknown): boolean {
  return error instanceof ConfigError || error instanceof NotThereError || isClusterError(error);
}
