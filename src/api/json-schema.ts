/** The part of JSON Schema that core/v1 types need. */
export type JsonSchema = ObjectSchema | MapSchema | ArraySchema | StringSchema | IntegerSchema;

/** An object with known fields. */
export interface ObjectSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** An object whose keys are the user's. */
export interface MapSchema {
  readonly type: 'object';
  readonly propertyNames: StringSchema;
  readonly additionalProperties: StringSchema;
}

/** A list whose items are all of one schema. */
export interface ArraySchema {
  readonly type: 'array';
  readonly items: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** A text: any, one of a few, or one of a format. */
export interface StringSchema {
  readonly type: 'string';
  readonly enum?: readonly string[];
  readonly format?: Format;
}

/** A whole number in a range. */
export interface IntegerSchema {
  readonly type: 'integer';
  readonly minimum: number;
  readonly maximum: number;
}

/** Formats of Kubernetes; {@link formatHints} tells them in words. */
export type Format = 'label-key' | 'label-value' | 'namespace' | 'node-name' | 'taint-key';

/** What a text of each format looks like, to complete "is not …". */
export const formatHints: Readonly<Record<Format, string>> = {
  'label-key':
    'a label key (at most 63 letters, digits, "-", "_" and ".", perhaps behind a domain and "/")',
  'label-value': 'a label value (at most 63 letters, digits, "-", "_" and ".")',
  namespace: 'the name of a namespace (at most 63 of a-z, 0-9 and "-")',
  'node-name': 'the name of a node (at most 253 of a-z, 0-9, "-" and ".")',
  'taint-key':
    'a taint key (at most 63 letters, digits, "-", "_" and ".", perhaps behind a domain and "/")',
};
