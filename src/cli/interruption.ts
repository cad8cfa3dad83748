import { constants } from 'node:os';

/** What ends a command from outside: a signal, or a reader of its output that has gone. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #listeners = new Map<NodeJS.Signals, () => void>();
  readonly #onGone = () => this.#end(1);
  /** 128 and the number of the signal, or 1; undefined as long as nothing has interrupted. */
  exitCode: number | undefined;

  constructor() {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const listener = () => this.#end(128 + constants.signals[name]);
      this.#listeners.set(name, listener);
      process.on(name, listener);
    }
    // log-update shows the cursor again on standard error, wherever the view is drawn.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', this.#onGone);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stopListening(): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
    for (const stream of [process.stdout, process.stderr]) stream.off('error', this.#onGone);
  }

  #end(exitCode: number): void {
    this.exitCode ??= exitCode;
    this.#controller.abort();
  }
}
