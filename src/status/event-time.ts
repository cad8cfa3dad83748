import type { KubeObject } from '../kube/objects.ts';

/** When an Event happened last, by the server's clock, as text that sorts by time: fractions are cut off. */
export function timeOf(event: KubeObject): string {
  const { series, lastTimestamp, eventTime } = event as unknown as EventTimes;
  const time = series?.lastObservedTime ?? lastTimestamp ?? eventTime;
  return (time ?? event.metadata.creationTimestamp ?? '').slice(0, 19);
}

/** Which of them an Event has depends on the version of the client that wrote it. */
interface EventTimes {
  readonly series?: { readonly lastObservedTime?: string } | null;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}
