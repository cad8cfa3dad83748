/**
 * The refusals of an API server, as the `Status` objects that Kubernetes answers with. Codes,
 * reasons and messages follow kubernetes/kubernetes: apimachinery/pkg/api/errors/errors.go.
 */

/** What a message calls a resource: `daemonsets.apps`, or `pods` in the core group. */
export interface GroupResource {
  readonly group: string;
  readonly plural: string;
}

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** A refusal; `code` is the HTTP status and `reason` the machine-readable name. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;
  /** Where a list can go on in spite of it. */
  readonly continue: string | undefined;

  constructor(
    code: number,
    reason: string,
    message: string,
    more: { readonly details?: StatusDetails; readonly continue?: string } = {},
  ) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = more.details;
    this.continue = more.continue;
  }

  /** The object that is sent to the client. */
  status(): Record<string, unknown> {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continue === undefined ? {} : { continue: this.continue },
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** `daemonsets.apps`, or `pods` in the core group. */
export function qualified({ group, plural }: GroupResource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function details({ group, plural }: GroupResource, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind: plural,
  };
}

export function notFound(resource: GroupResource, name: string): StatusError {
  const message = `${qualified(resource)} ${JSON.stringify(name)} not found`;
  return new StatusError(404, 'NotFound', message, { details: details(resource, name) });
}

/** Whatever path or method nobody serves. */
export function noSuchResource(): StatusError {
  const message = 'the server could not find the requested resource';
  return new StatusError(404, 'NotFound', message, { details: {} });
}

/** `isGoing`: what exists is being deleted. */
export function alreadyExists(
  resource: GroupResource,
  name: string,
  isGoing: boolean,
): StatusError {
  const prefix = isGoing ? 'object is being deleted: ' : '';
  const message = `${prefix}${qualified(resource)} ${JSON.stringify(name)} already exists`;
  return new StatusError(409, 'AlreadyExists', message, { details: details(resource, name) });
}

/** The object is not in the state that the request asks for. */
export function conflict(resource: GroupResource, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} ${JSON.stringify(name)}: ${why}`;
  return new StatusError(409, 'Conflict', message, { details: details(resource, name) });
}

/** The resourceVersion in the request is not the live one. */
export function staleObject(resource: GroupResource, name: string): StatusError {
  return conflict(
    resource,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );
}

/** `why` is the rule that refuses; an empty name stands for the whole collection. */
export function forbidden(
  resource: GroupResource,
  name: string,
  why: string,
  causes?: readonly StatusCause[],
): StatusError {
  const subject =
    name === '' ? qualified(resource) : `${qualified(resource)} ${JSON.stringify(name)}`;
  return new StatusError(403, 'Forbidden', `${subject} is forbidden: ${why}`, {
    details: { ...details(resource, name), ...(causes === undefined ? {} : { causes }) },
  });
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

export function methodNotAllowed(): StatusError {
  return new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    { details: {} },
  );
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  return new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

/** The history that the request builds on is no longer kept. */
export function expired(message: string, token?: string): StatusError {
  return new StatusError(410, 'Expired', message, token === undefined ? {} : { continue: token });
}

/** The request names a revision that this server has not seen yet. */
export function tooLargeResourceVersion(requested: number, current: number): StatusError {
  return new StatusError(
    504,
    'Timeout',
    `Too large resource version: ${requested}, current: ${current}`,
    {
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    },
  );
}

/** An error of the server itself: what was asked for cannot be understood. */
export function internal(message: string): StatusError {
  return new StatusError(500, '', message);
}

/** One violated rule of a field (kubernetes/kubernetes: apimachinery/pkg/util/validation/field/errors.go). */
export interface FieldError {
  readonly type: FieldErrorType;
  readonly field: string;
  /** Without the field and the type: `Required value: image is required` has `image is required`. */
  readonly detail: string;
  readonly value?: unknown;
}

export type FieldErrorType =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueDuplicate'
  | 'FieldValueForbidden'
  | 'FieldValueNotFound'
  | 'FieldValueNotSupported'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid';

const typeTexts: Readonly<Record<FieldErrorType, string>> = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueForbidden: 'Forbidden',
  FieldValueNotFound: 'Not found',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueTypeInvalid: 'Invalid value',
};

const typesWithoutValue: ReadonlySet<FieldErrorType> = new Set([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
]);

function errorBody({ type, value, detail }: FieldError): string {
  const shown = typesWithoutValue.has(type) ? '' : `: ${JSON.stringify(value)}`;
  return `${typeTexts[type]}${shown}${detail === '' ? '' : `: ${detail}`}`;
}

/** 422 with one cause for each error. */
export function invalid(
  { group, kind }: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const texts = errors.map((error) => `${error.field}: ${errorBody(error)}`);
  const all = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const subject = group === '' ? kind : `${kind}.${group}`;
  return new StatusError(422, 'Invalid', `${subject} ${JSON.stringify(name)} is invalid: ${all}`, {
    details: {
      ...(name === '' ? {} : { name }),
      ...(group === '' ? {} : { group }),
      kind,
      causes: errors.map((error) => ({
        reason: error.type,
        message: errorBody(error),
        field: error.field,
      })),
    },
  });
}

/** The errors of fields, as the rules of kinds make them. */
export const fieldError = {
  required: (field: string, detail = ''): FieldError => ({
    type: 'FieldValueRequired',
    field,
    detail,
  }),
  invalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: 'FieldValueInvalid',
    field,
    value,
    detail,
  }),
  duplicate: (field: string, value: unknown): FieldError => ({
    type: 'FieldValueDuplicate',
    field,
    value,
    detail: '',
  }),
  forbidden: (field: string, detail: string): FieldError => ({
    type: 'FieldValueForbidden',
    field,
    detail,
  }),
  notFound: (field: string, value: unknown): FieldError => ({
    type: 'FieldValueNotFound',
    field,
    value,
    detail: '',
  }),
  notSupported: (field: string, value: unknown, supported: readonly string[]): FieldError => ({
    type: 'FieldValueNotSupported',
    field,
    value,
    detail: `supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`,
  }),
  tooLong: (field: string, maxBytes: number): FieldError => ({
    type: 'FieldValueTooLong',
    field,
    detail: `may not be more than ${maxBytes} bytes`,
  }),
} as const;
