import type { Findings } from './findings.ts';
import { quote, trimSpace } from './text.ts';
import { type SpecField, specFields } from './types.ts';

/** The fields that are set, as written: none of them blank. */
export type SpecTexts = ReadonlyMap<SpecField, string>;

/**
 * Picks the set fields out of whatever is stored as a spec. Null and blank texts count as unset;
 * anything but a string is a finding and then counts as unset.
 */
export function specTexts(raw: unknown, findings: Findings): SpecTexts {
  const texts = new Map<SpecField, string>();
  if (raw === undefined || raw === null) return texts;
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    findings.add('spec', 'InvalidType', () => `spec is ${typeName(raw)}, not an object.`);
    return texts;
  }
  const values = raw as { readonly [field in SpecField]?: unknown }; // any object can be asked for fields
  for (const field of specFields) {
    const value = values[field];
    if (typeof value === 'string') {
      if (trimSpace(value) !== '') texts.set(field, value);
    } else if (value !== undefined && value !== null) {
      findings.add(
        field,
        'InvalidType',
        () => `spec.${field} is ${typeName(value)}, not a string; write its value in quotes.`,
      );
    }
  }
  return texts;
}

/** The type of a value that is no string, with its article. */
export function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** The text of a field that is one word, without white space around it; undefined if unset. */
export function word(field: SpecField, texts: SpecTexts, findings: Findings): string | undefined {
  const text = texts.get(field);
  if (text === undefined) return undefined;
  const trimmed = trimSpace(text);
  if (trimmed !== text) {
    findings.add(
      field,
      'MendedInput',
      () => `spec.${field} has white space around ${quote(trimmed)}, which is ignored; remove it.`,
    );
  }
  return trimmed;
}
