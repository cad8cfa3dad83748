import { enumerated } from '../api/text.ts';
import { kind, type SpecField } from '../api/types.ts';
import type { OwnerReference, Resource } from '../kube/objects.ts';
import { reasons } from '../status/conditions.ts';
import type { Failure } from '../status/facts.ts';

/** Why a name cannot be had. */
export type Hindrance =
  /** An object has it that nobody controls. */
  | { readonly why: 'unowned' }
  /** An object has it that somebody else controls, who is no puller. */
  | { readonly why: 'foreign'; readonly owner: OwnerReference }
  /** It belongs to the puller of this name, which has it or, being older, is to get it. */
  | { readonly why: 'rival'; readonly puller: string }
  /** An object has it whose puller is gone, so that the garbage collector takes it. */
  | { readonly why: 'orphaned'; readonly puller: string };

/** A name that a puller wants and cannot have. */
export interface Conflict {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  /** What the user would change to want another name. */
  readonly field: SpecField;
  readonly hindrance: Hindrance;
  /** Claims that our caches tell what becomes of the name; otherwise it is to be watched. */
  readonly isCached: boolean;
}

/** Some names that a puller wants belong to others. */
export class NameConflictError extends Error {
  override readonly name = 'NameConflictError';
  /** At least one. */
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[], options?: ErrorOptions) {
    super(`${spokenOf(conflicts)}${remedyFor(conflicts)}`, options);
    this.conflicts = conflicts;
  }
}

/** How conflicts are told to the user: what goes by itself is waited for, and nobody has to act. */
export function conflictFailure({ conflicts, message }: NameConflictError): Failure {
  return {
    reason: conflicts.every(goesByItself) ? reasons.waitingForDeletion : reasons.nameConflict,
    message,
  };
}

function goesByItself({ hindrance }: Conflict): boolean {
  return hindrance.why === 'orphaned';
}

/** All names with what is in their way, those that are held by the same in one breath. */
function spokenOf(conflicts: readonly Conflict[]): string {
  const groups = Map.groupBy(conflicts, ({ hindrance }) => JSON.stringify(hindrance));
  return [...groups.values()].map(spokenGroup).join('; ');
}

function spokenGroup(conflicts: readonly Conflict[]): string {
  const names = enumerated(conflicts.map(({ resource, name }) => `${resource.kind} ${name}`));
  const isOne = conflicts.length === 1;
  const leftAlone = `and ${isOne ? 'is' : 'are'} left alone`;
  const { hindrance } = conflicts[0] as Conflict; // a group has a member
  switch (hindrance.why) {
    case 'unowned':
      return `${names} ${isOne ? 'exists, has' : 'exist, have'} no controlling owner ${leftAlone}`;
    case 'foreign': {
      const { owner } = hindrance;
      return `${names} ${isOne ? 'exists, belongs' : 'exist, belong'} to ${owner.kind} ${owner.name} ${leftAlone}`;
    }
    case 'rival':
      return `${names} ${isOne ? 'belongs' : 'belong'} to ${kind} ${hindrance.puller} ${leftAlone}`;
    case 'orphaned':
      return `${names} belonged to ${kind} ${hindrance.puller}, which is gone: waiting for garbage collection`;
  }
}

function remedyFor(conflicts: readonly Conflict[]): string {
  const lasting = conflicts.filter((conflict) => !goesByItself(conflict));
  if (lasting.length === 0) return '';
  const fields = [...new Set(lasting.map(({ field }) => `spec.${field}`))];
  const another = `give this puller ${fields.length === 1 ? 'another' : 'its own'} ${enumerated(fields)}`;
  return `; ${another}${lasting.some(isRemovable) ? ', or remove what is in the way' : ''}`;
}

/** What a puller has comes back when it is removed. */
function isRemovable({ hindrance }: Conflict): boolean {
  return hindrance.why === 'unowned' || hindrance.why === 'foreign';
}
