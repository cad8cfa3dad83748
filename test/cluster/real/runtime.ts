import { output } from './command.ts';

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

  /** Takes an image off the node behind kubelet's back; what runs from it goes on. */
  async removeImage(reference: string): Promise<void> {
    await this.#call('images', 'remove', '--sync', reference);
  }

  /** Ids of the containers that run, those that hold a pod's namespaces included. */
  async tasks(): Promise<readonly string[]> {
    return lines(await this.#call('tasks', 'ls', '--quiet'));
  }

  /** Ids of the containers that run under this name in whatever pods. */
  async running(containerName: string): Promise<readonly string[]> {
    const label = `labels."io.kubernetes.container.name"==${containerName}`;
    const table = await this.#call('tasks', 'ls');
    // After the tasks: one that runs by then has its container, while one listed before may be gone.
    const named = lines(await this.#call('containers', 'ls', '--quiet', label));
    return named.filter((id) => new RegExp(`^${id} +\\d+ +RUNNING`, 'm').test(table));
  }

  #call(...args: readonly string[]): Promise<string> {
    return output([this.#ctr, '--address', this.#socket, '--namespace', 'k8s.io', ...args]);
  }
}

/** Sorted: the runtime lists in no order. */
function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}
