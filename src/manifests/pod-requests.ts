import { isZero, memoryQuantity, nano, parseQuantity } from '../api/quantity.ts';
import { isRefusal } from '../api/refusal.ts';
import type { PullerSpec } from '../api/types.ts';
import type { ManifestInput } from './input.ts';
import type { Part } from './shards.ts';

/** In nano-bytes, the unit of parsed quantities. */
const mebibyte = 1024n * 1024n * nano;

/**
 * What a pod of the cache really takes, with room to spare: less than 3 MiB with one image, its
 * sandbox and the `sleep` program included, and a quarter of a mebibyte for each further image
 * (test/e2e/standing-cost.test.ts measures it).
 */
const baseMebibytes = 4;
const mebibytesPerImage = 0.5;

/** Amounts as a pod or a container has them. */
interface Amounts {
  readonly cpu?: string;
  readonly memory?: string;
}

/** Claims that requests are open to be made for a pod as a whole: the user has not chosen each of them. */
export function leavesRequestsOpen({ choosesRequest }: PullerSpec): boolean {
  return !choosesRequest.cpu || !choosesRequest.memory;
}

/**
 * The resources of the pod as a whole (KEP-2837), where it has any: once what the user left open. The
 * peer's default is for each image, which takes two cores from every node for 40 images that sleep.
 */
export function podResources(
  { spec, settings }: ManifestInput,
  { images }: Part,
): { readonly requests: Amounts } | undefined {
  if (settings.podRequests !== 'kept' || !leavesRequestsOpen(spec)) return undefined;
  const { choosesRequest, requests } = spec;
  return {
    requests: {
      ...(!choosesRequest.cpu && { cpu: requests.cpu }),
      ...(!choosesRequest.memory && { memory: podMemory(spec, images.length) }),
    },
  };
}

/**
 * The resources of each container. A request that the pod makes is zero here and not absent: absent, it
 * would be that of the limit. A limit of zero, which is none, the server takes only beside a request of
 * zero; beside another one it is left out.
 */
export function containerResources({ spec, settings }: ManifestInput): {
  readonly requests: Amounts;
  readonly limits: Amounts;
} {
  const { choosesRequest, limits } = spec;
  const request = (resource: keyof Amounts) => {
    const isOfPod = settings.podRequests === 'kept' && !choosesRequest[resource];
    return isOfPod ? '0' : spec.requests[resource];
  };
  const requests = { cpu: request('cpu'), memory: request('memory') };
  const isKept = (resource: keyof Amounts) =>
    !isZero(limits[resource]) || isZero(requests[resource]);
  return {
    requests,
    limits: {
      ...(isKept('cpu') && { cpu: limits.cpu }),
      ...(isKept('memory') && { memory: limits.memory }),
    },
  };
}

/** Never more than the limits together, if any, so that the rule which users know stays an upper bound. */
function podMemory({ limits }: PullerSpec, images: number): string {
  const needed = BigInt(Math.ceil(baseMebibytes + mebibytesPerImage * images)) * mebibyte;
  if (isZero(limits.memory)) return memoryQuantity(needed);
  const limit = parseQuantity(limits.memory);
  const most = isRefusal(limit) ? needed : limit.nanos * BigInt(images);
  return memoryQuantity(needed < most ? needed : most);
}
