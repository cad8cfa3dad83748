import { parseSpec } from '../../src/api/parse.ts';
import { cpuQuantity, memoryQuantity } from '../../src/api/quantity.ts';
import { nounCount } from '../../src/api/text.ts';
import { daemonSet } from '../../src/manifests/daemon-set.ts';
import type { PodRequests } from '../../src/manifests/input.ts';
import { partsOf } from '../../src/manifests/shards.ts';
import type { Amount } from '../../src/status/pod-cost.ts';
import { cacheCost, peerReservation } from '../../src/status/standing-cost.ts';
import type { Figure } from './figure.ts';

/** What images reserve on each node whose user chooses nothing, out of the DaemonSets as they are made. */
export function* costFigures(): Generator<Figure> {
  for (const images of [1, 10, 40, 200]) {
    const { pods, requests } = eachNode(images, 'kept');
    const older = eachNode(images);
    yield {
      what: nounCount(images, 'image'),
      asked: '50m CPU a pod',
      measured: `${text(requests)} in ${nounCount(pods, 'pod')}; before Kubernetes 1.34: ${text(older.requests)}`,
      go: `${text(peerReservation(images))} in 1 pod`,
    };
  }
}

function eachNode(images: number, podRequests?: PodRequests) {
  const raw = {
    images: Array.from({ length: images }, (_, at) => `i${at}=quay.io/example/${at}:1`).join(';'),
  };
  const { spec } = parseSpec(raw, { maxImages: images });
  const input = {
    puller: { name: 'puller', namespace: 'default', uid: undefined },
    raw,
    spec,
    settings: {
      operatorImage: 'quay.io/example/operator:1',
      sleeperImage: 'quay.io/example/sleeper:1',
      maxSurge: '10%',
      openshift: false,
      allowedRegistries: [],
      podRequests,
    },
  };
  return cacheCost(partsOf(spec).map((part) => daemonSet(input, part))).eachNode;
}

function text({ cpu, memory }: Amount): string {
  return `${cpuQuantity(cpu)} and ${memoryQuantity(memory)}`;
}
