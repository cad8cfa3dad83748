import { KubeConfig } from '@kubernetes/client-node';
import { operatorConfig } from '../../src/config.ts';
import { createClient } from '../../src/kube/http-client.ts';
import type { Operator } from '../../src/kube/operator.ts';
import { errorChain, type Fields, type Log } from '../../src/log.ts';
import { assembleOperator } from '../../src/operator.ts';
import type { Caller, Network } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

export interface ProcessParts {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: () => number;
  readonly token: string;
  readonly trace: Trace;
  /** Where it stands for election; absent where it is alone. */
  readonly leaseIn?: string | undefined;
}

/** How the User-Agent of every operator begins. */
export const operatorAgent = 'operator';

/** An operator as a process: it is started once and ends once, in order or without a warning. */
export class OperatorProcess implements Caller {
  readonly name: string;
  readonly watches = new Set<() => void>();
  state: Caller['state'] = 'running';
  pending = 0;
  /** Lines of its log that say that something is wrong with itself. */
  readonly errors: string[] = [];
  readonly #scheduler: Scheduler;
  readonly #network: Network;
  readonly #operator: Operator;
  readonly #close: () => Promise<void>;

  constructor(parts: ProcessParts) {
    const { name, scheduler, network, random, token, trace, leaseIn } = parts;
    this.name = name;
    this.#scheduler = scheduler;
    this.#network = network;
    const clock = scheduler.clock(this);
    const userAgent = `${operatorAgent}/${name}`;
    const transport = network.transport(this);
    const client = createClient(kubeConfigWith(token), { clock, userAgent, transport });
    this.#close = () => client.close();
    const config = operatorConfig({
      POD_NAME: name,
      METRICS_PORT: '0',
      ...(leaseIn !== undefined && { POD_NAMESPACE: leaseIn }),
    });
    const onLost = () => void this.terminate();
    const { lease } = config;
    const candidacy = lease && { client, lease, identity: name, onLost };
    const log = this.#logTo(trace);
    this.#operator = assembleOperator({
      client,
      config,
      clock,
      random,
      log,
      candidacy,
      servers: [],
    });
    void this.#operator.start();
  }

  /** As SIGKILL. */
  kill(): void {
    this.#network.hangUp(this);
  }

  /** As SIGTERM; `state` tells when it has ended. */
  async terminate(): Promise<void> {
    await this.#operator.stop();
    await this.#close();
  }

  /** As SIGSTOP: what arrives for it waits, and its timers are late. */
  pause(): void {
    if (this.state === 'running') this.state = 'paused';
  }

  /** As SIGCONT. */
  resume(): void {
    if (this.state === 'paused') this.#scheduler.resume(this);
  }

  #logTo(trace: Trace): Log {
    const line = (level: string) => (message: string, fields?: Fields) =>
      trace.add(this.name, `${level} ${message}${inWords(fields)}`);
    return {
      debug() {},
      info: line('info'),
      warn: line('warn'),
      error: (message, fields) => {
        if (!isForUsers(message)) this.errors.push(`${message}${inWords(fields)}`);
        line('error')(message, fields);
      },
    };
  }
}

/** Errors in the world that a human is to see, none of the operator itself. */
function isForUsers(message: string): boolean {
  return message === 'reconcile waits for a change' || message === 'lost the lease';
}

function inWords(fields: Fields = {}): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${value instanceof Error ? errorChain(value) : value}`)
    .join('');
}

function kubeConfigWith(token: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'simulated', server: 'http://simulated.invalid', skipTLSVerify: true },
    { name: 'simulated', token },
  );
  return config;
}
