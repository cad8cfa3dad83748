import { asList, asObject, asObjects, type JsonObject } from '../json.ts';

const none = '<none>';

/** Labels as `a=b,c=d` in the order of their keys; `<none>` without any. */
export function labelText(labels: unknown): string {
  const pairs = Object.entries(asObject(labels)).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? none : pairs.sort().join(',');
}

/** A selector in its string form; empty where it has no requirement. */
export function selectorText(selector: unknown): string {
  const { matchLabels, matchExpressions } = asObject(selector);
  const requirements: Record<string, string> = {};
  for (const [key, value] of Object.entries(asObject(matchLabels))) {
    requirements[key] = `${key}=${value}`;
  }
  for (const one of asObjects(matchExpressions)) requirements[String(one['key'])] = expression(one);
  return Object.entries(requirements)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, text]) => text)
    .join(',');
}

/** As {@link selectorText}, and `<none>` where it has no requirement. */
export function selectorOrNone(selector: unknown): string {
  return selectorText(selector) || none;
}

function expression({ key, operator, values }: JsonObject): string {
  switch (operator) {
    case 'Exists':
      return String(key);
    case 'DoesNotExist':
      return `!${key}`;
    default: {
      const set = asList(values).map(String).sort().join(',');
      return `${key} ${operator === 'In' ? 'in' : 'notin'} (${set})`;
    }
  }
}
