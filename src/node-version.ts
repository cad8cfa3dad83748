import { ConfigError } from './errors.ts';

/** The oldest Node that runs the program, as in package.json. */
const oldest = '24.9';

/**
 * Lets a version of Node pass that runs the program.
 *
 * @throws ConfigError that names the one it takes
 */
export function checkNode(version: string): void {
  if (version.localeCompare(oldest, 'en', { numeric: true }) < 0) {
    throw new ConfigError(`Node ${version} is too old: this program needs Node ${oldest} or newer`);
  }
}
