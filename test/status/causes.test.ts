import { causeOf, toldFailure } from '../../src/status/causes.ts';

/** What containerd puts before whatever goes wrong at the token server of a registry. */
const anonymously = 'failed to authorize: failed to fetch anonymous token: ';
const asUser = 'failed to authorize: failed to fetch oauth token: ';
const askedForToken = `${anonymously}Get "https://auth.example/token": `;

/** What a kubelet says, and of which runtime it was seen. */
const seen: readonly [code: string, reason: string, message: string][] = [
  // containerd
  [
    'Unauthorized',
    'ErrImagePull',
    'unexpected status from HEAD request to https://r.example/v2/x/manifests/1: 401 Unauthorized',
  ],
  [
    'Unauthorized',
    'ErrImagePull',
    'failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://auth.example/token: 401 Unauthorized',
  ],
  [
    'Forbidden',
    'ErrImagePull',
    'unexpected status from HEAD request to https://r.example/v2/x/manifests/1: 403 Forbidden',
  ],
  [
    'NotFoundOrDenied',
    'ErrImagePull',
    'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
  ],
  ['NotFound', 'ErrImagePull', 'registry.example/x:1: not found'],
  [
    'RateLimited',
    'ErrImagePull',
    'httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/kong/manifests/sha256:61: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.',
  ],
  [
    'Certificate',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": tls: failed to verify certificate: x509: certificate signed by unknown authority',
  ],
  [
    'Certificate',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": remote error: tls: access denied',
  ],
  [
    'PlainHttp',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": http: server gave HTTP response to HTTPS client',
  ],
  [
    'Proxy',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": proxyconnect tcp: dial tcp: lookup proxy.example on 10.96.0.10:53: no such host',
  ],
  [
    'Proxy',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": proxyconnect tcp: tls: first record does not look like a TLS handshake',
  ],
  [
    'Proxy',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": Proxy Authentication Required',
  ],
  ['Proxy', 'ErrImagePull', 'failed to do request: Head "https://r.example/v2/x/1": Forbidden'],
  [
    'Proxy',
    'ErrImagePull',
    'unexpected status from HEAD request to http://r.example/v2/x/manifests/1: 407 Proxy Authentication Required',
  ],
  [
    'UnknownHost',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": dial tcp: lookup r.example on 10.96.0.10:53: read udp 10.96.0.10:53: i/o timeout',
  ],
  [
    'Unreachable',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": net/http: TLS handshake timeout',
  ],
  [
    'Unreachable',
    'ErrImagePull',
    'failed to copy: read tcp 10.0.0.1:443: read: connection timed out',
  ],
  [
    'Unreachable',
    'ErrImagePull',
    'failed to copy: read tcp 10.0.0.1:443: connection reset by peer',
  ],
  ['Unreachable', 'ErrImagePull', 'failed to copy: httpReadSeeker: failed open: unexpected EOF'],
  [
    'Unreachable',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": context deadline exceeded',
  ],
  [
    'NotFound',
    'ErrImagePull',
    'failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:1 (application/json) from remote: not found',
  ],
  // containerd, at the token server of a registry
  ['UnknownHost', 'ErrImagePull', `${askedForToken}dial tcp: lookup auth.example: no such host`],
  ['Unreachable', 'ErrImagePull', `${askedForToken}dial tcp 1.2.3.4:443: i/o timeout`],
  [
    'Certificate',
    'ErrImagePull',
    `${askedForToken}tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  ],
  ['Proxy', 'ErrImagePull', `${askedForToken}Proxy Authentication Required`],
  [
    'RegistryFailed',
    'ErrImagePull',
    `${anonymously}unexpected status from GET request to https://auth.example/token: 503 Service Unavailable`,
  ],
  [
    'Forbidden',
    'ErrImagePull',
    `${anonymously}unexpected status from GET request to https://ghcr.io/token: 403 Forbidden`,
  ],
  [
    'RateLimited',
    'ErrImagePull',
    `${anonymously}unexpected status from GET request to https://auth.docker.io/token: 429 Too Many Requests`,
  ],
  [
    'Unauthorized',
    'ErrImagePull',
    `${asUser}unexpected status from POST request to https://auth.example/token: 401 Unauthorized`,
  ],
  ['UnknownHost', 'ErrImagePull', `${asUser}Post "https://auth.example/token": dial tcp: lookup a`],
  [
    'NoToken',
    'ErrImagePull',
    `${asUser}unexpected status from GET request to https://auth.example/token: 404 Not Found`,
  ],
  ['NoToken', 'ErrImagePull', `${anonymously}unable to decode token response: invalid character`],
  // what happens on the node after a registry has given all
  [
    'Unknown',
    'ErrImagePull',
    'failed to extract layer sha256:1: mkdir /var/lib/containerd/x: permission denied: unknown',
  ],
  ['Unknown', 'ErrImagePull', 'failed to unpack: content digest sha256:1: not found'],
  ['Unknown', 'ErrImagePull', 'unpigz: fork/exec /usr/bin/unpigz: cannot allocate memory'],
  ['Unknown', 'ErrImagePull', 'context deadline exceeded'],
  ['Unknown', 'ErrImagePull', 'unpacking r.example/as-non-root:1: something new'],
  [
    'UnknownHost',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": dial tcp: lookup r.example on 10.96.0.10:53: no such host',
  ],
  [
    'UnknownHost',
    'ErrImagePull',
    'failed to do request: Head "https://reg:99999999/v2/a/manifests/latest": dial tcp: address 99999999: invalid port',
  ],
  [
    'Unreachable',
    'ErrImagePull',
    'failed to do request: Head "http://127.0.0.1:5000/v2/x/manifests/1": dial tcp 127.0.0.1:5000: connect: connection refused',
  ],
  [
    'Unreachable',
    'ErrImagePull',
    'failed to do request: Head "https://r.example/v2/x/manifests/1": dial tcp 10.0.0.1:443: i/o timeout',
  ],
  [
    'RegistryFailed',
    'ErrImagePull',
    'unexpected status from HEAD request to https://r.example/v2/x/manifests/1: 503 Service Unavailable',
  ],
  [
    'DiskFull',
    'ErrImagePull',
    'failed to extract layer sha256:1: write /var/lib/containerd/x: no space left on device: unknown',
  ],
  ['WrongArchitecture', 'ErrImagePull', 'no match for platform in manifest: not found'],
  ['WrongArchitecture', 'StartError', 'exec /kip/sleep: exec format error'],
  ['CannotStart', 'StartError', 'exec: "/kip/sleep": permission denied: unknown'],
  ['OutOfMemory', 'StartError', 'container init was OOM-killed (memory limit too low?): unknown'],
  ['OutOfMemory', 'OOMKilled', ''],
  [
    'CannotStart',
    'StartError',
    'mkdir /sys/fs/cgroup/memory/kubepods/x: no space left on device: unknown',
  ],
  // CRI-O
  [
    'Unauthorized',
    'ErrImagePull',
    'reading manifest 1 in r.example/x: unauthorized: access to the requested resource is not authorized',
  ],
  ['NotFound', 'ErrImagePull', 'reading manifest 1 in r.example/x: manifest unknown'],
  [
    'NotFoundOrDenied',
    'ErrImagePull',
    'reading manifest latest in docker.io/x/y: errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required',
  ],
  [
    'WrongArchitecture',
    'ErrImagePull',
    'choosing image instance: no image found in image index for architecture arm64, variant "v8", OS linux',
  ],
  [
    'Unreachable',
    'ErrImagePull',
    'pinging container registry r.example: Get "https://r.example/v2/": dial tcp 10.0.0.1:443: connect: no route to host',
  ],
  [
    'NotFound',
    'ErrImagePull',
    'reading manifest 1 in r.example/x: name unknown: no such repository',
  ],
  [
    'NotFound',
    'ErrImagePull',
    'reading manifest 1 in r.example/x: repository name not known to registry',
  ],
  ['Unauthorized', 'ErrImagePull', 'reading manifest 1 in r.example/x: authentication required'],
  [
    'Unauthorized',
    'ErrImagePull',
    'unable to retrieve auth token: invalid username/password: unauthorized: incorrect username or password',
  ],
  [
    'Forbidden',
    'ErrImagePull',
    'Requesting bearer token: invalid status code from registry 403 (Forbidden)',
  ],
  ['Forbidden', 'ErrImagePull', 'reading manifest 1 in r.example/x: denied: access forbidden'],
  ['Forbidden', 'ErrImagePull', 'reading manifest 1 in r.example/x: StatusCode: 403, "<html>..."'],
  [
    'NoToken',
    'ErrImagePull',
    'Requesting bearer token: invalid status code from registry 400 (Bad Request)',
  ],
  [
    'RegistryFailed',
    'ErrImagePull',
    'pinging container registry r.example: invalid status code from registry 502 (Bad Gateway)',
  ],
  ['RegistryFailed', 'ErrImagePull', 'reading manifest 1 in r.example/x: StatusCode: 500, ""'],
  ['RateLimited', 'ErrImagePull', 'parsing image configuration: too many requests to registry'],
  [
    'Unreachable',
    'ErrImagePull',
    'Requesting bearer token: Get "https://auth.example/token": dial tcp 1.2.3.4:443: i/o timeout',
  ],
  // cri-dockerd
  [
    'NotFound',
    'ErrImagePull',
    'Error response from daemon: manifest for r.example/x:1 not found: manifest unknown',
  ],
  [
    'Unauthorized',
    'ErrImagePull',
    'Error response from daemon: Head "https://r.example/v2/x/manifests/1": no basic auth credentials',
  ],
  [
    'RateLimited',
    'ErrImagePull',
    'Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit.',
  ],
  [
    'Forbidden',
    'ErrImagePull',
    "Error response from daemon: error parsing HTTP 403 response body: invalid character '<'",
  ],
  [
    'WrongArchitecture',
    'ErrImagePull',
    'no matching manifest for linux/arm64/v8 in the manifest list entries',
  ],
  // the kubelet itself
  [
    'InvalidImageName',
    'InvalidImageName',
    'couldn\'t parse image name "UPPER": repository name must be lowercase',
  ],
  [
    'NeverPulled',
    'ErrImageNeverPull',
    'Container image "x" is not present with pull policy of Never',
  ],
  [
    'RunsAsRoot',
    'CreateContainerConfigError',
    'container has runAsNonRoot and image will run as root',
  ],
  ['CannotCreate', 'CreateContainerConfigError', 'secret "x" not found'],
  ['CannotCreate', 'CreateContainerError', 'context deadline exceeded'],
  [
    'SignatureRefused',
    'SignatureValidationFailed',
    'Source image rejected: A signature was required',
  ],
  [
    'SignatureRefused',
    'SignatureValidationFailed',
    'Source image rejected: x509: certificate signed by unknown authority',
  ],
  ['Ends', 'CrashLoopBackOff', 'exit code 1'],
  ['Unknown', 'ErrImagePull', 'something that nobody has seen before'],
];

describe('the cause of a failure', () => {
  it.each(seen)('is %s of %s: %s', (code, reason, message) => {
    expect(causeOf({ reason, message }).code).toBe(code);
  });
});

describe('a failure that is told', () => {
  it.each([
    ['ErrImagePull', '401 Unauthorized', '401 Unauthorized; check imagePullSecrets'],
    [
      'StartError',
      'exec format error',
      "no image for this node's architecture; use an image of several architectures, or keep such nodes out by nodeSelector",
    ],
    ['ErrImagePull', 'a new one', 'a new one'],
    ['ErrImagePull', '', 'ErrImagePull'],
    ['CreateContainerError', 'stuck', 'its container cannot be created: stuck'],
  ])(
    'is what it means and what to do, or else the words of the kubelet: %s, %j',
    (reason, message, told) => {
      expect(toldFailure({ reason, message })).toBe(told);
    },
  );

  it('is printable and short, whatever a registry answers', () => {
    const nasty = `\u001b[31mred\u0007\n${'ä'.repeat(100_000)}`;
    const told = toldFailure({ reason: 'ErrImagePull', message: nasty }, 200);
    expect(told).toMatch(/^[ -~]{1,203}$/);
    expect(told).toContain('\\u001b[31mred');
  });
});
