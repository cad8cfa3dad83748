import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Apt } from './apt.ts';
import { goVersion } from './go.ts';

/** What of a machine decides whether a real cluster runs there, and how its parts are made. */
export interface Machine {
  /** As Node names them: `linux`, `x64`. */
  readonly platform: string;
  readonly architecture: string;
  readonly isRoot: boolean;
  /** Claims that a program is on the path. */
  has(program: string): boolean;
  /** The Go that builds a module in tools/, such as `1.26.8`; undefined where there is none. */
  goFor(module: string): Promise<string | undefined>;
  /** The machine's Debian; what it knows of no package is found as well as it can be. */
  readonly apt: Pick<Apt, 'candidate' | 'isAtLeast' | 'update'>;
}

/** The one that this runs on. */
export const thisMachine: Machine = {
  platform: process.platform,
  architecture: process.arch,
  isRoot: process.getuid?.() === 0,
  has,
  goFor: async (module) => (has('go') ? await goVersion(module) : undefined),
  apt: new Apt(),
};

/** The one sentence that says of a machine what it lacks. */
export function lacking(what: readonly string[]): string {
  return `this machine lacks ${what.join(', ')}, which the real cluster needs; npm test does not need it`;
}

function has(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
