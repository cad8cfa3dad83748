import { type Reason, reasons } from './reasons.ts';
import { count } from './text.ts';
import { type Finding, verdicts } from './types.ts';

/** Of findings that share field and reason so many are worded; the rest are counted. */
export const listedPerKind = 100;

/** The finding for whose sake nothing is changed until the spec is; undefined where it can be followed. */
export function holdOf(findings: readonly Finding[]): Finding | undefined {
  return findings.find(({ verdict }) => verdict === 'hold');
}

/**
 * Collects what is to be said about a spec. However many faults a text has, no more than
 * {@link listedPerKind} messages are built per field and reason: the others end up in one closing
 * finding that tells their number, so that the counts of all findings add up to the faults there are.
 */
export class Findings {
  readonly #listed: Finding[] = [];
  readonly #kinds = new Map<string, { field: Finding['field']; reason: Reason; total: number }>();

  /** Takes note; `message` is called only if the finding will be listed. */
  add(field: Finding['field'], reason: Reason, message: () => string): void {
    const key = `${field} ${reason}`;
    const kind = this.#kinds.get(key) ?? { field, reason, total: 0 };
    this.#kinds.set(key, kind);
    kind.total += 1;
    if (kind.total > listedPerKind) return;
    this.#listed.push({ verdict: reasons[reason], reason, field, message: message(), count: 1 });
  }

  /** Worst first; among equals in the order they were added, closing ones last. */
  sorted(): readonly Finding[] {
    return [...this.#listed, ...this.#closing()].sort(
      (a, b) => verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict),
    );
  }

  #closing(): Finding[] {
    return [...this.#kinds.values()]
      .filter(({ total }) => total > listedPerKind)
      .map(({ field, reason, total }) => ({
        verdict: reasons[reason],
        reason,
        field,
        message: `${field === 'spec' ? '' : 'spec.'}${field} has ${count(total - listedPerKind)} more like these.`,
        count: total - listedPerKind,
      }));
  }
}
