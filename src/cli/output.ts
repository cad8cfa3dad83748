import { wrapped } from './text.ts';

/** Standard output, as much of it as is used. */
export type Output = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** Writes a sentence, on a terminal in lines that end between words. */
export function say(output: Output, sentence: string): void {
  const width = output.isTTY ? output.columns || 80 : Number.POSITIVE_INFINITY;
  for (const line of wrapped(sentence, width, '  ')) output.write(`${line}\n`);
}
