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
  /** By version: one that is released never changes. */
  readonly sleeper: Readonly<Record<string, SleeperPin>>;
}

/** A version of the sleeper, to the byte. */
export interface SleeperPin {
  /** The digest of its layer, uncompressed. */
  readonly layer: string;
  /** The digest of its configuration: how it runs, and the layer. */
  readonly config: string;
}

const file = join(import.meta.dirname, 'pins.json');

/** The content of pins.json. */
export const pins = JSON.parse(readFileSync(file, 'utf8')) as Pins;

/** Writes pins.json. */
export function writePins(renewed: Pins): void {
  writeFileSync(file, `${JSON.stringify(renewed, null, 2)}\n`);
}
