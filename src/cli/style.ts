import { styleText } from 'node:util';
import type { CopyState } from './demo/grid.ts';

/** The roles that text can have; a terminal shows them in colour. */
export type Role = 'heading' | 'good' | 'waiting' | 'bad' | 'quiet';

/** How text looks where it is shown. */
export interface Style {
  /** The sign of each state of a copy, one character wide. */
  readonly signs: Readonly<Record<CopyState, string>>;
  /** Stands for what was cut off, one character wide. */
  readonly ellipsis: string;
  readonly paint: (role: Role, text: string) => string;
}

const formats = {
  heading: 'bold',
  good: 'green',
  waiting: 'yellow',
  bad: 'red',
  quiet: 'gray',
} as const satisfies Record<Role, string>;

/** Plain text in ASCII. */
export const plainStyle: Style = {
  signs: { missing: '.', pulled: 'o', held: '#', failing: 'x' },
  ellipsis: '~',
  paint: (_role, text) => text,
};

/**
 * The style of a stream: colours on a terminal, unless NO_COLOR (no-color.org) or TERM say
 * otherwise, and signs beyond ASCII where the locale is one of UTF-8.
 */
export function styleOf(
  stream: NodeJS.WritableStream,
  env: Readonly<Record<string, string | undefined>>,
): Style {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const isUtf8 = /utf-?8/i.test(locale);
  return {
    signs: isUtf8 ? { missing: '·', pulled: '○', held: '●', failing: '✗' } : plainStyle.signs,
    ellipsis: isUtf8 ? '…' : plainStyle.ellipsis,
    paint: (role, text) => styleText(formats[role], text, { stream }),
  };
}
