import { isDeepStrictEqual } from 'node:util';
import { isObject, type JsonObject } from './json.ts';
import type { Kind } from './kinds.ts';
import { badRequest, StatusError } from './status-error.ts';

export const applyType = 'application/apply-patch+yaml';
export const strategicType = 'application/strategic-merge-patch+json';
export const jsonPatchType = 'application/json-patch+json';

/** Custom kinds have no strategic merge patch: how their lists merge is not in Go's tags. */
export function patchTypesOf({ isCustom }: Kind): readonly string[] {
  const strategic = isCustom ? [] : [strategicType];
  return [jsonPatchType, 'application/merge-patch+json', ...strategic, applyType];
}

/** RFC 7396: fields of the patch replace, null removes, lists are replaced as a whole. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = { ...(isObject(target) ? target : {}) };
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field];
    else result[field] = mergePatch(result[field], value);
  }
  return result;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

/** RFC 6902 without `move` and `copy`: a failed `test` or a path that is not there answers 422. */
export function jsonPatch(target: JsonObject, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw badRequest('the patch is not a list of operations');
  return operations.reduce(
    (document: unknown, operation: Operation) =>
      change(document, pathOf(operation.path), operation),
    target,
  );
}

function pathOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function change(node: unknown, [field, ...rest]: readonly string[], operation: Operation): unknown {
  if (field === undefined) return changed(node, operation);
  if (Array.isArray(node)) return changeItem(node, field, rest, operation);
  if (!isObject(node) || (rest.length > 0 && !(field in node))) throw unprocessable(operation);
  if (operation.op === 'remove' && rest.length === 0) {
    if (!(field in node)) throw unprocessable(operation);
    const { [field]: _, ...others } = node;
    return others;
  }
  return { ...node, [field]: change(node[field], rest, operation) };
}

function changeItem(
  list: readonly unknown[],
  field: string,
  rest: readonly string[],
  operation: Operation,
): readonly unknown[] {
  const index = field === '-' ? list.length : Number(field);
  const isInsertion = rest.length === 0 && operation.op === 'add';
  if (!Number.isInteger(index) || index < 0 || index > list.length - (isInsertion ? 0 : 1)) {
    throw unprocessable(operation);
  }
  if (isInsertion) return list.toSpliced(index, 0, operation.value);
  if (rest.length === 0 && operation.op === 'remove') return list.toSpliced(index, 1);
  return list.with(index, change(list[index], rest, operation));
}

function changed(node: unknown, operation: Operation): unknown {
  switch (operation.op) {
    case 'add':
      return operation.value;
    case 'replace':
      if (node === undefined) throw unprocessable(operation);
      return operation.value;
    case 'test':
      if (!isDeepStrictEqual(node, operation.value)) throw unprocessable(operation);
      return node;
    default:
      throw unprocessable(operation);
  }
}

function unprocessable({ op, path }: Operation): StatusError {
  return new StatusError(
    422,
    'Invalid',
    `the server rejected our request due to an error in our request: ${op} operation does not apply: ${path}`,
  );
}
