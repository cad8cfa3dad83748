/** Characters of a message that are kept of what a kubelet says. */
const keptMessageLength = 300;

/**
 * What stands at the beginning of nearly every message and tells nothing: who passed it on, and the
 * reference, which the reader knows. (kubernetes/kubernetes: pkg/kubelet/images/image_manager.go, pkg/kubelet/kubelet.go;
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
  /^Pod was rejected: /,
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
 * pod though the matter is the same (its name and uid, back-off times, local ports, ids of containers,
 * what an address asks for and is signed with), and at most {@link keptMessageLength} characters long.
 */
export function essence(message: string, speaker: Speaker): string {
  const text = withoutNames(withoutPreambles(message.slice(0, readLength)), speaker)
    .replace(/^back-off [0-9hms.]+ restarting/, 'back-off restarting')
    .replace(/ container=\S+ pod=the pod$/, '')
    .replace(/\(pod: "the pod", container: [^)]*\)/, '')
    .replace(/(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:]+\]):[0-9]+->/g, '')
    .replace(/(https?:\/\/[^\s"?]*)\?[^\s"]*?(?=:?(?:[\s"]|$))/g, '$1')
    .replace(/ \(Retry-After: [^)]*\)/, '')
    .replace(/(?<!sha256:|[0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g, '...')
    .trim()
    // It becomes part of a sentence.
    .replace(/(?<!\.)\.$/, '');
  return text.length <= keptMessageLength ? text : `${text.slice(0, keptMessageLength - 3)}...`;
}

/**
 * Containerd and CRI-O make names of a pod's: `<container>_<pod>_<namespace>_<uid>_<attempt>`
 * (containerd/containerd: internal/cri/server/helpers.go).
 */
function withoutNames(message: string, { name, namespace, uid }: Speaker): string {
  if (name === '') return message;
  return message
    .replaceAll(`${name}_${namespace}(${uid})`, 'the pod')
    .replaceAll(`${name}_${namespace}_${uid}`, 'the pod')
    .replace(/_the pod_\d+/g, ' of the pod')
    .replace(/the pod_\d+/g, 'the pod')
    .replaceAll(uid === '' ? '\0' : uid, '...')
    .replaceAll(name, 'the pod');
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
