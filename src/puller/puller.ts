import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSpec } from '../api/parse.ts';
import type { ParsedSpec, RawSpec, SpecField } from '../api/types.ts';
import { parsedArgs } from '../command-line.ts';
import { ConfigError, UsageError } from '../errors.ts';
import type { Log } from '../log.ts';
import { configKeys } from '../manifests/config-map.ts';
import { aborted } from '../process.ts';
import type { HealthServer } from '../server.ts';

/**
 * Reads the arguments of the `puller` command.
 *
 * @throws UsageError
 */
export function pullerOptions(args: readonly string[]): { readonly configDirectory: string } {
  const options = {
    managed: { type: 'boolean', default: false },
    config: { type: 'string' },
  } as const;
  const { managed, config } = parsedArgs({ args: [...args], options }).values;
  if (!managed) {
    throw new UsageError('puller runs with --managed, in the Deployment that the operator makes');
  }
  if (config === undefined) {
    throw new UsageError('puller --managed needs --config DIR, where its ConfigMap is mounted');
  }
  return { configDirectory: config };
}

/**
 * Reads the ConfigMap of a managed puller from the directory into which it is mounted, one file for
 * each key. The operator's settings have no say in it: what they refuse does not stand there.
 *
 * @throws ConfigError that names the file that is missing or cannot be read
 */
export async function readConfig(directory: string): Promise<ParsedSpec> {
  const raw: Partial<Record<SpecField, string>> = {};
  for (const [key, field] of configKeys) {
    raw[field] = await readValue(directory, key);
  }
  return parseSpec(raw as RawSpec, { maxImages: Number.POSITIVE_INFINITY });
}

async function readValue(directory: string, key: string): Promise<string> {
  const file = join(directory, key);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `${file} cannot be read: the puller's ConfigMap must be mounted at ${directory}`,
      { cause: error },
    );
  }
}

/**
 * The managed puller as it is today: it reads and checks its configuration, says what it is configured
 * to do, answers probes and waits. It asks neither the API server nor a registry for anything.
 *
 * @returns once the signal is aborted
 * @throws ConfigError
 */
export async function runManagedPuller(
  configDirectory: string,
  { health, log, signal }: { health: HealthServer; log: Log; signal: AbortSignal },
): Promise<void> {
  const { spec, findings } = await readConfig(configDirectory);
  for (const { message, reason, verdict } of findings) {
    log.warn('configuration', { verdict, reason, finding: message });
  }
  await health.start();
  log.info('configured', {
    images: spec.images.length,
    cachingIntervalHours: spec.cachingIntervalHours,
    daemonSet: spec.daemonsetName,
    healthPort: health.port,
  });
  await aborted(signal);
  await health.stop();
}
