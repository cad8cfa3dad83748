import type { Call, EventAction, Faults, Firing } from './faults.ts';
import { expired } from './status-error.ts';
import type { WatchSink } from './watches.ts';

/** The stream of a watch with the faults that its events meet. */
export class FaultyStream implements WatchSink {
  readonly #sink: WatchSink;
  readonly #faults: Faults;
  readonly #call: Call;
  /** Steps that wait for an earlier one. */
  readonly #waiting: (() => void)[] = [];
  #isWaiting = false;
  #isOver = false;
  /** A line that goes after the next one. */
  #swapped: string | undefined;

  /** `call` is the request of the watch. */
  constructor(sink: WatchSink, faults: Faults, call: Call) {
    this.#sink = sink;
    this.#faults = faults;
    this.#call = call;
  }

  write(line: string): void {
    this.#next(() => this.#event(line));
  }

  end(): void {
    this.#next(() => {
      this.#flush();
      this.#stop(() => this.#sink.end());
    });
  }

  reset(): void {
    this.#next(() => this.#stop(() => this.#sink.reset()));
  }

  /** Nobody listens any more. */
  close(): void {
    this.#isOver = true;
  }

  /** Steps are taken in order, however long one of them waits. */
  #next(step: () => void): void {
    if (this.#isWaiting) this.#waiting.push(step);
    else if (!this.#isOver) step();
  }

  #event(line: string): void {
    if (!this.#faults.concern('onEvent')) {
      this.#send(line);
      return;
    }
    const event = JSON.parse(line) as { readonly type: string; readonly object: unknown };
    const firing = this.#faults.firing('onEvent', { ...this.#call, event });
    if (firing === undefined) this.#send(line);
    else this.#suffer(firing, line);
  }

  #suffer(firing: Firing<'onEvent'>, line: string): void {
    const { action } = firing;
    if (typeof action === 'string' && action !== 'hold') this.#named(action, line);
    else if (action !== 'hold' && 'garbage' in action) {
      this.#sink.write(`${action.garbage}\n`);
      this.#send(line);
    } else {
      this.#isWaiting = true;
      firing.wait(() => this.#resume(line));
    }
  }

  #named(action: Exclude<Extract<EventAction, string>, 'hold'>, line: string): void {
    switch (action) {
      case 'drop':
        return;
      case 'repeat':
        this.#send(line);
        this.#send(line);
        return;
      case 'swap':
        this.#flush();
        this.#swapped = line;
        return;
      case 'silence':
        this.#stop(() => {});
        return;
      case 'reset':
        this.#stop(() => this.#sink.reset());
        return;
      case 'end':
        this.#stop(() => this.#sink.end());
        return;
      case 'truncate':
        this.#sink.write(line.slice(0, line.length / 2));
        this.#stop(() => this.#sink.end());
        return;
      case 'expire': {
        const object = expired('too old resource version: a fault').status();
        this.#sink.write(`${JSON.stringify({ type: 'ERROR', object })}\n`);
        this.#stop(() => this.#sink.end());
      }
    }
  }

  #send(line: string): void {
    this.#sink.write(line);
    this.#flush();
  }

  #flush(): void {
    const line = this.#swapped;
    this.#swapped = undefined;
    if (line !== undefined) this.#sink.write(line);
  }

  #stop(stop: () => void): void {
    this.#isOver = true;
    stop();
  }

  #resume(line: string): void {
    if (this.#isOver) return;
    this.#isWaiting = false;
    this.#send(line);
    while (!this.#isWaiting && !this.#isOver && this.#waiting.length > 0) this.#waiting.shift()?.();
  }
}
