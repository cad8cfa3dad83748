import { asList, isObject } from '../json.ts';

/** A path through an object, step by step: from one value to those that it leads to. */
export type JsonPath = readonly ((value: unknown) => readonly unknown[])[];

const name = String.raw`(?<name>(?:\\.|[^.[\]\\])+)`;
const filter = String.raw`\[\?\(@\.(?<key>[\w-]+)\s*==\s*(?:"(?<double>[^"]*)"|'(?<single>[^']*)')\)\]`;
const quoted = String.raw`\['(?<quoted>[^']+)'\]`;
const index = String.raw`\[(?<index>\d+|\*)\]`;
const step = new RegExp(String.raw`\.${name}|${filter}|${quoted}|${index}`, 'y');

/**
 * A simple JSONPath, as printer columns have them: fields, indices, `[*]`, and filters for a field
 * that equals a text.
 *
 * @throws SyntaxError for anything else
 */
export function parseJsonPath(text: string): JsonPath {
  const path: ((value: unknown) => readonly unknown[])[] = [];
  const steps = new RegExp(step);
  while (steps.lastIndex < text.length) {
    const at = steps.lastIndex;
    const groups = steps.exec(text)?.groups;
    if (groups === undefined) throw new SyntaxError(`${text} is no simple JSONPath at ${at}`);
    path.push(stepOf(groups));
  }
  return path;
}

function stepOf(groups: Readonly<Record<string, string | undefined>>): JsonPath[number] {
  const { key, double, single, index: position } = groups;
  const field = groups['quoted'] ?? groups['name']?.replaceAll(/\\(.)/g, '$1');
  if (field !== undefined) return (value) => given(isObject(value) ? value[field] : undefined);
  if (key !== undefined) {
    const wanted = double ?? single;
    return (value) => asList(value).filter((item) => isObject(item) && item[key] === wanted);
  }
  if (position === '*') return asList;
  return (value) => given(asList(value)[Number(position)]);
}

function given(value: unknown): readonly unknown[] {
  return value === undefined ? [] : [value];
}

/** The first value that the path leads to; undefined where it leads nowhere. */
export function firstAt(value: unknown, path: JsonPath): unknown {
  return path.reduce<readonly unknown[]>((values, next) => values.flatMap(next), [value])[0];
}
