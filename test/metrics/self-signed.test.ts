import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { selfSigned } from '../../src/metrics/self-signed.ts';

const notBefore = Date.UTC(2026, 0, 1);
const notAfter = Date.UTC(2027, 0, 1);

describe('a certificate that signs itself', () => {
  const made = selfSigned({ hosts: ['localhost', 'service.n.svc'], notBefore, notAfter });
  const read = new X509Certificate(made.cert);

  it('is for its hosts and its time', () => {
    expect(read.subject).toBe('CN=localhost');
    expect(read.subjectAltName).toBe('DNS:localhost, DNS:service.n.svc');
    expect(read.validFromDate.getTime()).toBe(notBefore);
    expect(read.validToDate.getTime()).toBe(notAfter);
  });

  it('is signed by its own key, and comes with it', () => {
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.checkIssued(read)).toBe(true);
    expect(() => createSecureContext(made)).not.toThrow();
  });

  it('has a key and a number of its own', () => {
    const other = selfSigned({ hosts: ['localhost'], notBefore, notAfter });
    expect(other.key).not.toBe(made.key);
    const numbers = [read, new X509Certificate(other.cert)].map(({ serialNumber }) => serialNumber);
    expect(new Set(numbers).size).toBe(2);
    // 16 bytes of which the first is neither empty nor a sign.
    for (const number of numbers) expect(number).toMatch(/^[4-7][0-9A-F]{31}$/);
  });
});
