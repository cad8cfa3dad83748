import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fields, Log } from '../../src/log.ts';
import type { Certificate } from '../../src/metrics/self-signed.ts';
import { ServingCertificate } from '../../src/metrics/serving-certificate.ts';
import { selfSigned } from '../kube/certificate.ts';
import { ManualClock } from '../manual-clock.ts';

const dayMs = 86_400_000;

let directory: string;
let clock: ManualClock;
let lines: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'certificate-'));
  clock = new ManualClock();
  lines = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function aServingCertificate(where = directory): ServingCertificate {
  const write = (level: string) => (message: string, _fields?: Fields) => {
    lines.push(`${level} ${message}`);
  };
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  return new ServingCertificate({ directory: where, hosts: ['localhost'], clock, log });
}

function mount({ cert, key }: Certificate): void {
  writeFileSync(join(directory, 'tls.crt'), cert);
  writeFileSync(join(directory, 'tls.key'), key);
}

const first = selfSigned('first');
const second = selfSigned('second');

describe('the certificate that is shown', () => {
  it('is that of the folder, and the same object while its files are the same', async () => {
    mount(first);
    const serving = aServingCertificate();
    const shown = await serving.current();
    expect(shown).toEqual(first);
    expect(await serving.current()).toBe(shown);
    expect(lines).toEqual(['info shows a certificate that was given']);
  });

  it('is a new one as soon as the files are', async () => {
    mount(first);
    const serving = aServingCertificate();
    await serving.current();
    mount(second);
    expect(await serving.current()).toEqual(second);
  });

  it('stays while the files do not fit together, which is said once', async () => {
    mount(first);
    const serving = aServingCertificate();
    const shown = await serving.current();
    mount({ cert: second.cert, key: first.key });
    expect(await serving.current()).toBe(shown);
    expect(await serving.current()).toBe(shown);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([
      'warn cannot use the certificate that was given',
    ]);
    mount(second);
    expect(await serving.current()).toEqual(second);
  });

  it('stays when the files go', async () => {
    mount(first);
    const serving = aServingCertificate();
    const shown = await serving.current();
    rmSync(join(directory, 'tls.crt'));
    expect(await serving.current()).toBe(shown);
  });

  it('signs itself until there are files, without a complaint', async () => {
    const serving = aServingCertificate();
    const { cert } = await serving.current();
    expect(new X509Certificate(cert).subject).toBe('CN=localhost');
    mount(first);
    expect(await serving.current()).toEqual(first);
    expect(lines).toEqual([
      'info shows a certificate that signs itself',
      'info shows a certificate that was given',
    ]);
  });

  it('signs itself where there is no folder, and is renewed before its time is over', async () => {
    const serving = aServingCertificate('');
    const shown = await serving.current();
    await clock.advance(200 * dayMs);
    expect(await serving.current()).toBe(shown);
    await clock.advance(100 * dayMs);
    const renewed = await serving.current();
    expect(renewed).not.toBe(shown);
    expect(new X509Certificate(shown.cert).validToDate.getTime()).toBeGreaterThan(clock.now());
    expect(new X509Certificate(renewed.cert).validFromDate.getTime()).toBeLessThan(clock.now());
  });
});
