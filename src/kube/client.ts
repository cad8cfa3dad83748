import { asError } from '../errors.ts';
import type { KubeList, KubeObject, Resource } from './objects.ts';

/**
 * The API server as the rest of the program sees it: raw JSON, one kept connection pool, a time
 * limit on every request. Failures are thrown as {@link ApiError} (the server answered) or as
 * {@link TransportError} (it did not); only the 404 of `get` and `remove` becomes a value.
 */
export interface Client {
  /** The object, or undefined where the server answers 404. */
  get(resource: Resource, namespace: string, name: string): Promise<KubeObject | undefined>;
  /** One page of a list. */
  list(resource: Resource, options: ListOptions): Promise<KubeList>;
  /** A watch that ends with the stream: resolves at its end, rejects with what broke it. */
  watch(resource: Resource, options: WatchOptions): Promise<void>;
  /**
   * Server-side apply. The body is sent as it is, so what it must hold for the mode (a uid, or
   * `resourceVersion: "1"` for create-only) is up to the caller. Returns the object as stored.
   */
  apply(resource: Resource, body: KubeObject, options: ApplyOptions): Promise<KubeObject>;
  /**
   * Creates an object and returns it as stored. Never sent twice, as the second answer would be that
   * it exists: what a closed connection left undecided is thrown.
   */
  create(resource: Resource, body: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /**
   * Replaces an object and returns it as stored; 409 where the body's resourceVersion is not the live
   * one. Never sent twice either: the second answer would be such a 409.
   */
  update(resource: Resource, body: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /**
   * Changes this very object, as it was read, by a JSON merge patch (RFC 7386) and returns it as stored;
   * 409 where it has changed meanwhile. For the one thing that server-side apply cannot do: take away
   * what it has not applied.
   */
  mergePatch(
    resource: Resource,
    object: KubeObject,
    patch: object,
    options: PatchOptions,
  ): Promise<KubeObject>;
  /**
   * Deletes under a uid precondition; false where the object was gone (404) or replaced (409), or has
   * changed meanwhile and that was to be noticed (409 as well).
   */
  remove(resource: Resource, object: KubeObject, options?: RemoveOptions): Promise<boolean>;
  /** The API groups that the server offers, by name; the core group is the empty string. */
  groups(): Promise<ReadonlySet<string>>;
  /** The server's own version. */
  version(): Promise<ServerVersion>;
}

/** Which objects are listed, and which page of them. */
export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  /** Absent for a read of the latest state; "0" would allow any cached one and is never used. */
  readonly resourceVersion?: string;
  readonly signal?: AbortSignal;
}

/** What is watched, from where on, and who is told. */
export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion: string;
  /** How long the server keeps the stream open. */
  readonly timeoutSeconds: number;
  /** The stream counts as dead after this long without a byte. */
  readonly inactivityMs: number;
  readonly signal: AbortSignal;
  /** Called once the server has accepted the watch. */
  readonly onOpen?: () => void;
  /** Called for each event in order; must not throw. */
  readonly onEvent: (event: WatchEvent) => void;
}

/** One line of a watch. The object of a BOOKMARK has only kind, apiVersion and resourceVersion. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject }
  | { readonly type: 'ERROR'; readonly object: Status };

/** What every write can be given. */
export interface WriteOptions {
  /**
   * Called when the connection stands and the request is to go out on it, each time where it is sent
   * again. A WaitingError that it throws is thrown as it is, and nothing is sent.
   */
  readonly beforeSend?: () => void;
  /**
   * Once aborted nothing of the request goes out any more, and no answer is waited for: a TransportError
   * is thrown. What has gone out before may be carried out all the same.
   */
  readonly signal?: AbortSignal;
}

/** In whose name fields are written. */
export interface PatchOptions extends WriteOptions {
  readonly fieldManager: string;
}

/** How a body is applied. */
export interface ApplyOptions extends PatchOptions {
  /** Takes over fields that other managers own. */
  readonly force: boolean;
  readonly subresource?: 'status';
  /** Everything but storing: returns what would be stored. */
  readonly dryRun?: boolean;
}

/** How an object is deleted. */
export interface RemoveOptions extends WriteOptions {
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Deletes the object only as it was read: under a precondition on its resourceVersion, too. */
  readonly ifUnchanged?: boolean;
}

/** What the server answers to `/version`, its numbers as numbers. */
export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
  readonly gitVersion: string;
}

/** The `Status` object by which the API server explains a refusal. */
export interface Status {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly {
      readonly reason?: string;
      readonly message?: string;
      readonly field?: string;
    }[];
  };
}

/** The API server answered, and the answer is a refusal. Branch on `code` and `reason`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status. */
  readonly code: number;
  /** The machine-readable reason of the Status, for example `AlreadyExists`; empty if it gave none. */
  readonly reason: string;
  /** What the server itself said, without what we were doing. */
  readonly status: Status;
  /** How long the server asks us to wait, where it said so. */
  readonly retryAfterMs: number | undefined;

  constructor(doing: string, code: number, status: Status, retryAfterMs?: number) {
    super(`${doing}: ${status.message ?? `the server answered ${code}`}`);
    this.code = code;
    this.reason = status.reason ?? '';
    this.status = status;
    this.retryAfterMs =
      retryAfterMs ??
      (status.details?.retryAfterSeconds === undefined
        ? undefined
        : status.details.retryAfterSeconds * 1000);
  }
}

/**
 * The server did not answer, or its answer broke off: refused, reset, too late, not readable. The
 * cause is what went wrong below; `code` is its code, for example `ECONNREFUSED`.
 */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: string;

  constructor(doing: string, thrown: unknown) {
    const cause = asError(thrown);
    super(`${doing}: ${cause.message}`, { cause });
    this.code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  }
}

/** Claims that an API server answered with this HTTP status. */
export function isApiError(error: unknown, code?: number): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.code === code);
}

/** The server understood a request and does not follow it; only somebody else can change that. */
export function isRefusal(error: unknown): error is ApiError {
  return isApiError(error) && (error.code === 403 || isOfBadBody(error));
}

/**
 * Claims that the server does not take a body. One that it cannot type it answers with 500 and no reason,
 * the single place where the text decides (seen on Kubernetes 1.36).
 */
function isOfBadBody({ code, status }: ApiError): boolean {
  const isUntyped = status.message?.includes('failed to create typed patch object') === true;
  return code === 422 || code === 400 || (code === 500 && isUntyped);
}

/**
 * What the server says where a right is missing (kubernetes/apiserver:
 * pkg/endpoints/handlers/responsewriters/errors.go; kubernetes/kubernetes: pkg/registry/rbac/validation/rule.go,
 * plugin/pkg/admission/gc/gc_admission.go).
 */
const rightMissing =
  /User "[^"]*" cannot |is attempting to grant RBAC permissions|cannot set blockOwnerDeletion/;

/** Claims that a request was refused for want of a right: a quota or a webhook answers 403 too. */
export function isForWantOfRight({ code, status: { message = '' } }: ApiError): boolean {
  return code === 403 && rightMissing.test(message);
}

/**
 * Claims that nothing new may be made in a namespace because it is being deleted
 * (kubernetes/apiserver: pkg/admission/plugin/namespace/lifecycle).
 */
export function isOfEndingNamespace({ status }: ApiError): boolean {
  const causes = status.details?.causes ?? [];
  return causes.some(({ reason }) => reason === 'NamespaceTerminating');
}
