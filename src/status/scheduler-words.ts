/** What the scheduler says of nodes that a DaemonSet's pod is not meant for: each is made for one node. */
const beside =
  /node\(s\) didn't (?:match Pod's node affinity\/selector|satisfy plugin\(s\) \[NodeAffinity\])/;

/**
 * What a node lacks for a pod, out of the first sentence of the scheduler's message: "0/5 nodes are available:
 * 1 Insufficient memory, 4 node(s) didn't satisfy plugin(s) [NodeAffinity]. …" is `Insufficient memory`.
 * (kubernetes/kubernetes: pkg/scheduler/framework/types.go, FitError)
 */
export function lackOf(message: string): string {
  const [, reasons] = /^\d+\/\d+ nodes are available: (.*?)(?:\.(?: .*)?)?$/s.exec(message) ?? [];
  if (reasons === undefined) return message;
  const parts = reasons.split(', ').map((part) => part.replace(/^\d+ /, ''));
  const own = parts.filter((part) => !beside.test(part));
  return (own.length === 0 ? parts : own).join(', ');
}

const remedies: readonly (readonly [words: RegExp, remedy: string])[] = [
  [/Insufficient/, 'make room there, or lower the requests'],
  [/Too many pods/, 'end other pods there, or raise maxPods of the kubelet'],
  [/didn't match pod (?:anti-)?affinity rules/, 'change spec.affinity'],
];

/** What may be done about it; empty where nobody knows. */
export function remedyFor(lack: string): string {
  const fitting = remedies.filter(([words]) => words.test(lack));
  return fitting.map(([, remedy]) => remedy).join('; ');
}
