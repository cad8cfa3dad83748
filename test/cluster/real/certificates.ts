import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files in PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/**
 * The cluster's own certificate authority. What it has issued is found again in its folder, so that
 * a restarted daemon keeps its identity.
 */
export class CertificateAuthority {
  readonly root: Certificate;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.root = this.#make('ca', '/CN=kubernetes-image-puller-operator-test', [], caExtensions);
  }

  /**
   * For a client: the API server takes the common name for the user and the organisations for
   * groups (kubernetes.io: Authenticating, X.509 client certificates).
   */
  client(user: string, groups: readonly string[] = []): Certificate {
    const subject = [...groups.map((group) => `/O=${group}`), `/CN=${user}`].join('');
    return this.#issue(`client-${encodeURIComponent(user)}`, subject, [
      'extendedKeyUsage=clientAuth',
    ]);
  }

  /** For a server at these addresses, spelled as OpenSSL does (`IP:127.0.0.1`, `DNS:localhost`). */
  server(name: string, addresses: readonly string[]): Certificate {
    const extensions = ['extendedKeyUsage=serverAuth', `subjectAltName=${addresses.join(',')}`];
    return this.#issue(`server-${name}`, `/CN=${name}`, extensions);
  }

  /** The key pair that signs the tokens of service accounts. */
  tokenKey(): Certificate {
    return this.#make('service-accounts', '/CN=service-accounts', [], []);
  }

  #issue(name: string, subject: string, extensions: readonly string[]): Certificate {
    const { certificate, key } = this.root;
    return this.#make(
      name,
      subject,
      ['-CA', certificate, '-CAkey', key],
      ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature', ...extensions],
    );
  }

  #make(
    name: string,
    subject: string,
    issuer: readonly string[],
    extensions: readonly string[],
  ): Certificate {
    const path = join(this.#folder, name);
    const made = { certificate: `${path}.crt`, key: `${path}.key` };
    if (existsSync(made.certificate)) return made;
    // A configuration of our own: the machine's may add extensions, which then come twice.
    const configuration = `${path}.cnf`;
    const lines = ['[req]', 'distinguished_name=none', '[none]', '[extensions]', ...extensions];
    writeFileSync(configuration, `${lines.join('\n')}\n`);
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-config', configuration, '-extensions', 'extensions'],
        ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'],
        ...['-subj', subject, '-keyout', made.key, '-out', made.certificate, ...issuer],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    return made;
  }
}

const caExtensions = [
  'basicConstraints=critical,CA:TRUE',
  'keyUsage=critical,digitalSignature,keyCertSign,cRLSign',
];

/**
 * A kubeconfig (YAML) with everything embedded, which therefore works wherever it is copied; `client`
 * is a certificate or a token.
 */
export function kubeconfig(
  url: string,
  authority: Certificate,
  client: Certificate | string,
): string {
  const encoded = (file: string) => readFileSync(file).toString('base64');
  const user =
    typeof client === 'string'
      ? `token: ${client}`
      : `client-certificate-data: ${encoded(client.certificate)}
    client-key-data: ${encoded(client.key)}`;
  return `apiVersion: v1
kind: Config
current-context: real
contexts:
- name: real
  context: {cluster: real, user: real}
clusters:
- name: real
  cluster:
    server: ${url}
    certificate-authority-data: ${encoded(authority.certificate)}
users:
- name: real
  user:
    ${user}
`;
}
