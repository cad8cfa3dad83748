import { createRequire } from 'node:module';
import type DotI from '@dot-i/k8s-operator';
import { type Clock, sleep } from '../clock.ts';
import { asError } from '../errors.ts';
import type { Log } from '../log.ts';

/** A part of the program that runs until it is stopped. */
export interface Runnable {
  /** Shown in the log. */
  readonly name: string;
  /** Resolves once it does its work, for example when a cache is filled; rejects where it cannot. */
  start(): Promise<void>;
  /** Resolves once it has ended. Also called where `start` has not resolved yet, or has rejected. */
  stop(): Promise<void>;
}

/** Runnables that start together. */
export interface RunnableGroup {
  readonly name: string;
  readonly runnables: readonly Runnable[];
}

/** What the lifecycle is timed and told by. */
export interface OperatorOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/** How long each group may take to stop. Five groups stay below the grace period of the pod, 40 s. */
const stopTimeoutMs = 7_000;

// The package is CommonJS, and requires the ES module client-node: `require` loads it everywhere.
const { default: DotIOperator } = createRequire(import.meta.url)(
  '@dot-i/k8s-operator',
) as typeof DotI;

/**
 * The base class without its constructor, which reads the kubeconfig that the environment names and
 * throws where that is broken, although nothing of ours uses it.
 */
const Lifecycle = function Lifecycle() {} as unknown as typeof DotIOperator;
Lifecycle.prototype = DotIOperator.prototype;

/**
 * Starts groups of runnables in their order, each when the one before it runs, and stops them in
 * reverse. `start` resolves when everything runs, or when `stop` was called meanwhile; where a
 * runnable cannot start, what had begun is stopped and `start` rejects. Ending the process is left
 * to the caller.
 *
 * Of @dot-i/k8s-operator (1.3.9) only the lifecycle is inherited: its watch ends the process on any
 * error and its status calls swallow theirs, so neither can be reached through this class.
 */
export class Operator extends Lifecycle {
  readonly #groups: readonly RunnableGroup[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #begun: RunnableGroup[] = [];
  readonly #stopRequested = Promise.withResolvers<void>();
  #stopping: Promise<void> | undefined;

  constructor(groups: readonly RunnableGroup[], options: OperatorOptions) {
    super();
    this.#groups = groups;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Called by the inherited `start`. */
  protected override async init(): Promise<void> {
    try {
      for (const group of this.#groups) await this.#begin(group);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops what was started, the last group first; resolves when all has ended or had its time. */
  override stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #begin(group: RunnableGroup): Promise<void> {
    if (this.#stopping !== undefined) return;
    this.#begun.unshift(group);
    this.#log.debug('starting', { group: group.name });
    const running = Promise.all(group.runnables.map((runnable) => runnable.start()));
    await Promise.race([running, this.#stopRequested.promise]);
  }

  async #stopAll(): Promise<void> {
    this.#stopRequested.resolve();
    for (const group of this.#begun) {
      this.#log.debug('stopping', { group: group.name });
      await Promise.all(group.runnables.map((runnable) => this.#stopOne(runnable)));
    }
  }

  async #stopOne(runnable: Runnable): Promise<void> {
    const ended = new AbortController();
    const end = this.#end(runnable).finally(() => ended.abort());
    await Promise.race([end, sleep(this.#clock, stopTimeoutMs, ended.signal)]);
    if (!ended.signal.aborted) {
      this.#log.warn('left behind what did not stop in time', { runnable: runnable.name });
    }
  }

  /** The others still have to be stopped where one fails to, so its failure ends here. */
  async #end(runnable: Runnable): Promise<void> {
    try {
      await runnable.stop();
    } catch (error) {
      this.#log.error('could not stop', { runnable: runnable.name, error: asError(error) });
    }
  }

  protected override registerCustomResourceDefinition(): Promise<never> {
    return unsupported('registerCustomResourceDefinition');
  }

  protected override watchResource(): Promise<never> {
    return unsupported('watchResource');
  }

  protected override setResourceStatus(): Promise<never> {
    return unsupported('setResourceStatus');
  }

  protected override patchResourceStatus(): Promise<never> {
    return unsupported('patchResourceStatus');
  }

  protected override handleResourceFinalizer(): Promise<never> {
    return unsupported('handleResourceFinalizer');
  }

  protected override setResourceFinalizers(): Promise<never> {
    return unsupported('setResourceFinalizers');
  }

  protected override applyAxiosKubeConfigAuth(): Promise<never> {
    return unsupported('applyAxiosKubeConfigAuth');
  }

  protected override applyGaxiosKubeConfigAuth(): Promise<never> {
    return unsupported('applyGaxiosKubeConfigAuth');
  }
}

function unsupported(method: string): Promise<never> {
  return Promise.reject(new Error(`${method} of @dot-i/k8s-operator is not supported`));
}
