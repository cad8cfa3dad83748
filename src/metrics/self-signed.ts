import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  type BaseBlock,
  BitString,
  Constructed,
  fromBER,
  Integer,
  ObjectIdentifier,
  OctetString,
  Primitive,
  Sequence,
  Set as SetOf,
  UTCTime,
  Utf8String,
} from 'asn1js';

/** A certificate chain and its private key, PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is for, and when it is good. */
export interface SelfSignedOptions {
  /** Host names that it is for; the first is also its subject. */
  readonly hosts: readonly [string, ...string[]];
  /** Milliseconds since the epoch; before the year 2050. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** RFC 5280 and RFC 5480. */
const ids = {
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
};
const contextSpecific = 3;

/**
 * Makes a key (ECDSA, P-256) and a certificate for it that nobody else vouches for. Its few fields are
 * put together here, on a library for ASN.1: bundled, those that make whole certificates are 350 kB
 * (selfsigned, on @peculiar/x509 with a polyfill of reflection) or know no ECDSA (node-forge, 210 kB).
 */
export function selfSigned({ hosts, notBefore, notAfter }: SelfSignedOptions): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(id(ids.ecdsaWithSha256));
  const name = sequence(
    new SetOf({
      value: [sequence(id(ids.commonName), new Utf8String({ value: hosts[0] }))],
    }),
  );
  const validity = [notBefore, notAfter].map((at) => new UTCTime({ valueDate: new Date(at) }));
  const toBeSigned = sequence(
    explicit(0, new Integer({ value: 2 })), // version 3
    new Integer({ valueHex: positive(randomBytes(16)) }),
    algorithm,
    name,
    sequence(...validity),
    name,
    fromBER(publicKey.export({ type: 'spki', format: 'der' })).result,
    explicit(3, sequence(subjectAltName(hosts))),
  );
  const signature = sign('sha256', Buffer.from(toBeSigned.toBER()), privateKey);
  const certificate = sequence(toBeSigned, algorithm, new BitString({ valueHex: signature }));
  return {
    cert: pem(Buffer.from(certificate.toBER())),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function subjectAltName(hosts: readonly string[]): Sequence {
  const dnsName = 2;
  const names = hosts.map(
    (host) =>
      new Primitive({
        idBlock: { tagClass: contextSpecific, tagNumber: dnsName },
        valueHex: Buffer.from(host),
      }),
  );
  const value = new OctetString({ valueHex: sequence(...names).toBER() });
  return sequence(id(ids.subjectAltName), value);
}

function sequence(...value: readonly BaseBlock[]): Sequence {
  return new Sequence({ value: [...value] });
}

function explicit(tagNumber: number, value: BaseBlock): Constructed {
  return new Constructed({ idBlock: { tagClass: contextSpecific, tagNumber }, value: [value] });
}

function id(value: string): ObjectIdentifier {
  return new ObjectIdentifier({ value });
}

/** As a number in two's complement, without a byte too many at its head. */
function positive(bytes: Buffer): Buffer {
  const head = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.concat([Buffer.from([head]), bytes.subarray(1)]);
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
