import type { Clock } from '../clock.ts';
import { asError } from '../errors.ts';
import type { Cache } from '../kube/cache.ts';
import { type Client, isApiError, isRefusal } from '../kube/client.ts';
import {
  controllerOf,
  daemonSets,
  isControlledBy,
  type KubeObject,
  type Resource,
} from '../kube/objects.ts';
import type { Log } from '../log.ts';
import { daemonSet } from '../manifests/daemon-set.ts';
import type { ManifestInput, PodRequests, PullerIdentity } from '../manifests/input.ts';
import { dryRunName, fieldManager, perContainer, requestsAnnotation } from '../manifests/names.ts';
import { leavesRequestsOpen } from '../manifests/pod-requests.ts';
import { type PodSpec, podSpecOf } from '../status/pod-cost.ts';
import type { PodRecord } from '../status/pods.ts';

/** An answer holds this long, so that templates do not flap. */
const askAgainMs = 60 * 60_000;

/** Whom to ask what pods can have, and where to see what became of them. */
export interface PodRequestsOptions {
  readonly client: Pick<Client, 'apply'>;
  /** What the operator made, by kind. */
  readonly children: ReadonlyMap<Resource, Pick<Cache, 'list'>>;
  /** Their pods, as projected records. */
  readonly pods: Pick<Cache, 'list'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Whether pods can have requests of their own. The server is asked by a dry run, as neither its version
 * nor its OpenAPI tells: one that does not know the field drops it. What refuses such pods, which is
 * seen only when they are made, is remembered on the DaemonSets of the namespace. An answer that did not
 * come changes nothing.
 */
export class PodRequestsKnowledge {
  readonly #client: PodRequestsOptions['client'];
  readonly #children: PodRequestsOptions['children'];
  readonly #pods: PodRequestsOptions['pods'];
  readonly #clock: Clock;
  readonly #log: Log;
  /** The server's last answer, and from when on it is asked again: monotonic milliseconds. */
  #answer: { readonly isKept: boolean; readonly until: number } | undefined;
  /** Until when namespaces where the question was refused are not asked in again. */
  readonly #unanswered = new Map<string, number>();
  /** Namespaces whose DaemonSets are yet to be marked. */
  readonly #toMark = new Set<string>();

  constructor({ client, children, pods, clock, log }: PodRequestsOptions) {
    this.#client = client;
    this.#children = children;
    this.#pods = pods;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * What the pods of a puller can have.
   *
   * @throws ApiError, TransportError where the server does not answer and nothing tells what was so far
   */
  async of(input: ManifestInput): Promise<PodRequests | undefined> {
    if (!leavesRequestsOpen(input.spec) || input.spec.images.length === 0) return undefined;
    const { namespace } = input.puller;
    if (this.#isRefusing(namespace)) return 'refused';
    return (await this.#isKept(input)) ? 'kept' : undefined;
  }

  /**
   * Takes note of why pods of a puller were refused, by the Events of its DaemonSets and by nodes. True
   * where it is for their requests: the manifests of all pullers of the namespace change by it.
   */
  learn({ namespace, uid = '' }: PullerIdentity, refusals: readonly string[]): boolean {
    if (this.#isRefusing(namespace)) return false;
    const present = this.#present(namespace, uid).filter(hasPodResources);
    if (present.length === 0) return false;
    const refusal =
      refusals.find((message) => limitRangeWords.test(message)) ??
      this.#rejectedPod(namespace, present)?.condition.message;
    if (refusal === undefined) return false;
    this.#toMark.add(namespace);
    this.#log.info('pods with requests of their own are refused: their containers get them', {
      namespace,
      refusal,
    });
    return true;
  }

  #rejectedPod(namespace: string, daemonSets: readonly KubeObject[]): PodRecord | undefined {
    const uids = new Set(daemonSets.map(({ metadata }) => metadata.uid));
    // The reflector projects them.
    const pods = this.#pods.list(namespace) as readonly PodRecord[];
    return pods.find(
      (pod) => pod.condition.reason === kubeletReason && uids.has(controllerOf(pod)?.uid),
    );
  }

  #present(namespace: string, uid: string): readonly KubeObject[] {
    return this.#daemonSets(namespace).filter((daemonSet) => isControlledBy(daemonSet, uid));
  }

  #daemonSets(namespace: string): readonly KubeObject[] {
    return this.#children.get(daemonSets)?.list(namespace) ?? [];
  }

  /** A mark that somebody takes off is not put on again before pods are refused anew. */
  #isRefusing(namespace: string): boolean {
    const isMarked = this.#daemonSets(namespace).some(
      ({ metadata }) => metadata.annotations?.[requestsAnnotation] === perContainer,
    );
    if (isMarked) this.#toMark.delete(namespace);
    return isMarked || this.#toMark.has(namespace);
  }

  async #isKept(input: ManifestInput): Promise<boolean> {
    const { namespace, uid = '' } = input.puller;
    const now = this.#clock.monotonic();
    if (this.#answer !== undefined && now < this.#answer.until) return this.#answer.isKept;
    const present = this.#present(namespace, uid);
    const soFar = () => this.#answer?.isKept ?? present.some(hasPodResources);
    if (now < (this.#unanswered.get(namespace) ?? 0)) return soFar();
    try {
      const isKept = await this.#ask(input);
      this.#answer = { isKept, until: now + askAgainMs };
      this.#unanswered.clear();
      return isKept;
    } catch (thrown) {
      const error = asError(thrown);
      const isRefused = isRefusal(error) || isApiError(error, 409);
      if (!isRefused && this.#answer === undefined && present.length === 0) throw error;
      if (isRefused) this.#unanswered.set(namespace, now + askAgainMs);
      this.#log.debug('whether pods can have requests of their own is not known', { error });
      return soFar();
    }
  }

  /**
   * Under a name of its own: what a stored object has once, a server goes on keeping in it
   * (kubernetes/kubernetes: pkg/api/pod/util.go, podLevelResourcesInUse).
   */
  async #ask(input: ManifestInput): Promise<boolean> {
    const { puller, spec, settings } = input;
    const name = dryRunName(spec.daemonsetName);
    const question = daemonSet(
      {
        ...input,
        // Nobody's, as it is never stored.
        puller: { ...puller, uid: undefined },
        settings: { ...settings, podRequests: 'kept' },
      },
      { name, images: spec.images.slice(0, 1) },
    );
    // As for every new object: at a version that no object has, so that it is nobody else's.
    const metadata = { ...question.metadata, resourceVersion: '1' };
    const answer = await this.#client.apply(
      daemonSets,
      { ...question, metadata },
      { fieldManager, force: false, dryRun: true },
    );
    return hasPodResources(answer);
  }
}

function hasPodResources(daemonSet: KubeObject): boolean {
  const { resources }: PodSpec = podSpecOf(daemonSet);
  return Object.keys(resources?.requests ?? {}).length > 0;
}

/**
 * What a LimitRange says of containers without requests, or of a pod with few (kubernetes/kubernetes:
 * plugin/pkg/admission/limitranger/admission.go). Events have nothing but their text.
 */
const limitRangeWords =
  /(?:minimum (?:cpu|memory) usage|(?:cpu|memory) max limit to request ratio) per (?:Container|Pod) is/;

/**
 * The reason of a kubelet that is older than the server, and lets no such pod in (kubernetes/kubernetes:
 * pkg/kubelet/lifecycle/handlers.go, PodLevelResourcesNotAdmittedReason).
 */
const kubeletReason = 'PodLevelResourcesNotSupported';
