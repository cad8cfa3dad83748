import type { RawSpec } from '../../src/api/types.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { operatorUser } from '../../src/manifests/operator.ts';
import type { LoggedRequest } from '../cluster/embedded/api-server.ts';
import type { Fault, FaultRule } from '../cluster/embedded/faults.ts';
import { type Scene, type SceneOptions, startScene } from '../controllers/scene.ts';
import { aPuller } from '../pullers.ts';

/** A cluster of three nodes with an operator that, and nobody else, meets with trouble. */
export class FaultyScene {
  readonly scene: Scene;
  #seen = 0;

  /** Without a puller yet. */
  static async start(options: SceneOptions = {}): Promise<FaultyScene> {
    return new FaultyScene(await startScene(options));
  }

  /** With a puller that is Ready, and an operator that has nothing to do. */
  static async ready(options: SceneOptions = {}): Promise<FaultyScene> {
    const faulty = await FaultyScene.start(options);
    faulty.edit();
    await faulty.scene.until(() => faulty.isReady());
    await faulty.scene.pass(60_000);
    faulty.forget();
    return faulty;
  }

  private constructor(scene: Scene) {
    this.scene = scene;
  }

  /** Makes trouble for the operator. A test fails on one that never came. */
  trouble(rule: FaultRule): Fault {
    const match = { user: operatorUser, ...rule.match };
    return this.scene.cluster.faults.add({ ...rule, match } as FaultRule);
  }

  /** Applies the puller with this spec. */
  edit(spec?: RawSpec, metadata: KubeObject['metadata'] = {}): void {
    this.scene.apply(aPuller(spec, metadata));
  }

  /** The condition as `True Rejected`; undefined where there is none. */
  told(type: string): string | undefined {
    const condition = this.scene.condition(type);
    return condition && `${condition.status} ${condition.reason}`;
  }

  /** Claims that the puller is Ready by the word about its present spec. */
  isReady(): boolean {
    const ready = this.scene.condition('Ready');
    return (
      ready?.status === 'True' &&
      ready.observedGeneration === this.scene.puller()?.metadata.generation
    );
  }

  /** Counts requests and writes from now on. */
  forget(): void {
    this.#seen = this.scene.cluster.requests.length;
    this.scene.writes();
  }

  /** What the operator has asked for since. */
  asked(matches: (request: LoggedRequest) => boolean = () => true): readonly LoggedRequest[] {
    return this.scene.cluster.requests
      .slice(this.#seen)
      .filter((request) => request.user === operatorUser && matches(request));
  }

  /** The lists of a kind that it has asked for since, page by page; a look at one object is none. */
  lists(plural = ''): number {
    return this.asked(
      ({ method, path }) =>
        method === 'GET' &&
        path.includes(`/${plural}`) &&
        /limit=(?!1(&|$))/.test(path) &&
        !path.includes('watch='),
    ).length;
  }

  /** The watches of a kind that it has asked for since. */
  watches(plural = ''): number {
    return this.asked(({ path }) => path.includes(`/${plural}`) && path.includes('watch=')).length;
  }

  /**
   * Expects that the puller becomes Ready, and that then neither half an hour with its resyncs nor a new
   * start of the operator makes it write anything.
   */
  async comesToRest(): Promise<void> {
    await this.scene.until(() => this.isReady());
    await this.scene.pass(60_000);
    this.forget();
    await this.scene.pass(30 * 60_000);
    await this.scene.stopOperator();
    await this.scene.startOperator();
    await this.scene.pass(60_000);
    // How often something was told is counted later than it is told.
    expect(this.scene.writes().filter((write) => !write.includes('events/'))).toEqual([]);
    expect(this.isReady()).toBe(true);
  }

  /** Stops everything, and expects that all the trouble has come. */
  async stop(): Promise<void> {
    const unfired = this.scene.cluster.faults.unfired();
    this.scene.cluster.faults.clear();
    await this.scene.stop();
    expect(unfired).toEqual([]);
  }
}
