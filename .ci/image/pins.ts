import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A Debian package, to the byte. */
export interface Pin {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** What the images are made of, for linux/amd64. */
export interface Pins {
  readonly debian: readonly Pin[];
  /** The digest of the sleeper's layer, uncompressed, by version: one that is released never changes. */
  readonly sleeper: Readonly<Record<string, string>>;
}

/** The content of pins.json. */
export const pins = JSON.parse(
  readFileSync(join(import.meta.dirname, 'pins.json'), 'utf8'),
) as Pins;
