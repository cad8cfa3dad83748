import { type Clock, sleep } from '../clock.ts';
import { ConfigError } from '../errors.ts';
import type { Client } from '../kube/client.ts';
import { errorChain, type Log } from '../log.ts';

/** Either of them makes a cluster an OpenShift; the second is there where routes are switched off. */
const openShiftGroups = ['route.openshift.io', 'config.openshift.io'];

/** DaemonSet `maxSurge` is stable and always on since 1.25. */
const oldestMinor = 25;

const retryMs = 2000;
const askAgainMs = 60 * 60_000;

/**
 * What the server is. Asked until it answers, and then once an hour. A failed question is no answer:
 * it means "unknown", never "no", and an OpenShift stays one, so that manifests do not flap.
 */
export class Platform {
  readonly name = 'platform';
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #isOpenShift = false;
  #asking: Promise<void> = Promise.resolve();

  constructor(client: Client, clock: Clock, log: Log) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  get isOpenShift(): boolean {
    return this.#isOpenShift;
  }

  /**
   * Resolves once the server has answered.
   *
   * @throws ConfigError where the server is older than the operator can serve
   */
  async start(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#ask();
        break;
      } catch (error) {
        if (error instanceof ConfigError) throw error;
        this.#log.warn('the API server does not answer yet', { error: errorChain(error) });
        await sleep(this.#clock, retryMs, this.#stopping.signal);
      }
    }
    this.#asking = this.#keepAsking();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const { major, minor, gitVersion } = await this.#client.version();
    if (major === 1 && minor < oldestMinor) {
      throw new ConfigError(
        `the API server is Kubernetes ${gitVersion}: a DaemonSet has no maxSurge there, without which ` +
          `every update would leave nodes without their cache; 1.${oldestMinor} or newer is needed`,
      );
    }
    const groups = await this.#client.groups();
    const isOpenShift = openShiftGroups.some((group) => groups.has(group));
    if (isOpenShift && !this.#isOpenShift) {
      this.#log.info('the cluster is an OpenShift', { version: gitVersion });
    }
    this.#isOpenShift ||= isOpenShift;
  }

  async #keepAsking(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(this.#clock, askAgainMs, signal);
      if (signal.aborted) return;
      await this.#ask().catch((error: unknown) =>
        this.#log.warn('the API server was asked what it is, without an answer', {
          error: errorChain(error),
        }),
      );
    }
  }
}
