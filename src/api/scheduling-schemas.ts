import type {
  ArraySchema,
  JsonSchema,
  MapSchema,
  ObjectSchema,
  StringSchema,
} from './json-schema.ts';

/**
 * The types of core/v1 that pods are placed with, and what the API server demands of each value
 * (kubernetes/api: core/v1/types.go; kubernetes/kubernetes: pkg/apis/core/validation/validation.go).
 * Rules that tie one field to another are in scheduling.ts.
 */

const text: StringSchema = { type: 'string' };
const labelKey: StringSchema = { type: 'string', format: 'label-key' };
const labelValue: StringSchema = { type: 'string', format: 'label-value' };
const weight: JsonSchema = { type: 'integer', minimum: 1, maximum: 100 };

/** Required fields are those whose absence the server refuses. */
function object(properties: ObjectSchema['properties'], ...required: string[]): ObjectSchema {
  return { type: 'object', properties, required };
}

function list(items: JsonSchema, minItems = 0): ArraySchema {
  return { type: 'array', items, minItems };
}

function oneOf(...values: string[]): StringSchema {
  return { type: 'string', enum: values };
}

const labels: MapSchema = {
  type: 'object',
  propertyNames: labelKey,
  additionalProperties: labelValue,
};

/** `spec.nodeSelector`: labels a node must have. */
export const nodeSelectorSchema: JsonSchema = labels;

/** `spec.tolerations`: an array of core/v1 Toleration. */
export const tolerationsSchema: JsonSchema = list(
  object({
    key: { type: 'string', format: 'taint-key' },
    operator: oneOf('Exists', 'Equal', 'Lt', 'Gt'),
    value: text,
    effect: oneOf('NoSchedule', 'PreferNoSchedule', 'NoExecute'),
    tolerationSeconds: {
      type: 'integer',
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
    },
  }),
);

/** The server checks values only where a term is required. */
function nodeSelectorTerm(value: StringSchema): ObjectSchema {
  return object({
    matchExpressions: list(
      object(
        {
          key: labelKey,
          operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'),
          values: list(value),
        },
        'key',
        'operator',
      ),
    ),
    matchFields: list(
      object(
        {
          key: oneOf('metadata.name'),
          operator: oneOf('In', 'NotIn'),
          values: {
            type: 'array',
            items: { type: 'string', format: 'node-name' },
            minItems: 1,
            maxItems: 1,
          },
        },
        'key',
        'operator',
        'values',
      ),
    ),
  });
}

const labelSelector = object({
  matchLabels: labels,
  matchExpressions: list(
    object(
      {
        key: labelKey,
        operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist'),
        values: list(labelValue),
      },
      'key',
      'operator',
    ),
  ),
});

const podAffinityTerm = object(
  {
    labelSelector,
    matchLabelKeys: list(labelKey),
    mismatchLabelKeys: list(labelKey),
    namespaceSelector: labelSelector,
    namespaces: list({ type: 'string', format: 'namespace' }),
    topologyKey: labelKey,
  },
  'topologyKey',
);

const podAffinity = object({
  preferredDuringSchedulingIgnoredDuringExecution: list(
    object({ podAffinityTerm, weight }, 'podAffinityTerm', 'weight'),
  ),
  requiredDuringSchedulingIgnoredDuringExecution: list(podAffinityTerm),
});

/** `spec.affinity`: a core/v1 Affinity. */
export const affinitySchema: JsonSchema = object({
  nodeAffinity: object({
    preferredDuringSchedulingIgnoredDuringExecution: list(
      object({ preference: nodeSelectorTerm(text), weight }, 'preference', 'weight'),
    ),
    requiredDuringSchedulingIgnoredDuringExecution: object(
      { nodeSelectorTerms: list(nodeSelectorTerm(labelValue), 1) },
      'nodeSelectorTerms',
    ),
  }),
  podAffinity,
  podAntiAffinity: podAffinity,
});
