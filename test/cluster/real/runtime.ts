import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { output, type Words } from './command.ts';
import { type ContainerEvent, containerEvent } from './lives.ts';
import { until } from './wait.ts';

/** A look past Kubernetes at what the node's runtime holds and runs. */
export class Runtime {
  readonly #ctr: string;
  readonly #socket: string;

  constructor(ctr: string, socket: string) {
    this.#ctr = ctr;
    this.#socket = socket;
  }

  /** References of the images on the node: names with a tag, names with a digest, and bare digests. */
  async images(): Promise<readonly string[]> {
    return lines(await this.#call('images', 'ls', '--quiet'));
  }

  /** Digests of all that was pulled: manifests, configurations and layers. */
  async blobs(): Promise<readonly string[]> {
    return lines(await this.#call('content', 'ls', '--quiet'));
  }

  /** Takes an image off the node behind kubelet's back; what runs from it goes on. */
  async removeImage(reference: string): Promise<void> {
    await this.#call('images', 'remove', '--sync', reference);
  }

  /** Ids of the containers that run, those that hold a pod's namespaces included. */
  async tasks(): Promise<readonly string[]> {
    const table = lines(await this.#call('tasks', 'ls'));
    return table.flatMap((line) => /^(\S+) +\d+ +RUNNING\b/.exec(line)?.[1] ?? []);
  }

  /**
   * The image that each container was made from, as it was asked for, by the container's id: of those that
   * run, those that have ended and those that hold a pod's namespaces. Kubelet collects none of these images.
   */
  async containers(): Promise<ReadonlyMap<string, string>> {
    const [, ...rows] = (await this.#call('containers', 'ls')).split('\n');
    return new Map(
      rows.flatMap((row) => {
        const [, id = '', image = ''] = /^(\S+) +(\S+) /.exec(row) ?? [];
        return id === '' ? [] : [[id, image] as const];
      }),
    );
  }

  /** Sends a signal to the first process of a container, behind kubelet's back. */
  async signal(container: string, name: NodeJS.Signals): Promise<void> {
    await this.#call('tasks', 'kill', '--signal', name, container);
  }

  /**
   * Tells of every start and end of a container, from before it resolves until what it resolves with is
   * called; that rejects where the runtime has ended the account before.
   */
  async follow(tell: (event: ContainerEvent) => void): Promise<() => Promise<void>> {
    const [program, ...args] = this.#words('events');
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const closed = once(child, 'close');
    let isBegun = false;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes(' /namespaces/')) isBegun = true;
      const event = containerEvent(line);
      if (event) tell(event);
    });
    const stop = async () => {
      if (!child.kill()) throw new Error('the runtime has ended its account of events');
      await closed;
    };
    // It does not say that it has begun; what it tells of a namespace that nobody uses does.
    const mark = `mark-${child.pid}`;
    const isTold = async () => {
      await this.#make(mark);
      return isBegun;
    };
    try {
      await until('the account of events to begin', isTold, 60_000);
    } catch (error) {
      child.kill();
      throw error;
    }
    return stop;
  }

  async #make(namespace: string): Promise<void> {
    await this.#call('namespaces', 'create', namespace);
    await this.#call('namespaces', 'remove', namespace);
  }

  #call(...args: readonly string[]): Promise<string> {
    return output(this.#words(...args));
  }

  #words(...args: readonly string[]): Words {
    return [this.#ctr, '--address', this.#socket, '--namespace', 'k8s.io', ...args];
  }
}

/** Sorted: the runtime lists in no order. */
function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}
