import { printable } from '../api/text.ts';
import type { ContainerRecord } from './pods.ts';

/** Why a container does not hold its image, in words for the one who can do something about it. */
export interface Cause {
  /** For programs and tests: which row of the table it is. */
  readonly code: string;
  /** What is the case, after "N nodes cannot …". */
  readonly says: string;
  /** What to do; empty where nobody knows. */
  readonly remedy: string;
}

interface Row extends Cause {
  /** The kubelet's reason; any, if it is absent. */
  readonly reason?: RegExp;
  /** What its message holds; anything, if it is absent. */
  readonly message?: RegExp;
}

/** Reasons of a kubelet that did not get an image. */
const pulling = /^(?:ErrImagePull|ImagePullBackOff|RegistryUnavailable)$/;
const notPulling = /^(?!ErrImagePull|ImagePullBackOff|RegistryUnavailable)/;

/**
 * Messages come from registries through containerd, CRI-O and cri-dockerd, so a row names what these have
 * in common. The first that fits counts: what a registry answered tells more than that it did not work.
 * A message tells its cause last, behind what was tried and by whom, so no row goes by such a beginning;
 * all that happens at the token server of a registry begins with "failed to authorize".
 * Reasons are those of kubernetes/kubernetes: pkg/kubelet/images/types.go and
 * pkg/kubelet/kuberuntime/kuberuntime_container.go; messages those of containerd/containerd:
 * core/remotes/docker, containers/image: docker/errors.go, and Go's net/http.
 */
const table: readonly Row[] = [
  {
    code: 'InvalidImageName',
    reason: /^InvalidImageName$/,
    says: 'it is no valid image reference',
    remedy: 'correct it in spec.images',
  },
  {
    code: 'NeverPulled',
    reason: /^ErrImageNeverPull$/,
    says: 'it is not there and the pull policy is Never',
    remedy: 'look who changes the pull policy',
  },
  {
    code: 'SignatureRefused',
    reason: /^SignatureValidationFailed$/,
    says: "the node's policy refuses its signature",
    remedy: 'sign the image, or change the policy',
  },
  {
    code: 'WrongArchitecture',
    message:
      /exec format error|no match for platform|no matching manifest for|does not match the specified platform|no image found in (?:image index|manifest list) for architecture/i,
    says: "no image for this node's architecture",
    remedy: 'use an image of several architectures, or keep such nodes out by nodeSelector',
  },
  {
    code: 'OutOfMemory',
    reason: /^OOMKilled$/,
    says: 'the memory limit is too small for its container',
    remedy: 'raise cachingMemoryLimit',
  },
  {
    code: 'OutOfMemory',
    reason: notPulling,
    message: /container init was OOM-killed|memory limit too low|cannot allocate memory/i,
    says: 'the memory limit is too small for its container to start',
    remedy: 'raise cachingMemoryLimit',
  },
  {
    code: 'Proxy',
    reason: pulling,
    // The second is Go's word for what a proxy answers to CONNECT: the text of a status without its number.
    message:
      /407 \(?Proxy|proxyconnect|": (?:Proxy Authentication Required|Forbidden|Bad Gateway|Service Unavailable|Gateway Time-?out)$/i,
    says: 'the proxy does not let the node through',
    remedy: "check the proxy and the settings for it of the nodes' container runtime",
  },
  {
    code: 'RateLimited',
    reason: pulling,
    message: /429 Too Many|toomanyrequests|too many requests|rate limit/i,
    says: 'the registry limits the rate of pulls (429)',
    remedy: 'wait, pull with credentials (imagePullSecrets), or use a mirror',
  },
  {
    code: 'NotFoundOrDenied',
    reason: pulling,
    message:
      /pull access denied|does not exist or may require|requested access to the resource is denied/i,
    says: 'no such repository, or no right to pull from it',
    remedy: 'check the reference and imagePullSecrets',
  },
  {
    code: 'Unauthorized',
    reason: pulling,
    message:
      /401 \(?Unauthorized|(?:StatusCode: |HTTP )401|unauthorized:|authentication required|no basic auth credentials|authorization failed/i,
    says: '401 Unauthorized',
    remedy: 'check imagePullSecrets',
  },
  {
    code: 'Forbidden',
    reason: pulling,
    message:
      /403 \(?Forbidden|(?:StatusCode: |HTTP )403|(?<!permission )denied:|(?<!tls: )access denied/i,
    says: '403 Forbidden',
    remedy: 'check imagePullSecrets and what they may pull',
  },
  {
    code: 'NoToken',
    reason: pulling,
    message: /(?:fetch \w+ token|bearer token): .*(?: 40[045] |token response|include a token)/i,
    says: "the registry's token server gives no token",
    remedy: '',
  },
  {
    code: 'NotFound',
    reason: pulling,
    // Of what a node itself lacks, a layer say, containerd also says that it is not found.
    message:
      /404 \(?Not Found|(?:StatusCode: |HTTP )404|manifest unknown|name unknown|name not known|^\S+: not found|from remote: not found/i,
    says: 'the registry has no such image (404)',
    remedy: 'check repository and tag',
  },
  {
    code: 'PlainHttp',
    reason: pulling,
    message: /server gave HTTP response to HTTPS client/i,
    says: 'the registry speaks plain HTTP, and the node HTTPS',
    remedy: "give the registry a certificate, or allow HTTP in the nodes' container runtime",
  },
  {
    code: 'Certificate',
    reason: pulling,
    message: /x509: |tls: /i,
    says: 'no TLS connection that the node trusts',
    remedy: "check the registry's certificate and that the nodes trust its authority",
  },
  {
    code: 'UnknownHost',
    reason: pulling,
    message:
      /no such host|server misbehaving|failure in name resolution|invalid port|tcp: lookup /i,
    says: 'a host name of the registry cannot be resolved',
    remedy: 'check the host in the reference, and the DNS of the nodes',
  },
  {
    code: 'DiskFull',
    // Of control groups and watches there can be too many too, and Linux says the same of that.
    message: /^(?!.*(?:cgroup|[fi]notify)).*(?:no space left on device|disk quota exceeded)/is,
    says: "the node's disk is full",
    remedy: 'free or add disk space, or cache fewer images there',
  },
  {
    code: 'RegistryFailed',
    reason: pulling,
    message:
      /500 \(?Internal|502 \(?Bad Gateway|503 \(?Service|504 \(?Gateway|(?:StatusCode: |HTTP )5\d\d/i,
    says: 'the registry answers with an error of its own',
    remedy: 'look after the registry; pulls are tried again',
  },
  {
    code: 'Unreachable',
    reason: pulling,
    // A deadline that stands alone is that of the whole pull, which may be slow for other reasons.
    message:
      /connection refused|timeout|timed out|": .*deadline exceeded|no route to host|network is unreachable|connection reset|EOF$|dial tcp/i,
    says: 'the registry cannot be reached',
    remedy: 'check the registry, and the network and proxy of the nodes',
  },
  {
    code: 'RunsAsRoot',
    reason: notPulling,
    message: /runAsNonRoot|run as root|non-root/i,
    says: 'its container may not run as root',
    remedy: 'look who changes the security context',
  },
  {
    code: 'CannotCreate',
    reason: /^CreateContainer(?:Config)?Error$/,
    says: 'its container cannot be created',
    remedy: '',
  },
  {
    code: 'CannotStart',
    reason: /^(?:StartError|RunContainerError|ContainerCannotRun)$/,
    says: 'its container cannot be started',
    remedy: '',
  },
  {
    code: 'Ends',
    reason: /^CrashLoopBackOff$/,
    says: 'its container ends again and again',
    remedy: 'look at the logs of its pod',
  },
];

/** All that can be the matter, as far as the table knows. */
export const causes: readonly Cause[] = table;

/** A failure that says nothing but that there is one: nothing of it would help anybody. */
export function isMute({ reason, message }: Failing): boolean {
  return reason === 'ErrImagePull' && message === '';
}

type Failing = Pick<ContainerRecord, 'reason' | 'message'>;

/** Claims that a container has this reason because its image did not come. */
export function isPullFailure(reason: string): boolean {
  return (
    pulling.test(reason) ||
    /^(?:InvalidImageName|ErrImageNeverPull|ImageInspectError|SignatureValidationFailed)$/.test(
      reason,
    )
  );
}

/** Finds the cause of a failure; where the table has none, it is told in the kubelet's own words. */
export function causeOf({ reason, message }: Failing): Cause {
  const row = table.find(
    (each) => (each.reason?.test(reason) ?? true) && (each.message?.test(message) ?? true),
  );
  return row ?? { code: 'Unknown', says: '', remedy: '' };
}

/**
 * A failure as part of a sentence: cause and remedy, and the kubelet's own words where they tell more.
 * Printable, and at most about `limit` characters long.
 */
export function toldFailure(failure: Failing, limit = 200): string {
  const { says, remedy } = causeOf(failure);
  const advice = [says, remedy].filter((part) => part !== '').join('; ');
  if (advice !== '' && remedy !== '') return advice;
  const words = printable(failure.message || failure.reason, Math.max(20, limit - advice.length));
  return advice === '' ? words : `${advice}: ${words}`;
}
