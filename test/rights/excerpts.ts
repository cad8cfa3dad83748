import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultDeploymentName, serviceAccountName } from '../../src/manifests/names.ts';
import { operatorNamespace } from '../../src/manifests/operator.ts';
import type { AuditedRequest } from '../cluster/real/audit-log.ts';

/**
 * Names a folder to which each file of the tests on a real cluster adds what operators and pullers asked for
 * in it: AUDIT_EXCERPTS. Without it nothing is kept.
 */
export const excerptsVariable = 'AUDIT_EXCERPTS';

/**
 * An operator's own requests, by whatever service account: others may show its token, to see what it may
 * do. One that works for an administrator needs no rights of ours.
 */
export function isOfOperator({ user, userAgent }: AuditedRequest): boolean {
  return user.startsWith('system:serviceaccount:') && userAgent.startsWith(`${operatorNamespace}/`);
}

/** Whatever is asked by the account of a puller, of any name of its Deployment. */
export function isOfPuller({ user }: AuditedRequest): boolean {
  const [, , , account = ''] = user.split(':');
  return account === serviceAccountName(defaultDeploymentName) || account.endsWith(pullersEnding);
}

const pullersEnding = serviceAccountName('');

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
