import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { asError } from '../errors.ts';
import type { JsonForm } from './json-forms.ts';
import { type Format, formatHints, type JsonSchema, type ObjectSchema } from './json-schema.ts';
import { isLabel, isLabelKey, isLabelValue, isSubdomain } from './object-names.ts';
import type { Refusal } from './refusal.ts';
import { count, printable, quote } from './text.ts';

/** Far beyond any placement rule, far below what recursion or the server would choke on. */
const maxBytes = 64 * 1024;
const maxDepth = 64;

/** A value that fits its schema, and the fields that were dropped because the schema lacks them. */
export interface JsonField {
  /** Undefined for the text `null`. */
  readonly value: unknown;
  /** Paths, printable. */
  readonly unknownFields: readonly string[];
}

/**
 * Reads a JSON text as Go's encoding/json would into the type that the schema describes, as the peer
 * did: field names match in any case and come back in the schema's, the last of several wins, unknown
 * fields are dropped, `null` is an absent field or an empty element. What Go would not write again is
 * absent too, so that the value is the one that the API server keeps. Then checks the values. The
 * refusal names the place, or, where the text as a whole is something else, the form it is to have.
 */
export function parseJsonField(
  text: string,
  schema: JsonSchema,
  form: JsonForm,
): JsonField | Refusal {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) {
    return { refusal: `it has ${count(bytes)} bytes; at most ${count(maxBytes)} are read` };
  }
  if (isDeeperThan(maxDepth, text)) {
    return { refusal: `it is nested more than ${maxDepth} levels deep` };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error: unknown) {
    return { refusal: `${syntaxObjection(text, asError(error))}; ${remedy(form)}` };
  }
  if (json === null) return { value: undefined, unknownFields: [] };
  const unknownFields: string[] = [];
  const value = conformed(json, schema, '', unknownFields);
  const refusal = schemaObjection(value, schema, form);
  return refusal === undefined ? { value, unknownFields } : { refusal };
}

/** Where somebody meant to write JSON, the parser's own words tell the place of the slip. */
function syntaxObjection(text: string, { message }: Error): string {
  return /^[[{]/.test(text)
    ? `it is not JSON: ${printable(message, 120)}`
    : `${quote(text, 40)} is not JSON`;
}

function remedy({ form, example }: JsonForm): string {
  return `write ${form}, for example ${example}`;
}

/** Counts open brackets outside strings; also right for texts that are no JSON, which fail later. */
function isDeeperThan(levels: number, text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[[{]|[\]}]/gs)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth > levels) return true;
  }
  return false;
}

/** The value in the schema's own field names. Follows the schema, whose depth is fixed. */
function conformed(json: unknown, schema: JsonSchema, path: string, unknown: string[]): unknown {
  if (schema.type === 'array' && Array.isArray(json)) {
    return json.map((item, index) =>
      conformed(item ?? emptyOf(schema.items), schema.items, `${path}[${index}]`, unknown),
    );
  }
  if (schema.type !== 'object' || !isObject(json)) return json;
  const entries = Object.entries(json);
  // fromEntries defines each key as an own one: `__proto__` is a key like any other.
  return Object.fromEntries(
    'additionalProperties' in schema
      ? entries.map(([key, item]) => [key, item ?? emptyOf(schema.additionalProperties)])
      : entries.flatMap((entry) => conformedEntry(entry, schema, path, unknown)),
  );
}

function conformedEntry(
  [key, item]: [string, unknown],
  { properties, required = [] }: ObjectSchema,
  path: string,
  unknown: string[],
): [string, unknown][] {
  const lower = key.toLowerCase();
  const field = Object.keys(properties).find((name) => name.toLowerCase() === lower);
  const schema = field === undefined ? undefined : properties[field];
  if (field === undefined || schema === undefined) {
    unknown.push(printable(joined(path, key), 200));
    return [];
  }
  if (item === null) return [];
  const value = conformed(item, schema, joined(path, field), unknown);
  return isOmitted(value, schema) && !required.includes(field) ? [] : [[field, value]];
}

/**
 * Claims that Go writes no field with this value (`omitempty`, which the optional fields of core/v1
 * have). An object of known fields is a pointer there, and is written.
 */
function isOmitted(value: unknown, schema: JsonSchema): boolean {
  switch (schema.type) {
    case 'string':
      return value === '';
    case 'array':
      return Array.isArray(value) && value.length === 0;
    case 'object':
      return 'additionalProperties' in schema && isObject(value) && isEmpty(value);
    case 'integer':
      return false;
  }
}

function isEmpty(map: object): boolean {
  return Object.keys(map).length === 0;
}

function joined(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** What Go makes of `null` where there is no way to be absent. */
function emptyOf(schema: JsonSchema): unknown {
  switch (schema.type) {
    case 'object':
      return {};
    case 'array':
      return [];
    case 'string':
      return '';
    case 'integer':
      return 0;
  }
}

const formats: Readonly<Record<Format, (text: string) => boolean>> = {
  'label-key': isLabelKey,
  'label-value': isLabelValue,
  namespace: isLabel,
  'node-name': isSubdomain,
  'taint-key': isLabelKey,
};

/** How the schemas are compiled, here and, ahead of time, for the image. */
export const ajvOptions: Options = { formats, verbose: true, ownProperties: true };

// Compiled when first needed: importing this file does no work.
let ajv: Ajv | undefined;
const validators = new WeakMap<JsonSchema, ValidateFunction>();

function validator(schema: JsonSchema): ValidateFunction {
  ajv ??= new Ajv(ajvOptions);
  const compiled = validators.get(schema) ?? ajv.compile(schema);
  validators.set(schema, compiled);
  return compiled;
}

function schemaObjection(value: unknown, schema: JsonSchema, form: JsonForm): string | undefined {
  const validate = validator(schema);
  const error = validate(value) ? undefined : validate.errors?.[0];
  if (error?.instancePath === '' && error.keyword === 'type') {
    return `it is ${kindOf(value)}; ${remedy(form)}`;
  }
  return error && `${place(error.instancePath)} ${complaint(error)}`;
}

/** A JSON pointer as people write it: `/terms/0/key` is `terms[0].key`. */
function place(pointer: string): string {
  const path = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((so, step) => (/^[0-9]+$/.test(step) ? `${so}[${step}]` : joined(so, step)), '');
  return path === '' ? 'it' : printable(path, 200);
}

/** Parameters of the ajv keywords that the schemas use. */
interface ErrorParams {
  readonly type?: string;
  readonly allowedValues?: readonly string[];
  readonly format?: Format;
  readonly missingProperty?: string;
  readonly limit?: number;
}

function complaint({ keyword, params, data, message }: ErrorObject): string {
  const { type, allowedValues, format, missingProperty }: ErrorParams = params;
  if (type !== undefined) return `must be ${withArticle(type)}, not ${kindOf(data)}`;
  if (allowedValues !== undefined) {
    return `is ${quote(String(data))}; allowed: ${allowedValues.join(', ')}`;
  }
  if (format !== undefined)
    return `has ${quote(String(data))}, which is not ${formatHints[format]}`;
  if (missingProperty !== undefined) return `needs ${quote(missingProperty)}`;
  if (keyword === 'minItems') return 'must not be empty';
  return printable(message ?? 'is not allowed', 120);
}

function withArticle(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function kindOf(data: unknown): string {
  if (data === null) return 'null';
  return Array.isArray(data) ? 'an array' : withArticle(typeof data);
}
