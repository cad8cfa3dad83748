import { imagePullers } from '../../src/controllers/keys.ts';
import { type KubeObject, pods, type Resource } from '../../src/kube/objects.ts';
import type { WireRequest } from '../../src/kube/transport.ts';
import { childResources } from '../../src/manifests/children.ts';
import { operatorNamespace, operatorUser } from '../../src/manifests/operator.ts';
import {
  createInProcessCluster,
  type InProcessCluster,
} from '../cluster/embedded/in-process-cluster.ts';
import { Registries } from '../cluster/embedded/workloads/registry.ts';
import { installation, namespace } from './installation.ts';
import { Network } from './network.ts';
import { OperatorProcess } from './operator-process.ts';
import { Scheduler, seeded } from './scheduler.ts';
import { Trace } from './trace.ts';

export interface WorldOptions {
  readonly seed: number;
  /** 1 by default. */
  readonly nodes?: number;
  /** Operators that stand for election; by default there is one, which stands for none. */
  readonly replicas?: number;
}

/** Nobody has done anything for so long: everything that follows from the last change has happened. */
const quietMs = 20_000;
/** After this long without quiet something goes on that should not. */
const longestUnrestMs = 30 * 60_000;
/** How long the kubelet takes to start a container again. */
const restartMs = 1_000;

/** A cluster, its nodes and an operator, in a time and by a chance that one seed decides. */
export class World {
  readonly scheduler = new Scheduler();
  readonly trace = new Trace(() => this.scheduler.elapsed);
  readonly cluster: InProcessCluster;
  readonly #network: Network;
  readonly #random: (salt: number) => () => number;
  readonly #replicas: number;
  /** The operators that run now, one for each replica. */
  readonly #operators: OperatorProcess[] = [];
  readonly #all: OperatorProcess[] = [];
  readonly #sendListeners: ((caller: string, wire: WireRequest) => void)[] = [];
  readonly #away = new Set<string>();
  /** No more away, and not given the time yet that a new node is given too (docs/status.md). */
  readonly #back = new Set<string>();
  #lastChange = 0;
  #deeds = 0;

  constructor({ seed, nodes = 1, replicas = 0 }: WorldOptions) {
    this.#random = (salt) => seeded(Math.imul(seed, 0x9e3779b1) + salt);
    this.#replicas = replicas;
    const lag = this.#random(1);
    this.cluster = createInProcessCluster({
      // Controllers of the cluster are never at once where they are told to be.
      clock: this.scheduler.clock(undefined, () => 2 * lag()),
      random: this.#random(2),
      nodes,
      registries: new Registries({ others: { pullMs: 300 } }),
    });
    const { server } = this.cluster;
    const { scheduler, trace } = this;
    this.#network = new Network({
      scheduler,
      trace,
      server,
      random: this.#random(3),
      onSend: (caller, wire) => {
        for (const listener of this.#sendListeners) listener(caller, wire);
      },
    });
    this.cluster.apply(...installation);
    for (const resource of this.watched) {
      this.cluster.controlPlane.onChange(resource, ({ type, object }) => {
        this.#lastChange = scheduler.elapsed;
        const { name, resourceVersion } = object.metadata;
        trace.add('cluster', `${type} ${object.kind} ${name} ${resourceVersion}`);
      });
    }
  }

  /** The kinds that operators look at. */
  get watched(): readonly Resource[] {
    return [imagePullers, pods, ...childResources];
  }

  get operators(): readonly OperatorProcess[] {
    return this.#operators;
  }

  /** Those that have ended too. */
  get allOperators(): readonly OperatorProcess[] {
    return this.#all;
  }

  /** Calls back whenever an operator sends a request. */
  onSend(listener: (caller: string, wire: WireRequest) => void): void {
    this.#sendListeners.push(listener);
  }

  /** When something has last changed, in the scheduler's time. */
  get lastChange(): number {
    return this.#lastChange;
  }

  /** How many objects users have applied and deleted until now, and how often a node went or came back. */
  get deeds(): number {
    return this.#deeds;
  }

  /** Starts each operator that does not run. */
  startOperators(): void {
    for (let index = 0; index < Math.max(1, this.#replicas); index += 1) {
      if (this.#operators[index]?.state !== undefined && this.#operators[index]?.state !== 'dead') {
        continue;
      }
      const name = `operator-${this.#all.length + 1}`;
      const { scheduler, trace } = this;
      const operator = new OperatorProcess({
        name,
        scheduler,
        trace,
        network: this.#network,
        random: this.#random(100 + this.#all.length),
        token: this.cluster.tokenOf(operatorUser),
        leaseIn: this.#replicas > 0 ? operatorNamespace : undefined,
      });
      trace.add(name, 'starts');
      this.#operators[index] = operator;
      this.#all.push(operator);
    }
  }

  /** As a kubelet: starts again what has ended. */
  restartSoon(): void {
    this.scheduler.after(restartMs, () => this.startOperators());
  }

  /** A user applies objects. */
  apply(...objects: readonly KubeObject[]): void {
    for (const { kind, metadata } of objects) {
      this.#deeds += 1;
      this.trace.add('user', `applies ${kind} ${metadata.name}`);
    }
    this.cluster.apply(...objects);
  }

  /** A user deletes an object. */
  remove(resource: Resource, name: string): void {
    this.#deeds += 1;
    this.trace.add('user', `deletes ${resource.kind} ${name}`);
    this.cluster.controlPlane.remove(resource, namespace, name);
  }

  /** A node stops answering, or answers again; what it runs runs on. */
  setReachable(node: string, isReachable: boolean): void {
    this.#note(node, isReachable ? 'answers again' : 'answers no more');
    const [from, to] = isReachable ? [this.#away, this.#back] : [this.#back, this.#away];
    from.delete(node);
    to.add(node);
    this.cluster.workloads.setReachable(node, isReachable);
  }

  /** A node has no room on its disk and refuses every new pod, or has room again; what it runs runs on. */
  setDiskPressure(node: string, isShort: boolean): void {
    this.#note(node, isShort ? 'refuses pods' : 'takes pods in again');
    this.cluster.workloads.setDiskPressure(node, isShort);
  }

  /** The nodes that answer, and did when all was quiet: those of which a status is to speak. */
  get soundNodes(): readonly string[] {
    const { nodes } = this.cluster.workloads;
    return nodes.filter((node) => !this.#away.has(node) && !this.#back.has(node));
  }

  get(resource: Resource, name: string): KubeObject | undefined {
    return this.cluster.controlPlane.get(resource, namespace, name);
  }

  list(resource: Resource): readonly KubeObject[] {
    return this.cluster.controlPlane.list(resource, namespace);
  }

  /** Lets time pass until nothing has changed for a while. */
  async settle(): Promise<void> {
    const { scheduler } = this;
    const begin = scheduler.elapsed;
    for (;;) {
      const quietAt = Math.max(begin, this.#lastChange) + quietMs;
      if (quietAt <= scheduler.elapsed) break;
      if (scheduler.elapsed - begin > longestUnrestMs) throw new UnrestError();
      await scheduler.until(() => false, quietAt - scheduler.elapsed);
    }
    this.#back.clear();
  }

  #note(node: string, what: string): void {
    this.#deeds += 1;
    this.trace.add(node, what);
  }

  /** Ends everything. */
  stop(): void {
    for (const operator of this.#all) operator.kill();
    this.cluster.stop();
  }
}

/** Something goes on and on. */
export class UnrestError extends Error {
  override readonly name = 'UnrestError';

  constructor() {
    super(`it has not become quiet within ${longestUnrestMs / 60_000} minutes`);
  }
}
