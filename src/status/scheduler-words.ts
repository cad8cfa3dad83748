/** What the scheduler says of nodes that a DaemonSet's pod is not meant for. */
const beside = /node\(s\) didn't (?:match|satisfy)|Preemption is not helpful/;

/**
 * What a node lacks for a pod, out of the scheduler's message: "0/5 nodes are available: 1 Insufficient
 * memory, 4 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: …" is `Insufficient memory`.
 * (kubernetes/kubernetes: pkg/scheduler/framework/types.go, FitError)
 */
export function lackOf(message: string): string {
  const [, reasons] =
    /^\d+\/\d+ nodes are available: (.*?)\.?(?: ?preemption: .*)?$/s.exec(message) ?? [];
  if (reasons === undefined) return message;
  const parts = reasons.split(', ').map((part) => part.replace(/^\d+ /, ''));
  const own = parts.filter((part) => !beside.test(part));
  return (own.length === 0 ? parts : own).join(', ');
}

/** What may be done about it; empty where nobody knows. */
export function remedyFor(lack: string): string {
  const remedies = [
    ...(/Insufficient/.test(lack) ? ['make room there, or lower the requests'] : []),
    ...(/Too many pods/.test(lack)
      ? ['end other pods there, or raise maxPods of the kubelet']
      : []),
  ];
  return remedies.join('; ');
}
