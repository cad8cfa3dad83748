import {
  type EmbeddedCluster,
  startEmbeddedCluster,
} from '../../test/cluster/embedded/embedded-cluster.ts';
import { StatusError } from '../../test/cluster/embedded/status-error.ts';
import { parseImage } from '../../test/cluster/embedded/workloads/image-reference.ts';
import { realTimings } from '../../test/cluster/embedded/workloads/kubelet.ts';
import {
  type Answer,
  type HasSecret,
  Registries,
} from '../../test/cluster/embedded/workloads/registry.ts';
import { holdOf } from '../api/findings.ts';
import { parseSpec } from '../api/parse.ts';
import type { ImagePullerStatus, ParsedSpec, RawSpec } from '../api/types.ts';
import { sleep, systemClock } from '../clock.ts';
import { operatorConfig } from '../config.ts';
import { imagePullers } from '../controllers/keys.ts';
import { statusOf } from '../controllers/subject.ts';
import { UsageError } from '../errors.ts';
import { daemonSets, isControlledBy, type KubeObject, pods } from '../kube/objects.ts';
import { childResources } from '../manifests/children.ts';
import { shortHash } from '../manifests/names.ts';
import { operatorUser } from '../manifests/operator.ts';
import { rolloutOfAll } from '../status/rollout.ts';
import { follow, type Patience } from './demo/follow.ts';
import { failuresOf, grid, nodeOf } from './demo/grid.ts';
import { objectsOf, projectPath } from './demo/install-manifests.ts';
import { kubeconfigFile } from './demo/kubeconfig-file.ts';
import { type OperatorProcess, startOperator } from './demo/operator-process.ts';
import { type DemoOptions, demoOptions, demoUsage } from './demo/options.ts';
import { type Outcome, report } from './demo/report.ts';
import { closing, kept, opening, operatorEnded } from './demo/spoken.ts';
import { type Snapshot, viewOn, widthOf } from './demo/view.ts';
import { Interruption } from './interruption.ts';
import type { Output } from './output.ts';
import { type Style, styleOf } from './style.ts';

/** Under which circumstances the demo runs. */
export interface DemoSurroundings {
  readonly output: Output;
  readonly style: Style;
  readonly patience: Patience;
  /** When the operator calls a roll-out stalled that does not advance. */
  readonly progressDeadlineSeconds: number;
  /** Ends the demo before its time. */
  readonly signal: AbortSignal;
}

/**
 * The `demo` command: shows the real operator at work on a cluster inside this process. Returns the
 * exit code: 0 when the puller is Ready, 1 when its spec is held, when it is not Ready and nothing moves
 * any more, or when the operator ends; 128 and the number of the signal where one interrupts it.
 *
 * @throws UsageError
 */
export async function demo(args: readonly string[]): Promise<number> {
  const options = demoOptions(args, projectPath('config/samples/codeready-workspaces.yaml'));
  if (options === undefined) {
    process.stdout.write(demoUsage);
    return 0;
  }
  const interruption = new Interruption();
  try {
    const exitCode = await show(options, {
      output: process.stdout,
      style: styleOf(process.stdout, process.env),
      patience: { quietMs: 30_000, silentMs: 120_000 },
      progressDeadlineSeconds: 15,
      signal: interruption.signal,
    });
    return exitCode ?? interruption.exitCode ?? 1;
  } finally {
    interruption.stopListening();
  }
}

/**
 * Shows one puller from its being applied to its being Ready or held, or to where nothing moves any more.
 * Returns the exit code, undefined where the signal came before that, and leaves no process and no file
 * behind. What is to be kept stays until the signal or the operator's end.
 *
 * @throws UsageError where the API server refuses the puller
 */
export async function show(
  options: DemoOptions,
  surroundings: DemoSurroundings,
): Promise<number | undefined> {
  const { output, style, patience, progressDeadlineSeconds, signal } = surroundings;
  const stage = await Stage.build(options, progressDeadlineSeconds);
  try {
    output.write(opening(options, stage.parsed));
    const view = viewOn(output, style);
    const ending = await follow(
      {
        clock: systemClock,
        look: () => stage.look(),
        hasOperatorEnded: () => stage.operator.ended !== undefined,
        patience,
        signal,
      },
      view,
    );
    const last = stage.look();
    view.close();
    if (ending === 'ready' || ending === 'held' || ending === 'stuck') {
      output.write(report(stage.outcome(), widthOf(output), style));
    }
    const { operator } = stage;
    output.write(closing({ ending, options, last, patience, operator }));
    if (ending === 'interrupted') return undefined;
    if (options.keep && ending !== 'operator-ended') await stage.keep(output, signal);
    return ending === 'ready' ? 0 : 1;
  } finally {
    await stage.clear();
  }
}

/** How often a kept operator is looked after. */
const lookAfterMs = 500;

/** The cluster, the operator beside it, and the puller that the show is about. */
class Stage {
  readonly parsed: ParsedSpec;
  readonly operator: OperatorProcess;
  readonly #heldFor: string | undefined;
  readonly #cluster: EmbeddedCluster;
  readonly #puller: KubeObject;
  /** By reference, how the nodes list the images. */
  readonly #listedNames: ReadonlyMap<string, string>;
  readonly #appliedAt = systemClock.monotonic();

  private constructor(parts: {
    parsed: ParsedSpec;
    cluster: EmbeddedCluster;
    puller: KubeObject;
    progressDeadlineSeconds: number;
  }) {
    this.parsed = parts.parsed;
    this.#heldFor = holdOf(parts.parsed.findings)?.reason;
    this.#cluster = parts.cluster;
    this.#puller = parts.puller;
    this.#listedNames = new Map(
      parts.parsed.spec.images.map(({ reference }) => [reference, listedName(reference)]),
    );
    this.operator = startOperator(parts.cluster.kubeconfig(operatorUser), {
      HEALTH_PORT: '0',
      LOG_FORMAT: 'json',
      PROGRESS_DEADLINE_SECONDS: String(parts.progressDeadlineSeconds),
    });
  }

  static async build(
    { nodes, puller, keep }: DemoOptions,
    progressDeadlineSeconds: number,
  ): Promise<Stage> {
    const parsed = parseSpec((puller['spec'] ?? {}) as RawSpec, operatorConfig({}));
    const haste = hasteFor(parsed.spec.images.length);
    const cluster = await startEmbeddedCluster({
      nodes,
      // kubectl sends no token over plain HTTP.
      tls: keep,
      registries: new DemoRegistries(haste),
      timings: { startMs: realTimings.startMs * haste, answerMs: realTimings.answerMs * haste },
    });
    try {
      const stored = install(cluster, puller);
      return new Stage({ parsed, cluster, puller: stored, progressDeadlineSeconds });
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  look(): Snapshot {
    const { controlPlane, workloads } = this.#cluster;
    const owned = this.#daemonSets();
    const cachePods = controlPlane
      .list(pods, this.#puller.metadata.namespace)
      .filter((pod) => owned.some(({ metadata }) => isControlledBy(pod, metadata.uid ?? '')));
    // Until its controller has seen each DaemonSet, any node may be selected.
    const isPlaced = rolloutOfAll(owned).observed;
    const selected = new Set(cachePods.map(nodeOf));
    const nodes = workloads.nodes.filter((node) => !isPlaced || selected.has(node));
    const disks = new Map(
      nodes.map((node) => [node, new Set(workloads.imagesOn(node).flatMap(({ names }) => names))]),
    );
    return {
      grid: grid({
        images: this.#heldFor === undefined ? this.parsed.spec.images : [],
        nodes,
        pods: cachePods,
        isOnDisk: (node, reference) =>
          disks.get(node)?.has(this.#listedNames.get(reference) ?? '') ?? false,
      }),
      conditions: this.#status().conditions ?? [],
      heldFor: this.#heldFor,
      elapsedMs: systemClock.monotonic() - this.#appliedAt,
    };
  }

  outcome(): Outcome {
    const { controlPlane, requests } = this.#cluster;
    const { namespace = '', uid = '' } = this.#puller.metadata;
    return {
      objects: childResources
        .flatMap((resource) => controlPlane.list(resource, namespace))
        .filter((object) => isControlledBy(object, uid)),
      conditions: this.#status().conditions ?? [],
      findings: this.parsed.findings,
      failures: failuresOf(controlPlane.list(pods, namespace)),
      daemonSets: this.#daemonSets(),
      requests: requests.filter(({ user }) => user === operatorUser),
      logLines: this.operator.lines,
    };
  }

  /** Leaves everything running, with a kubeconfig for it, until the signal or the operator's end. */
  async keep(output: Output, signal: AbortSignal): Promise<void> {
    const kubeconfig = kubeconfigFile(this.#cluster.kubeconfig());
    output.write(kept(kubeconfig.path));
    while (!signal.aborted && this.operator.ended === undefined) {
      await sleep(systemClock, lookAfterMs, signal);
    }
    kubeconfig.remove();
    if (!signal.aborted) output.write(operatorEnded(this.operator));
  }

  /** Ends the operator, then the cluster. */
  async clear(): Promise<void> {
    await this.operator.stop();
    await this.#cluster.stop();
  }

  #daemonSets(): readonly KubeObject[] {
    const { namespace, uid = '' } = this.#puller.metadata;
    return this.#cluster.controlPlane
      .list(daemonSets, namespace)
      .filter((object) => isControlledBy(object, uid));
  }

  #status(): ImagePullerStatus {
    const { namespace = '', name = '' } = this.#puller.metadata;
    const live = this.#cluster.controlPlane.get(imagePullers, namespace, name);
    return live === undefined ? {} : statusOf(live);
  }
}

/** Applies what an administrator would apply, without the operator's Deployment: it runs beside. */
function install(cluster: EmbeddedCluster, puller: KubeObject): KubeObject {
  const manifests = objectsOf(projectPath('config/default'));
  cluster.apply(...manifests.filter(({ kind }) => kind !== 'Deployment'));
  const { namespace = '' } = puller.metadata;
  try {
    cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const [stored = puller] = cluster.apply(puller);
    return stored;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw new UsageError(`the API server refuses the puller: ${error.message}`, { cause: error });
  }
}

/** So many images at most are pulled at the leisurely pace of the model; more are pulled faster. */
const leisurelyImages = 20;

/** By what times are multiplied, so that a node has all its images after about ten seconds. */
function hasteFor(images: number): number {
  return Math.min(1, leisurelyImages / Math.max(1, images));
}

/** Not root, so that the operator's own Deployment comes up too where somebody applies it. */
const user = 65532;

/** Open registries whose pulls take 0.1 to 0.6 seconds: another time on each node, as in life. */
class DemoRegistries extends Registries {
  readonly #haste: number;
  readonly #pulls = new Map<string, number>();

  constructor(haste: number) {
    super();
    this.#haste = haste;
  }

  override pull(reference: Parameters<Registries['pull']>[0], hasSecret: HasSecret): Answer {
    const answer = super.pull(reference, hasSecret);
    if ('refusal' in answer) return answer;
    const { canonical } = reference;
    const pulls = this.#pulls.get(canonical) ?? 0;
    this.#pulls.set(canonical, pulls + 1);
    const share = Number.parseInt(shortHash(`${canonical} ${pulls}`), 16) / 0xffff_ffff;
    return { image: { ...answer.image, user, pullMs: (100 + 500 * share) * this.#haste } };
  }
}

/** A reference as the container runtime lists it among a node's images. */
function listedName(reference: string): string {
  const parsed = parseImage(reference);
  return 'error' in parsed ? reference : parsed.canonical;
}
