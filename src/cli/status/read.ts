import { asError } from '../../errors.ts';
import type { Client } from '../../kube/client.ts';
import { listAll } from '../../kube/list-all.ts';
import type { KubeObject } from '../../kube/objects.ts';
import type { PodRecord } from '../../status/pods.ts';
import { queries, type Reading, type Seen } from './seen.ts';

/**
 * Reads everything once. What cannot be read is no failure, with one exception: without pullers
 * there is nothing to tell.
 *
 * @param namespace the empty one stands for all
 * @throws ApiError or TransportError where the pullers cannot be read
 */
export async function readOnce(client: Client, namespace: string): Promise<Seen> {
  const read = async (kind: keyof Seen): Promise<readonly KubeObject[]> => {
    const { resource, ...query } = queries[kind];
    return await listAll(client, resource, { ...query, ...(namespace && { namespace }) });
  };
  const reading = async (kind: keyof Seen): Promise<Reading> => {
    try {
      return { objects: await read(kind), error: undefined };
    } catch (error) {
      return { objects: [], error: asError(error) };
    }
  };
  const [pullers, daemonSets, deployments, pods, events] = await Promise.all([
    read('pullers'),
    reading('daemonSets'),
    reading('deployments'),
    reading('pods'),
    reading('events'),
  ]);
  return {
    pullers: { objects: pullers, error: undefined },
    daemonSets,
    deployments,
    pods: pods as Reading<PodRecord>, // projected by its query
    events,
  };
}
