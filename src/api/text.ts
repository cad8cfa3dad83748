/**
 * The white space that Go's strings.TrimSpace removes (unicode.IsSpace), as the peer trims with it.
 * Unlike String.trim this has the next-line character and leaves the byte order mark, which is no
 * space and belongs in no value.
 */
function isSpace(code: number): boolean {
  if (code === 0x20) return true;
  if (code <= 0x20) return code >= 0x09 && code <= 0x0d;
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  if (code < 0x2028) return code === 0x1680 || (code >= 0x2000 && code <= 0x200a);
  return code <= 0x2029 || code === 0x202f || code === 0x205f || code === 0x3000;
}

/** The text without the white space around it, in time linear in its length. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/**
 * The text in printable ASCII: everything else becomes an escape as in JSON. At most `max`
 * characters, then three dots; only the part that is kept is looked at.
 */
export function printable(text: string, max: number): string {
  return escaped(text, max, false);
}

/** Like {@link printable}, between double quotes, which do not count towards `max`. */
export function quote(text: string, max = 80): string {
  return `"${escaped(text, max, true)}"`;
}

function escaped(text: string, max: number, isQuoted: boolean): string {
  // Nearly every text needs no escape: one look is cheaper than a piece per character.
  if (text.length <= max && /^[ !#-[\]-~]*$/.test(text)) return text;
  let result = '';
  for (let index = 0; index < text.length; index += 1) {
    const piece = escapedUnit(text.charCodeAt(index), isQuoted);
    if (result.length + piece.length > max) return `${result}...`;
    result += piece;
  }
  return result;
}

const shortEscapes: ReadonlyMap<number, string> = new Map([
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
]);

function escapedUnit(code: number, isQuoted: boolean): string {
  if (isQuoted && (code === 0x22 || code === 0x5c)) return `\\${String.fromCharCode(code)}`;
  if (code >= 0x20 && code <= 0x7e) return String.fromCharCode(code);
  return shortEscapes.get(code) ?? `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Made once: toLocaleString makes one for each number. */
const numbers = new Intl.NumberFormat('en-US');

/** A count as people write it: `1,048,576`. */
export function count(value: number): string {
  return numbers.format(value);
}

/** `1 node`, `1,000 nodes`. */
export function nounCount(number: number, noun: string, plural = `${noun}s`): string {
  return `${count(number)} ${number === 1 ? noun : plural}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function enumerated(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
