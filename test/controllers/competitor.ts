import type { Clock } from '../../src/clock.ts';
import { operatorConfig } from '../../src/config.ts';
import type { Client, WriteOptions } from '../../src/kube/client.ts';
import type { ConnectedClient } from '../../src/kube/http-client.ts';
import type { KubeObject, Resource } from '../../src/kube/objects.ts';
import type { Operator } from '../../src/kube/operator.ts';
import type { Log } from '../../src/log.ts';
import { operatorNamespace } from '../../src/manifests/operator.ts';
import { assembleOperator } from '../../src/operator.ts';

export interface CompetitorParts {
  /** Its identity in the Lease. */
  readonly name: string;
  /** The cluster's clock. */
  readonly clock: Clock;
  readonly log: Log;
  readonly env: Readonly<Record<string, string>>;
  /** Connects to the cluster by a clock of the caller's; `counted` waits for what it asks. */
  readonly connect: (clock: Clock) => ConnectedClient;
  readonly counted: (client: Client) => Client;
  /** Who holds the lease, as the server has it at this moment. */
  readonly leader: () => string;
}

/** A write of a competitor other than that of the Lease, at the moment it went out. */
export interface SentWrite {
  readonly by: string;
  /** Who held the lease then. */
  readonly leader: string;
  /** `apply daemonsets/cache`. */
  readonly what: string;
  /** The cluster's monotonic time in milliseconds. */
  readonly at: number;
}

/**
 * One of several operators that stand for election on a scene: as much of a process of its own as one
 * inside the test's process can be. It can be asked to end, frozen and thawed, and killed.
 */
export class Competitor {
  readonly name: string;
  readonly sent: SentWrite[] = [];
  /** Called when the write has just gone out that makes `sent` so long. */
  readonly #atLength = new Map<number, () => void>();
  /** It has been told that its lease is somebody else's. */
  hasLost = false;
  readonly #operator: Operator;
  readonly #connected: ConnectedClient;
  readonly #frozen: Freezer;

  constructor(parts: CompetitorParts) {
    const { name, log, connect, counted } = parts;
    this.name = name;
    this.#frozen = new Freezer(parts.clock);
    const { clock } = this.#frozen;
    this.#connected = connect(clock);
    const client = this.#frozen.held(this.#recorded(counted(this.#connected), parts));
    const config = operatorConfig({
      HEALTH_PORT: '0',
      METRICS_PORT: '0',
      POD_NAMESPACE: operatorNamespace,
      ...parts.env,
    });
    if (config.lease === undefined) throw new Error('a competitor stands for election');
    const onLost = () => {
      this.hasLost = true;
      void this.stop();
    };
    const candidacy = { client, lease: config.lease, identity: name, onLost };
    this.#operator = assembleOperator({ client, config, clock, log, candidacy });
  }

  /** Begins to stand for election; resolves once it leads, or has been stopped. */
  start(): Promise<void> {
    return this.#operator.start();
  }

  /** Calls back once, when this many more writes have gone out, before it can do anything else. */
  afterWrites(count: number, callback: () => void): void {
    this.#atLength.set(this.sent.length + count, callback);
  }

  /** As SIGTERM: resolves when it has ended. */
  async stop(): Promise<void> {
    await this.#operator.stop();
    await this.#connected.close();
  }

  /** As SIGSTOP: nothing of it runs, and what arrives for it waits. */
  freeze(): void {
    this.#frozen.begin();
  }

  /** As SIGCONT. What it was about to send comes before its timers, as that is the worse order. */
  thaw(): void {
    this.#frozen.end();
  }

  /** As SIGKILL, except that it keeps its port until `end`. */
  async kill(): Promise<void> {
    this.freeze();
    await this.#connected.close();
  }

  /** Clears away what is left of it, whatever has happened to it; needs the cluster's time to pass. */
  async end(): Promise<void> {
    this.thaw();
    await this.stop();
  }

  #recorded(client: Client, { clock, leader }: CompetitorParts): Client {
    const recorded = <Options extends WriteOptions>(what: string, options?: Options) => ({
      ...options,
      beforeSend: () => {
        options?.beforeSend?.();
        if (what.includes(' leases/')) return;
        this.sent.push({ by: this.name, leader: leader(), what, at: clock.monotonic() });
        this.#atLength.get(this.sent.length)?.();
      },
    });
    const named = ({ plural }: Resource, { metadata }: KubeObject) => `${plural}/${metadata.name}`;
    return {
      ...reading(client),
      apply: (resource, body, options) => {
        const what = `apply ${named(resource, body)}`;
        return client.apply(resource, body, { ...options, ...recorded(what, options) });
      },
      create: (resource, body, options) =>
        client.create(resource, body, recorded(`create ${named(resource, body)}`, options)),
      update: (resource, body, options) =>
        client.update(resource, body, recorded(`update ${named(resource, body)}`, options)),
      mergePatch: (resource, object, patch, options) => {
        const what = `patch ${named(resource, object)}`;
        return client.mergePatch(resource, object, patch, {
          ...options,
          ...recorded(what, options),
        });
      },
      remove: (resource, object, options) =>
        client.remove(resource, object, recorded(`remove ${named(resource, object)}`, options)),
    };
  }
}

/** Holds up a process: its timers, what it sends and what it is answered. */
class Freezer {
  /** The process's own: it goes on while the process is frozen, whose timers then are late. */
  readonly clock: Clock;
  #thawed: PromiseWithResolvers<void> | undefined;
  readonly #late: (() => void)[] = [];

  constructor(clock: Clock) {
    this.clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, callback) => {
        let isCancelled = false;
        const due = () => {
          if (this.#thawed !== undefined) this.#late.push(due);
          else if (!isCancelled) callback();
        };
        const cancel = clock.after(delayMs, due);
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    };
  }

  begin(): void {
    this.#thawed ??= Promise.withResolvers<void>();
  }

  end(): void {
    const thawed = this.#thawed;
    this.#thawed = undefined;
    thawed?.resolve();
    // Behind the microtasks of what was about to be sent.
    setImmediate(() => {
      for (const due of this.#late.splice(0)) due();
    });
  }

  held(client: Client): Client {
    const turn = async <Result>(send: () => Promise<Result>): Promise<Result> => {
      await this.#thawed?.promise;
      try {
        return await send();
      } finally {
        await this.#thawed?.promise;
      }
    };
    return {
      get: (...args) => turn(() => client.get(...args)),
      list: (...args) => turn(() => client.list(...args)),
      watch: (...args) => turn(() => client.watch(...args)),
      groups: () => turn(() => client.groups()),
      version: () => turn(() => client.version()),
      apply: (...args) => turn(() => client.apply(...args)),
      create: (...args) => turn(() => client.create(...args)),
      update: (...args) => turn(() => client.update(...args)),
      mergePatch: (...args) => turn(() => client.mergePatch(...args)),
      remove: (...args) => turn(() => client.remove(...args)),
    };
  }
}

function reading(client: Client): Pick<Client, 'get' | 'list' | 'watch' | 'groups' | 'version'> {
  return {
    get: (...args) => client.get(...args),
    list: (...args) => client.list(...args),
    watch: (...args) => client.watch(...args),
    groups: () => client.groups(),
    version: () => client.version(),
  };
}
