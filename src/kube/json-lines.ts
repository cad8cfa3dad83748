/** Far above what etcd can hold (1.5 MB an object by default), far below what would hurt. */
const defaultMaxBytes = 32 * 1024 * 1024;

const lineFeed = 0x0a;

/**
 * Cuts a stream of bytes into lines and parses each as JSON. Strict: a line that is not JSON, not
 * UTF-8 or too long is an error, as is an end inside a line. After an error it is of no more use.
 */
export class JsonLines {
  readonly #maxBytes: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  /** The beginning of a line whose end has not come yet. */
  #begun: Uint8Array[] = [];
  #begunBytes = 0;

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes;
  }

  /** The values of the lines that this chunk completes. */
  *push(chunk: Uint8Array): Generator<unknown, void> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(lineFeed, start);
      this.#keep(chunk.subarray(start, end < 0 ? chunk.length : end));
      if (end < 0) return;
      yield this.#take();
      start = end + 1;
    }
  }

  /** Throws where the stream has ended inside a line. */
  end(): void {
    if (this.#begunBytes > 0) {
      throw new Error(`the stream ended inside a line, after ${this.#begunBytes} bytes of it`);
    }
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#begunBytes += bytes.length;
    if (this.#begunBytes > this.#maxBytes) {
      throw new Error(`a line is longer than ${this.#maxBytes} bytes`);
    }
    this.#begun.push(bytes);
  }

  #take(): unknown {
    const [only] = this.#begun;
    const line = only !== undefined && this.#begun.length === 1 ? only : Buffer.concat(this.#begun);
    this.#begun = [];
    this.#begunBytes = 0;
    try {
      return JSON.parse(this.#decoder.decode(line));
    } catch (cause) {
      throw new Error(`a line of ${line.length} bytes is not JSON`, { cause });
    }
  }
}
