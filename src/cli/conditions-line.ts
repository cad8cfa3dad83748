import type { Condition } from '../api/types.ts';

/** What is told while there are no conditions. */
export const unspoken = 'the operator has not spoken yet';

/** The conditions in one line of plain text: `Ready False ImagesPulling; …`. */
export function conditionsLine(conditions: readonly Condition[]): string {
  return conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`).join('; ');
}
