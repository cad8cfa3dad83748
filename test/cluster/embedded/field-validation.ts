import { unknownFields } from './decode.ts';
import type { Kind } from './kinds.ts';
import { badRequest, invalid, type StatusError } from './status-error.ts';

/**
 * What becomes of fields that a kind does not have, by the parameter `fieldValidation` of a write:
 * a warning, unless the client asks for a refusal (`Strict`) or for silence (`Ignore`).
 */
export class FieldValidation {
  /** What the client is warned of. */
  readonly warnings: string[] = [];
  readonly #mode: string;

  /** @throws StatusError (422) for a parameter that is none of the three. */
  constructor(query: URLSearchParams) {
    this.#mode = query.get('fieldValidation') || 'Warn';
    if (!['Ignore', 'Warn', 'Strict'].includes(this.#mode)) throw unsupportedMode(this.#mode);
  }

  /** Looks at the object of a body; `Strict` refuses with 400. */
  checkObject(kind: Kind, object: unknown): void {
    const faults = this.#faults(kind, object);
    if (faults.length === 0) return;
    const { kind: name, version } = kind;
    throw badRequest(
      `${name} in version "${version}" cannot be handled as a ${name}: ${strictError(faults)}`,
    );
  }

  /** Looks at what a patch has made of an object; `Strict` refuses with 422. */
  checkPatched(kind: Kind, object: unknown): void {
    const faults = this.#faults(kind, object);
    if (faults.length === 0) return;
    throw invalid({ group: '', kind: '' }, '', [
      { type: 'FieldValueInvalid', field: 'patch', value: object, detail: strictError(faults) },
    ]);
  }

  /** What the object is to be refused for. */
  #faults(kind: Kind, object: unknown): readonly string[] {
    if (this.#mode === 'Ignore') return [];
    const faults = unknownFields(kind.type, object).map((path) => `unknown field "${path}"`);
    if (this.#mode === 'Strict') return faults;
    this.warnings.push(...faults);
    return [];
  }
}

function strictError(faults: readonly string[]): string {
  return `strict decoding error: ${faults.join(', ')}`;
}

function unsupportedMode(mode: string): StatusError {
  return invalid({ group: 'meta.k8s.io', kind: 'CreateOptions' }, '', [
    {
      type: 'FieldValueNotSupported',
      field: 'fieldValidation',
      value: mode,
      detail: 'supported values: "Ignore", "Strict", "Warn"',
    },
  ]);
}
