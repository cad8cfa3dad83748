/** Characters of a message that are kept of what a kubelet says. */
const keptMessageLength = 300;

/**
 * What stands at the beginning of nearly every message and tells nothing: who passed it on, and the
 * reference, which the reader knows. (kubernetes/kubernetes: pkg/kubelet/images/image_manager.go;
 * containerd/containerd: client/pull.go, core/remotes/docker/resolver.go)
 */
const preambles = [
  /^Back-off pulling image "[^"]*"(?:: ErrImagePull)?(?:: |$)/,
  /^rpc error: code = \w+ desc = /,
  /^failed to pull and unpack image "[^"]*": /,
  /^failed to resolve reference "[^"]*": /,
  /^failed to resolve image: /,
  /^failed to copy: /,
  /^Failed to pull image "[^"]*": /,
  /^Failed to apply default image tag "[^"]*": /,
  /^Failed to create pod sandbox: /,
  /^failed to start sandbox (?:container task )?"[^"]*": /,
  /^failed to create containerd task: /,
  /^failed to create shim task: /,
  /^OCI runtime create failed: /,
  /^runc create failed: /,
  /^unable to start container process: /,
  /^container create failed: /,
  /^error during container init: /,
];

/** Most of a message that is looked at: what follows is cut anyway. */
const readLength = 4096;

/** The pod that a message is about; its names are left out, so that many pods say the same. */
export interface Speaker {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

/**
 * A message of a kubelet in the words that matter: without preambles, without what differs from pod to
 * pod though the matter is the same (its name and uid, back-off times, local ports, ids of containers),
 * and at most {@link keptMessageLength} characters long.
 */
export function essence(message: string, { name, namespace, uid }: Speaker): string {
  const text = withoutPreambles(message.slice(0, readLength))
    .replaceAll(`${name}_${namespace}(${uid})`, 'the pod')
    .replaceAll(uid === '' ? '\0' : uid, '...')
    .replaceAll(name === '' ? '\0' : name, 'the pod')
    .replace(/^back-off [0-9hms.]+ restarting/, 'back-off restarting')
    .replace(/ container=\S+ pod=the pod$/, '')
    .replace(/\(pod: "the pod", container: [^)]*\)/, '')
    .replace(/(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:]+\]):[0-9]+->/g, '')
    .replace(/(?<!sha256:|[0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g, '...')
    .trim();
  return text.length <= keptMessageLength ? text : `${text.slice(0, keptMessageLength - 3)}...`;
}

function withoutPreambles(message: string): string {
  let text = message;
  for (let rounds = 0; rounds < preambles.length; rounds += 1) {
    const preamble = preambles.find((pattern) => pattern.test(text));
    if (preamble === undefined) return text;
    text = text.replace(preamble, '');
  }
  return text;
}
