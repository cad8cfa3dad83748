import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../clock.ts';
import { asError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Certificate } from './self-signed.ts';

/** Where a certificate may come from. */
export interface ServingCertificateOptions {
  /** Where tls.crt and tls.key are, or may appear; empty for nowhere. */
  readonly directory: string;
  /** What a certificate of our own is for; the first is its subject. */
  readonly hosts: readonly [string, ...string[]];
  readonly clock: Clock;
  readonly log: Log;
}

const dayMs = 24 * 60 * 60_000;
/** One of our own begins in the past, as clocks differ, and is replaced long before its end. */
const own = { sinceMs: dayMs, forMs: 365 * dayMs, renewAfterMs: 270 * dayMs };

/**
 * The certificate that a server shows: that of a folder, as its files are now, or else one that signs
 * itself. Files that are gone or do not fit together, as while they are being replaced, change nothing.
 */
export class ServingCertificate {
  readonly #options: ServingCertificateOptions;
  #mounted: Certificate | undefined;
  #own: { readonly certificate: Certificate; readonly renewAt: number } | undefined;
  #complaint = '';

  constructor(options: ServingCertificateOptions) {
    this.#options = options;
  }

  /** What is to be shown now: the same object as before unless it has changed. */
  async current(): Promise<Certificate> {
    this.#mounted = (await this.#read()) ?? this.#mounted;
    return this.#mounted ?? (await this.#selfSigned());
  }

  async #read(): Promise<Certificate | undefined> {
    const { directory, log } = this.#options;
    if (directory === '') return undefined;
    try {
      const [cert, key] = await Promise.all([
        read(directory, 'tls.crt'),
        read(directory, 'tls.key'),
      ]);
      if (cert === this.#mounted?.cert && key === this.#mounted.key) return this.#mounted;
      createSecureContext({ cert, key }); // throws where they do not fit
      log.info('shows a certificate that was given', { directory });
      this.#complaint = '';
      return { cert, key };
    } catch (thrown) {
      this.#complain(asError(thrown));
      return undefined;
    }
  }

  /** A folder may be empty for ever, and what is wrong is said once. */
  #complain(error: Error & { readonly code?: string }): void {
    if (error.code === 'ENOENT' || error.message === this.#complaint) return;
    this.#complaint = error.message;
    const { directory, log } = this.#options;
    log.warn('cannot use the certificate that was given', { directory, error });
  }

  async #selfSigned(): Promise<Certificate> {
    const { clock, hosts, log } = this.#options;
    const now = clock.now();
    if (this.#own && now < this.#own.renewAt) return this.#own.certificate;
    // Loaded when it is asked for, for the sake of memory: most installations that care give one.
    const { selfSigned } = await import('./self-signed.ts');
    const certificate = selfSigned({
      hosts,
      notBefore: now - own.sinceMs,
      notAfter: now + own.forMs,
    });
    this.#own = { certificate, renewAt: now + own.renewAfterMs };
    log.info('shows a certificate that signs itself');
    return certificate;
  }
}

function read(directory: string, file: string): Promise<string> {
  return readFile(join(directory, file), 'utf8');
}
