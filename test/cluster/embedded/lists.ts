import type { KubeObject } from '../../../src/kube/objects.ts';
import { without } from './json.ts';
import { apiVersionOf, type Kind } from './kinds.ts';
import { selector } from './selectors.ts';
import {
  badRequest,
  expired,
  invalid,
  StatusError,
  tooLargeResourceVersion,
} from './status-error.ts';
import { type Store, storageKey } from './store.ts';

/** Where a page goes on. */
interface ContinueToken {
  readonly v: 'meta.k8s.io/v1';
  /** The revision that all pages show; -1 for the latest, after the consistent one has expired. */
  readonly rv: number;
  readonly start: string;
}

/** The answer to a list: latest state, an exact revision, or the next page of an earlier one. */
export function list(
  store: Store,
  kind: Kind,
  namespace: string,
  query: URLSearchParams,
): Record<string, unknown> {
  refuseListOptions(query);
  const token = decodeToken(query.get('continue') ?? '');
  const revision = revisionFor(store, query, token);
  const selects = selector(
    kind,
    query.get('labelSelector') ?? '',
    query.get('fieldSelector') ?? '',
  );
  const all = listAt(store, kind, revision, token)
    .filter((object) => namespace === '' || object.metadata.namespace === namespace)
    .filter((object) => token === undefined || keyOf(object) >= token.start)
    .filter(selects);
  const limit = Number(query.get('limit') ?? 0) || all.length;
  const page = all.slice(0, limit);
  const next = all[limit];
  return {
    kind: `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    metadata: {
      resourceVersion: String(revision),
      ...(next === undefined ? {} : { continue: encodeToken(revision, keyOf(next)) }),
      ...(next === undefined || isSelective(query)
        ? {}
        : { remainingItemCount: all.length - limit }),
    },
    items: page.map((object) => (kind.isCustom ? object : without(object, 'apiVersion', 'kind'))),
  };
}

function isSelective(query: URLSearchParams): boolean {
  return query.has('labelSelector') || query.has('fieldSelector');
}

/** Built-in kinds leave apiVersion and kind out of their items; the order is that of keys. */
function keyOf({ metadata }: KubeObject): string {
  return storageKey(metadata.namespace ?? '', metadata.name ?? '');
}

function listAt(store: Store, kind: Kind, revision: number, token: ContinueToken | undefined) {
  try {
    return store.listAt(kind, revision);
  } catch (error) {
    if (token === undefined || !(error instanceof StatusError)) throw error;
    const message =
      'The provided continue parameter is too old to display a consistent list result. ' +
      'You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results.';
    throw expired(message, encodeToken(-1, token.start));
  }
}

/** The revision that the answer shows. */
function revisionFor(
  store: Store,
  query: URLSearchParams,
  token: ContinueToken | undefined,
): number {
  if (token !== undefined) return token.rv < 0 ? store.revision : token.rv;
  const requested = parseRevision(query.get('resourceVersion') ?? '');
  if (requested > store.revision) throw tooLargeResourceVersion(requested, store.revision);
  return query.get('resourceVersionMatch') === 'Exact' ? requested : store.revision;
}

/** 0 where none is given; 400 where it is no number. */
export function parseRevision(text: string): number {
  if (/^\d*$/.test(text)) return Number(text);
  throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text)}: invalid syntax`);
}

function encodeToken(rv: number, start: string): string {
  const token: ContinueToken = { v: 'meta.k8s.io/v1', rv, start };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function decodeToken(text: string): ContinueToken | undefined {
  if (text === '') return undefined;
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString()) as ContinueToken;
    if (Number.isInteger(token.rv) && typeof token.start === 'string') return token;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badRequest('continue key is not valid');
}

/** Parameters of a list that contradict each other: 422. */
function refuseListOptions(query: URLSearchParams): void {
  const errors = [];
  const isMatching = (query.get('resourceVersionMatch') ?? '') !== '';
  if (isMatching && !query.get('resourceVersion')) {
    errors.push(
      forbiddenOption(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden unless resourceVersion is provided',
      ),
    );
  }
  if (isMatching && query.get('continue')) {
    errors.push(
      forbiddenOption(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden when continue is provided',
      ),
    );
  }
  if (query.has('sendInitialEvents')) {
    errors.push(forbiddenOption('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
}

/** A parameter that may not be there. */
export function forbiddenOption(field: string, detail: string) {
  return { type: 'FieldValueForbidden' as const, field, detail };
}
