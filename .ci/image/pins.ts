import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A Debian package, to the byte. */
export interface Pin {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** Its name at snapshot.debian.org, which keeps what Debian's mirrors drop. */
  readonly sha1: string;
}

/** What the images are made of, for linux/amd64. */
export interface Pins {
  readonly debian: readonly Pin[];
  /** The digest of the sleeper's layer, uncompressed, by version: one that is released never changes. */
  readonly sleeper: Readonly<Record<string, string>>;
}

const file = join(import.meta.dirname, 'pins.json');

/** The content of pins.json. */
export const pins = JSON.parse(readFileSync(file, 'utf8')) as Pins;

/** Writes pins.json. */
export function writePins(renewed: Pins): void {
  writeFileSync(file, `${JSON.stringify(renewed, null, 2)}\n`);
}
