import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { operatorNamespace } from '../../src/manifests/operator.ts';
import type { AuditedRequest } from '../cluster/real/audit-log.ts';

/**
 * Names a folder to which each file of the tests on a real cluster adds what the operator asked for in it:
 * AUDIT_EXCERPTS. Without it nothing is kept.
 */
export const excerptsVariable = 'AUDIT_EXCERPTS';

/** The operator's own requests: others may show its token, to see what it may do. */
export function isOfOperator({ userAgent }: AuditedRequest): boolean {
  return userAgent.startsWith(`${operatorNamespace}/`);
}

/** Adds an excerpt to a folder, which is made where it is missing. */
export function keepExcerpt(folder: string, requests: readonly AuditedRequest[]): void {
  mkdirSync(folder, { recursive: true });
  const lines = requests.map((request) => `${JSON.stringify(request)}\n`);
  writeFileSync(join(folder, `${randomUUID()}.jsonl`), lines.join(''));
}

/** Everything that was kept in a folder. */
export function keptRequests(folder: string): readonly AuditedRequest[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.jsonl'))
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditedRequest);
}
