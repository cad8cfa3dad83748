/** Why a text is not what it should be: a phrase without a full stop that says what would be right. */
export interface Refusal {
  readonly refusal: string;
}

/** Claims that a reader refused its text. */
export function isRefusal(outcome: object): outcome is Refusal {
  return 'refusal' in outcome;
}
