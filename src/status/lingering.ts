import type { KubeObject } from '../kube/objects.ts';

/** What is deleted is gone within seconds, unless somebody keeps it. */
export const lingersAfterMs = 60_000;

/** A DaemonSet whose deletion does not come to its end. */
export interface Lingering {
  readonly name: string;
  /** What its deletion waits for. Not escaped. */
  readonly finalizers: readonly string[];
}

/** What lingers, and in how many milliseconds there may be more; undefined if nothing changes by time. */
export interface LingeringDaemonSets {
  /** By name. */
  readonly daemonSets: readonly Lingering[];
  readonly againMs: number | undefined;
}

/** Those of these DaemonSets that have been about to go for a minute. `now` is in wall-clock milliseconds. */
export function lingering(daemonSets: readonly KubeObject[], now: number): LingeringDaemonSets {
  const going = daemonSets
    .filter(isGoing)
    .map(({ metadata: { name = '', finalizers = [], deletionTimestamp = '' } }) => ({
      name,
      finalizers,
      leftMs: Date.parse(deletionTimestamp) + lingersAfterMs - now,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const left = going.map(({ leftMs }) => leftMs).filter((ms) => ms > 0);
  return {
    daemonSets: going
      .filter(({ leftMs }) => leftMs <= 0)
      .map(({ name, finalizers }) => ({ name, finalizers })),
    againMs: left.length === 0 ? undefined : Math.min(...left),
  };
}

/** Claims that the deletion of an object has begun. */
export function isGoing({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}
