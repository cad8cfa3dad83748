/** One request to the API server and how it was answered, for whoever counts them. */
export interface Exchange {
  /** The verb that RBAC knows the request by: get, list, watch, create, update, patch or delete. */
  readonly verb: string;
  /** The plural of the kind; empty where the request is about no kind, as for the version. */
  readonly resource: string;
  /** The HTTP method. */
  readonly method: string;
  /** The HTTP status; undefined where no answer came. */
  readonly code: number | undefined;
  /** From sending to the head of the answer, in milliseconds. */
  readonly durationMs: number;
  /** When it was answered by the server's clock, in milliseconds since the epoch, where that was told. */
  readonly answeredAt: number | undefined;
}

const namedVerbs: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Verb and resource of a request, as the API server reads them from its path (Kubernetes API concepts). */
export function verbAndResource(
  method: string,
  path: string,
  isWatch: boolean,
): Pick<Exchange, 'verb' | 'resource'> {
  const [, resource = '', name] =
    /^\/(?:api|apis\/[^/]+)\/[^/]+(?:\/namespaces\/[^/]+(?=\/))?\/([^/]+)(\/.+)?$/.exec(path) ?? [];
  const reading = name === undefined && resource !== '' ? 'list' : 'get';
  return { verb: namedVerbs[method] ?? (isWatch ? 'watch' : reading), resource };
}
