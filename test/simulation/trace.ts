/** What happened in a run, line by line, each with its time: the same for the same seed, byte for byte. */
export class Trace {
  readonly #elapsed: () => number;
  readonly #lines: string[] = [];

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
  }

  add(who: string, what: string): void {
    this.#lines.push(`${this.#elapsed().toFixed(3).padStart(12)} ${who.padEnd(10)} ${what}`);
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}
