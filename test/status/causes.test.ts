import { causeOf, toldFailure } from '../../src/status/causes.ts';

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
    'failed to do request: Head "https://r.example/v2/x/manifests/1": http: server gave HTTP response to HTTPS client',
  ],
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
