/** Of each file of tests, keeps what the operator asked its cluster for: see ../rights/excerpts.ts. */
import { join } from 'node:path';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';
import { AuditLog } from '../cluster/real/audit-log.ts';
import { clusterFolders } from '../cluster/real/folders.ts';
import { currentCluster } from '../cluster/real/namespace.ts';
import { excerptsVariable, isOfOperator, keepExcerpt } from '../rights/excerpts.ts';

const operatorUser = `system:serviceaccount:${operatorNamespace}:${operatorServiceAccount}`;
// A file without a cluster finds the log that an earlier one has left.
const begunAt = new Date().toISOString();

afterAll(async () => {
  const folder = process.env[excerptsVariable];
  const cluster = currentCluster();
  if (folder === undefined || cluster === undefined) return;
  const log = new AuditLog(join(clusterFolders(cluster).log, 'audit.log'));
  const all = await log.requests({ user: operatorUser });
  const requests = all.filter(({ at }) => at >= begunAt).filter(isOfOperator);
  if (requests.length > 0) keepExcerpt(folder, requests);
}, 300_000);
