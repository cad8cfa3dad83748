import { createReadStream, existsSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** One answered request, as the API server noted it. A watch is noted when it ends. */
export interface AuditedRequest {
  /** For example `system:serviceaccount:<namespace>:<name>`; empty where the server knows nobody by the token. */
  readonly user: string;
  readonly userAgent: string;
  /** The pod whose token was shown; empty where none was. */
  readonly pod: string;
  /** get, list, watch, create, update, patch, delete, deletecollection. */
  readonly verb: string;
  /** Empty for a request that names no resource. */
  readonly resource: string;
  /** What a request asks for that names no resource, such as /version, without a query; otherwise empty. */
  readonly path: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Why it was allowed, in the server's words; empty where it was not. */
  readonly reason: string;
  /** The HTTP status of the answer. */
  readonly code: number;
  /** When the request came, RFC 3339 with microseconds. */
  readonly at: string;
  /** When the server was done with it, in the same way. */
  readonly answeredAt: string;
}

/** Which requests to read; what is absent does not matter. */
export interface AuditFilter {
  /** A position from `position()`: only what came after it. */
  readonly since?: number;
  readonly user?: string;
}

/**
 * The API server's account of who asked what. Reads of the cluster's own parts are left out, theirs
 * being none of a test's business. A line comes just after its answer: look with patience.
 */
export class AuditLog {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Where the log ends now, in bytes. */
  position(): number {
    return existsSync(this.#file) ? statSync(this.#file).size : 0;
  }

  /** The requests in the order of their answers. */
  async requests(filter: AuditFilter = {}): Promise<readonly AuditedRequest[]> {
    const requests: AuditedRequest[] = [];
    const { since = 0 } = filter;
    if (this.position() <= since) return requests;
    // With the byte before it: what was being written at the position came earlier.
    const start = Math.max(0, since - 1);
    let isEarlier = since > 0;
    const input = createReadStream(this.#file, { start, end: this.position() - 1 });
    for await (const line of createInterface({ input })) {
      const request = isEarlier ? undefined : requestIn(line);
      isEarlier = false;
      if (request && (filter.user === undefined || request.user === filter.user)) {
        requests.push(request);
      }
    }
    return requests;
  }
}

/** What the API server says of a pod's own token (kubernetes/apiserver: pkg/authentication/serviceaccount). */
const podOfToken = 'authentication.kubernetes.io/pod-name';

/** Where the API server says by which binding it allowed a request (kubernetes/apiserver: pkg/endpoints/filters). */
const reasonOfDecision = 'authorization.k8s.io/reason';

/** Undefined for a line that is still being written, which ends before its closing brace. */
function requestIn(line: string): AuditedRequest | undefined {
  if (!line.endsWith('}')) return undefined;
  const event = JSON.parse(line) as AuditEvent;
  const { resource = '', apiGroup = '', subresource = '' } = event.objectRef ?? {};
  const { namespace = '', name = '' } = event.objectRef ?? {};
  const [path = ''] = event.requestURI?.split('?') ?? [];
  return {
    user: event.user.username ?? '',
    userAgent: event.userAgent ?? '',
    pod: event.user.extra?.[podOfToken]?.[0] ?? '',
    verb: event.verb,
    resource,
    path: resource === '' ? path : '',
    group: apiGroup,
    subresource,
    namespace,
    name,
    reason: event.annotations?.[reasonOfDecision] ?? '',
    code: event.responseStatus?.code ?? 0,
    at: event.requestReceivedTimestamp,
    answeredAt: event.stageTimestamp,
  };
}

/** As much of an audit.k8s.io/v1 Event as is read here. */
interface AuditEvent {
  readonly verb: string;
  readonly user: {
    /** Absent where the server found out nobody (401). */
    readonly username?: string;
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  readonly userAgent?: string;
  readonly requestURI?: string;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly apiGroup?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly annotations?: Readonly<Record<string, string>>;
}
