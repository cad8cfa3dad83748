import type { Clock } from '../../../src/clock.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { isTrue } from './api-request.ts';
import { apiVersionOf, type Kind } from './kinds.ts';
import { forbiddenOption, parseRevision } from './lists.ts';
import type { Representation } from './representation.ts';
import { type Selector, selector } from './selectors.ts';
import { invalid, qualified, StatusError } from './status-error.ts';
import type { Commit, Store } from './store.ts';

/** Where the events of a watch go. */
export interface WatchSink {
  write(line: string): void;
  end(): void;
  /** Ends the connection in the middle of everything. */
  reset(): void;
}

/** What a watch asks for. */
interface WatchRequest {
  readonly kind: Kind;
  readonly namespace: string;
  readonly selects: Selector;
  /** 0 for the state as it is, whatever its revision. */
  readonly revision: number;
  readonly timeoutMs: number;
  readonly bookmarks: boolean;
  readonly initialEvents: boolean;
  /** What is sent for an object. */
  readonly represent: Representation;
}

const bookmarkEveryMs = 60_000;
/** A last bookmark is sent this long before the end, so that the next watch starts from now. */
const lastBookmarkMs = 2_000;
const defaultTimeoutSeconds = 1_800;

/** What a watch request asks for; 4xx where it contradicts itself. */
export function watchRequest(
  kind: Kind,
  namespace: string,
  query: URLSearchParams,
  represent: Representation,
): WatchRequest {
  refuseWatchOptions(query);
  return {
    represent,
    kind,
    namespace,
    selects: selector(kind, query.get('labelSelector') ?? '', query.get('fieldSelector') ?? ''),
    revision: parseRevision(query.get('resourceVersion') ?? ''),
    timeoutMs: (Number(query.get('timeoutSeconds') ?? 0) || defaultTimeoutSeconds) * 1000,
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    initialEvents: isTrue(query.get('sendInitialEvents')),
  };
}

function refuseWatchOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? '';
  const errors = [];
  if (query.has('sendInitialEvents') && match !== 'NotOlderThan') {
    errors.push(
      forbiddenOption(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
    );
  }
  if (match !== '' && !query.has('sendInitialEvents')) {
    errors.push(
      forbiddenOption(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    );
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
}

/**
 * Starts a watch: what happened since its revision, then what happens, until its time is over or
 * the returned function is called. A revision whose history is gone ends it with an ERROR event.
 */
export function startWatch(
  store: Store,
  clock: Clock,
  request: WatchRequest,
  sink: WatchSink,
): () => void {
  const { kind, represent } = request;
  const send = (type: string, object: unknown) =>
    sink.write(`${JSON.stringify({ type, object: represent(object) })}\n`);
  const sendCommit = (commit: Commit) => {
    const event = eventOf(request, commit);
    if (event !== undefined) send(event.type, event.object);
  };
  const sendBookmark = (annotations?: Readonly<Record<string, string>>) =>
    send('BOOKMARK', bookmark(kind, store.revision, annotations));
  try {
    for (const event of initialEvents(store, request)) send(event.type, event.object);
    if (request.initialEvents && request.bookmarks) {
      sendBookmark({ 'k8s.io/initial-events-end': 'true' });
    }
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    send('ERROR', error.status());
    sink.end();
    return () => {};
  }
  const name = qualified(kind);
  const unsubscribe = store.onCommit((commit) => {
    if (commit.resource === name && commit.revision > request.revision) sendCommit(commit);
  });
  const cancelTimers = request.bookmarks
    ? scheduleBookmarks(clock, request.timeoutMs, () => sendBookmark())
    : () => {};
  const stop = () => {
    unsubscribe();
    cancelTimers();
    cancelEnd();
  };
  const cancelEnd = clock.after(request.timeoutMs, () => {
    stop();
    sink.end();
  });
  return stop;
}

/** About once a minute, and shortly before the end. */
function scheduleBookmarks(clock: Clock, timeoutMs: number, send: () => void): () => void {
  let cancel = () => {};
  const end = clock.monotonic() + timeoutMs;
  const next = () => {
    const left = end - clock.monotonic() - lastBookmarkMs;
    if (left <= 0) return;
    cancel = clock.after(Math.min(bookmarkEveryMs, left), () => {
      send();
      next();
    });
  };
  next();
  return () => cancel();
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

/** From revision 0 the state as it is; from any other what was committed since. */
function initialEvents(store: Store, request: WatchRequest): readonly WatchEvent[] {
  const { kind, namespace, selects, revision } = request;
  if (revision === 0 || request.initialEvents) {
    return store
      .list(kind, namespace)
      .filter(selects)
      .map((object) => ({ type: 'ADDED', object }));
  }
  return store.since(kind, revision).flatMap((commit) => eventOf(request, commit) ?? []);
}

/**
 * What a commit is to this watch: an object that begins to match is ADDED, one that ceases to is
 * DELETED, shown as it was with the revision at which it left.
 */
function eventOf({ namespace, selects }: WatchRequest, commit: Commit): WatchEvent | undefined {
  const { object, previous } = commit;
  if (namespace !== '' && object.metadata.namespace !== namespace) return undefined;
  const was = previous !== undefined && selects(previous);
  const is = commit.type !== 'DELETED' && selects(object);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object };
  if (!was) return undefined;
  const { resourceVersion } = object.metadata;
  const metadata = { ...previous.metadata, ...(resourceVersion ? { resourceVersion } : {}) };
  return { type: 'DELETED', object: { ...previous, metadata } };
}

function bookmark(
  kind: Kind,
  revision: number,
  annotations?: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return {
    kind: kind.kind,
    apiVersion: apiVersionOf(kind),
    metadata: {
      resourceVersion: String(revision),
      ...(annotations === undefined ? {} : { annotations }),
    },
  };
}
