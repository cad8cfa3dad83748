import type { V1Container } from '@kubernetes/client-node';
import { quantityValue } from './quantity.ts';
import type { Image } from './registry.ts';
import { nameOf, type Pod, uidOf, type WaitingState } from './shapes.ts';

/** What keeps a container whose image is there from starting, as pure functions. */

/** Below this the runtime's own first process does not fit (seen on 1.36.3: 2Mi stays, 4Mi runs). */
const leastMemory = 4 * 2 ** 20;

/**
 * Why the container cannot be made from the image; undefined where it can.
 * (kubernetes/kubernetes: pkg/kubelet/kuberuntime/security_context_others.go, verifyRunAsNonRoot)
 */
export function configError(
  pod: Pod,
  container: V1Container,
  image: Image,
): WaitingState | undefined {
  const ofPod = pod.spec.securityContext;
  const own = container.securityContext;
  if (!(own?.runAsNonRoot ?? ofPod?.runAsNonRoot)) return undefined;
  const runAsUser = own?.runAsUser ?? ofPod?.runAsUser;
  const why = rootReason(runAsUser, image.user);
  if (why === undefined) return undefined;
  const message = `${why} (pod: "${format(pod)}", container: ${container.name})`;
  return { reason: 'CreateContainerConfigError', message };
}

function rootReason(runAsUser: number | undefined, user: number | string): string | undefined {
  if (runAsUser !== undefined) {
    return runAsUser === 0 ? "container's runAsUser breaks non-root policy" : undefined;
  }
  if (typeof user === 'string') {
    return `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root`;
  }
  return user === 0 ? 'container has runAsNonRoot and image will run as root' : undefined;
}

/**
 * Why the container's first process cannot be started, in the words of runc 1.1 and containerd 2.2;
 * undefined where it can.
 */
export function startError(
  { command = [] }: V1Container,
  { lacks = [] }: Image,
): string | undefined {
  const [program = ''] = command;
  if (!lacks.includes(program)) return undefined;
  return (
    'failed to create containerd task: failed to create shim task: OCI runtime create failed: ' +
    `runc create failed: unable to start container process: exec: "${program}": ` +
    `stat ${program}: no such file or directory: unknown`
  );
}

/**
 * Claims that the memory limit is too small for a container to come up at all; one of 0 is none.
 * (kubernetes/kubernetes: pkg/kubelet/kuberuntime/kuberuntime_container_linux.go)
 */
export function isStarved(container: V1Container): boolean {
  const limit = quantityValue(container.resources?.limits?.['memory'] ?? '0');
  return limit > 0 && limit < leastMemory;
}

/** What a kubelet tells of a pod that such a limit keeps from coming up (runc 1.1, containerd 2.2). */
export const starved =
  'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create containerd task: ' +
  'failed to create shim task: OCI runtime create failed: runc create failed: unable to start ' +
  'container process: container init was OOM-killed (memory limit too low?): unknown';

/** A pod as the kubelet writes it into messages. */
export function format(pod: Pod): string {
  return `${nameOf(pod)}_${pod.metadata.namespace}(${uidOf(pod)})`;
}

/** A duration as Go prints it: `10s`, `1m20s`, `5m0s`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
