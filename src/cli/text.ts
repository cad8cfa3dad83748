import Table from 'cli-table3';

/** Rows as lines whose columns stand under each other; the last one is as long as it likes. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [];
  const table = new Table({
    chars: { ...noBorders, middle: ' '.repeat(columnGap) },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

const noBorders = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right'],
    ...['bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
  ].map((name) => [name, '']),
);

/** Characters between two columns. */
export const columnGap = 2;

/** Shortens a text to a width; the ellipsis takes one character of it. */
export function cut(text: string, width: number, ellipsis: string): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}${ellipsis}`;
}

/**
 * Breaks a text into lines of at most `width` characters, between words where it can; lines after
 * the first begin with `indent`.
 */
export function wrapped(text: string, width: number, indent = ''): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= width || line === '') line = longer;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  return [...lines, line];
}

/** Names cut at the end, or in the middle where two of them would then look alike. */
export function shortened(
  names: readonly string[],
  width: number,
  ellipsis: string,
): readonly string[] {
  const ends = names.map((name) => cut(name, width, ellipsis));
  if (new Set(ends).size === new Set(names).size) return ends;
  return names.map((name) => {
    if (name.length <= width) return name;
    const kept = width - 1;
    const tail = Math.floor(kept / 2);
    return `${name.slice(0, kept - tail)}${ellipsis}${name.slice(name.length - tail)}`;
  });
}
