import type { Machine } from './machine.ts';

/** A machine that a real cluster can run on and be built on; what is given differs from it. */
export function aMachine(differences: Differences = {}): Machine {
  const { lacks = [], go = '1.26.8', candidates = {}, ...others } = differences;
  return {
    platform: 'linux',
    architecture: 'x64',
    isRoot: true,
    has: (program) => !lacks.includes(program),
    goFor: async () => go ?? undefined,
    apt: {
      candidate: async (name) => candidates[name],
      // As Debian does for plain versions.
      isAtLeast: async (version, least) =>
        version.localeCompare(least, 'en', { numeric: true }) >= 0,
      update: async () => {},
    },
    ...others,
  };
}

interface Differences extends Partial<Omit<Machine, 'has' | 'goFor' | 'apt'>> {
  readonly lacks?: readonly string[];
  /** The version of its Go; null where it has none. */
  readonly go?: string | null;
  /** What its apt would install, by package. */
  readonly candidates?: Readonly<Record<string, string>>;
}
