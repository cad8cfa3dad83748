import { type ParseArgsConfig, parseArgs } from 'node:util';
import { asError, ConfigError, UsageError } from './errors.ts';
import { errorChain } from './log.ts';

/**
 * What `parseArgs` of Node reads out of a command line.
 *
 * @throws UsageError that says what is wrong and ends with the usage, where there is one
 */
export function parsedArgs<const Config extends ParseArgsConfig>(
  config: Config,
  usage?: string,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const { message } = asError(error);
    throw new UsageError(usage === undefined ? message : `${message}\n\n${usage}`, {
      cause: error,
    });
  }
}

/**
 * Runs a program to its end. What a user can mend is told in a sentence on standard error, and the exit
 * code is 2 after a mistake on the command line, 1 after a bad setting; anything else is a defect, which
 * shows where it is, with exit code 1.
 */
export async function runProgram(program: () => Promise<void>): Promise<void> {
  try {
    await program();
  } catch (error) {
    const known = error instanceof ConfigError || error instanceof UsageError;
    process.stderr.write(`${known ? errorChain(error) : (asError(error).stack ?? error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
