import type { V1Affinity, V1Toleration } from '@kubernetes/client-node';
import type { Findings } from './findings.ts';
import { parseJsonField } from './json-field.ts';
import { jsonForms } from './json-forms.ts';
import type { JsonSchema } from './json-schema.ts';
import type { Reason } from './reasons.ts';
import { isRefusal } from './refusal.ts';
import { affinityObjections, tolerationObjections } from './scheduling.ts';
import { affinitySchema, nodeSelectorSchema, tolerationsSchema } from './scheduling-schemas.ts';
import { selfAntiAffinity } from './self-anti-affinity.ts';
import type { SpecTexts } from './spec-texts.ts';
import { quote, trimSpace } from './text.ts';
import type { PullerSpec } from './types.ts';

/** A field of JSON that says where pods may run. A guess about one could place them where they must not be. */
interface PlacementField {
  readonly name: 'nodeSelector' | 'tolerations' | 'affinity';
  readonly schema: JsonSchema;
  readonly reason: Reason;
}

const nodeSelectorField: PlacementField = {
  name: 'nodeSelector',
  schema: nodeSelectorSchema,
  reason: 'InvalidNodeSelector',
};
const tolerationsField: PlacementField = {
  name: 'tolerations',
  schema: tolerationsSchema,
  reason: 'InvalidTolerations',
};
const affinityField: PlacementField = {
  name: 'affinity',
  schema: affinitySchema,
  reason: 'InvalidAffinity',
};

/** The labels of `spec.nodeSelector`; none if it is unset or cannot be read. */
export function nodeSelector(
  texts: SpecTexts,
  findings: Findings,
): Readonly<Record<string, string>> {
  return read<Record<string, string>>(nodeSelectorField, texts, findings) ?? {};
}

/**
 * The tolerations of `spec.tolerations`; none if it is unset or the API server would refuse it. Where
 * keys are given, others are left out: a pod then comes to fewer nodes, never to one it must not be on.
 */
export function tolerations(
  texts: SpecTexts,
  findings: Findings,
  allowedKeys: readonly string[] = [],
): Pick<PullerSpec, 'tolerations' | 'hasLeftOutTolerations'> {
  const value = read<readonly V1Toleration[]>(tolerationsField, texts, findings) ?? [];
  if (!isUnopposed(tolerationsField, tolerationObjections(value), findings)) {
    return { tolerations: [], hasLeftOutTolerations: false };
  }
  const allowed = value.filter(({ key = '' }, index) => {
    if (allowedKeys.length === 0 || allowedKeys.includes(key)) return true;
    findings.add('tolerations', 'TolerationNotAllowed', () => {
      const taints = key === '' ? 'every taint' : `the taint ${quote(key)}`;
      return `spec.tolerations: [${index}] tolerates ${taints} and is left out: ALLOWED_TOLERATION_KEYS of the operator allows only ${quote(allowedKeys.join(','), 200)}.`;
    });
    return false;
  });
  return { tolerations: allowed, hasLeftOutTolerations: allowed.length < value.length };
}

/** The affinity of `spec.affinity`; undefined if it is unset, empty, or the API server would refuse it. */
export function affinity(
  texts: SpecTexts,
  findings: Findings,
  daemonSetName: string,
): V1Affinity | undefined {
  const value = read<V1Affinity>(affinityField, texts, findings) ?? {};
  if (Object.keys(value).length === 0) return undefined;
  if (!isUnopposed(affinityField, affinityObjections(value), findings)) return undefined;
  const term = selfAntiAffinity(value, daemonSetName);
  if (term !== undefined) {
    findings.add(
      'affinity',
      'SelfAntiAffinity',
      () =>
        `spec.affinity: ${term} keeps pods of the cache from each other, so no new one comes beside an old one: every change takes the images from a node for a moment, and where the list is split over several pods, a node gets only one of them; leave it out, as no node gets two pods of a DaemonSet anyway.`,
    );
  }
  return value;
}

function read<T>(field: PlacementField, texts: SpecTexts, findings: Findings): T | undefined {
  const { name, schema, reason } = field;
  const text = texts.get(name);
  if (text === undefined) return undefined;
  const outcome = parseJsonField(trimSpace(text), schema, jsonForms[name]);
  if (isRefusal(outcome)) {
    findings.add(name, reason, () => `spec.${name}: ${outcome.refusal}.`);
    return undefined;
  }
  for (const path of outcome.unknownFields) {
    findings.add(
      name,
      'UnknownField',
      () => `spec.${name} has the unknown field "${path}", which is ignored; check its spelling.`,
    );
  }
  return outcome.value as T | undefined; // parseJsonField has checked the schema, which describes T
}

/** Reports the first objection only: the rest often follow from it. */
function isUnopposed(
  { name, reason }: PlacementField,
  objections: Generator<string>,
  findings: Findings,
): boolean {
  const { value: objection, done } = objections.next();
  if (done) return true;
  findings.add(name, reason, () => `spec.${name}: ${objection}.`);
  return false;
}
