import { createLogUpdate } from 'log-update';
import { printable } from '../../api/text.ts';
import type { Output } from '../output.ts';
import type { Style } from '../style.ts';
import { cut } from '../text.ts';
import { conditionsOf, frame, progressOf } from './progress.ts';
import { keyOf, type Report } from './report.ts';

/** A report among others. */
export interface Look {
  readonly report: Report;
  /** Since the first. */
  readonly elapsedMs: number;
  /** Why the server cannot be asked at the moment; undefined while it answers. */
  readonly lost: string | undefined;
}

/** Shows how things go on. */
export interface View {
  show(look: Look): void;
  /** Takes away what was only of the moment. */
  close(): void;
}

/** Lines that a live frame leaves to the time and to the cursor. */
const otherLines = 2;

/** Draws over itself, with progress bars: for terminals. */
export class LiveView implements View {
  readonly #output: Output;
  readonly #style: Style;
  readonly #update;

  constructor(output: Output, style: Style) {
    this.#output = output;
    this.#style = style;
    this.#update = createLogUpdate(output);
  }

  show({ report: { pullers, unread }, elapsedMs, lost }: Look): void {
    const { ellipsis, paint } = this.#style;
    const width = this.#output.columns || 80;
    const room = Math.max(2, (this.#output.rows || 24) - otherLines);
    const time = seconds(elapsedMs).padStart(5);
    const trouble = lost === undefined ? '' : cut(`  ${lost}`, width - 6, ellipsis);
    const limits = lost === undefined ? unread.slice(0, Math.floor(room / 2)) : [];
    this.#update(
      [
        `${time}${paint('bad', trouble)}`,
        ...limits.map((limit) => paint('quiet', cut(printable(limit, 1000), width, ellipsis))),
        ...frame(pullers, { width, height: room - limits.length }, this.#style),
      ].join('\n'),
    );
  }

  close(): void {
    this.#update.clear();
    this.#update.done();
  }
}

/** Progress that moves is told at most so often; conditions that turn are told at once. */
const progressEveryMs = 1000;

/** Adds lines, each of which says something new: for pipes. */
export class PlainView implements View {
  readonly #output: NodeJS.WritableStream;
  readonly #told = new Map<string, { conditions: string; progress: string; atMs: number }>();
  #lost: string | undefined;
  readonly #unread = new Set<string>();

  constructor(output: NodeJS.WritableStream) {
    this.#output = output;
  }

  show({ report: { pullers, unread }, elapsedMs, lost }: Look): void {
    const tell = (text: string) => {
      this.#output.write(`${seconds(elapsedMs).padStart(5)}  ${text}\n`);
    };
    if (lost !== undefined && this.#lost === undefined) tell(lost);
    if (lost === undefined && this.#lost !== undefined) tell('the API server answers again');
    this.#lost = lost;
    // Without a server nothing can be read.
    if (lost === undefined) this.#tellUnread(unread, tell);
    for (const puller of pullers) {
      const key = printable(keyOf(puller), 1000);
      const before = this.#told.get(key) ?? {
        conditions: '',
        progress: '',
        atMs: Number.NEGATIVE_INFINITY,
      };
      const now = { ...before };
      const conditions = conditionsOf(puller);
      const hasTurned = conditions !== before.conditions;
      const progress = progressOf(puller);
      const isDue = hasTurned || elapsedMs - before.atMs >= progressEveryMs;
      if (progress !== before.progress && isDue) {
        tell(`${key}  ${progress}`);
        now.progress = progress;
        now.atMs = elapsedMs;
      }
      if (hasTurned) {
        tell(`${key}  ${conditions}`);
        now.conditions = conditions;
      }
      this.#told.set(key, now);
    }
  }

  close(): void {}

  #tellUnread(unread: readonly string[], tell: (text: string) => void): void {
    if (unread.length === 0 && this.#unread.size > 0) {
      this.#unread.clear();
      tell('everything can be read again');
    }
    for (const sentence of unread) {
      if (!this.#unread.has(sentence)) tell(printable(sentence, 2000));
      this.#unread.add(sentence);
    }
  }
}

/** Writes a document whenever it says something new, at most once a second: for programs. */
export class DocumentView implements View {
  readonly #output: NodeJS.WritableStream;
  readonly #write: (report: Report) => string;
  #written = '';
  #atMs = Number.NEGATIVE_INFINITY;
  #last: Look | undefined;

  constructor(output: NodeJS.WritableStream, write: (report: Report) => string) {
    this.#output = output;
    this.#write = write;
  }

  show(look: Look): void {
    this.#last = look;
    if (look.elapsedMs - this.#atMs < progressEveryMs) return;
    this.#atMs = look.elapsedMs;
    this.#tell(look);
  }

  /** Whatever the last second brought is told before the end. */
  close(): void {
    if (this.#last) this.#tell(this.#last);
  }

  #tell({ report }: Look): void {
    const text = this.#write(report);
    if (text !== this.#written) this.#output.write(text);
    this.#written = text;
  }
}

function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)} s`;
}
