/** Of each file of tests, keeps what operators and pullers asked its cluster for: see ../rights/excerpts.ts. */
import { join } from 'node:path';
import { AuditLog } from '../cluster/real/audit-log.ts';
import { clusterFolders } from '../cluster/real/folders.ts';
import { currentCluster } from '../cluster/real/namespace.ts';
import { excerptsVariable, isOfOperator, isOfPuller, keepExcerpt } from '../rights/excerpts.ts';

// A file without a cluster finds the log that an earlier one has left.
const begunAt = new Date().toISOString();

afterAll(async () => {
  const folder = process.env[excerptsVariable];
  const cluster = currentCluster();
  if (folder === undefined || cluster === undefined) return;
  const log = new AuditLog(join(clusterFolders(cluster).log, 'audit.log'));
  const requests = (await log.requests())
    .filter(({ at }) => at >= begunAt)
    .filter((request) => isOfOperator(request) || isOfPuller(request));
  if (requests.length > 0) keepExcerpt(folder, requests);
}, 300_000);
