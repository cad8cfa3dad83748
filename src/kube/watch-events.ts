import type { WatchEvent, WatchOptions } from './client.ts';
import { JsonLines } from './json-lines.ts';
import type { KubeObject } from './objects.ts';
import type { TimeLimit } from './time-limit.ts';
import type { WireResponse } from './transport.ts';

/**
 * Hands on the events of a watch as they come, and tells the limit of every byte. Resolves at the end
 * of the stream, or when the caller's signal is aborted; rejects where the stream breaks off or is no
 * watch.
 */
export async function readEvents(
  { body }: WireResponse,
  limit: TimeLimit,
  { onEvent, signal }: Pick<WatchOptions, 'onEvent' | 'signal'>,
): Promise<void> {
  const lines = new JsonLines();
  for await (const chunk of body) {
    limit.heard();
    for (const value of lines.push(chunk)) {
      onEvent(watchEvent(value));
      // What follows in the same chunk is no longer wanted.
      if (signal.aborted) return;
    }
  }
  lines.end();
}

const eventTypes: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

function watchEvent(value: unknown): WatchEvent {
  const { type, object } = (value ?? {}) as { type?: unknown; object?: Partial<KubeObject> | null };
  const isEvent =
    typeof object === 'object' &&
    object !== null &&
    (type === 'ERROR' || (eventTypes.has(type) && typeof object.metadata === 'object'));
  if (!isEvent) throw new Error('a line is not an event of a watch');
  return value as WatchEvent;
}
