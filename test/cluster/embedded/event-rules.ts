import type { KubeObject } from '../../../src/kube/objects.ts';
import { asObject, at, isEqual } from './json.ts';
import { grammarErrors } from './metadata-rules.ts';
import { labelKey } from './name-rules.ts';
import { type FieldError, fieldError } from './status-error.ts';

/**
 * What is asked of Events, which differs by the API they come through. (kubernetes/kubernetes:
 * pkg/apis/core/validation/events.go)
 */

/** Go prints the absent times of an Event as null. */
export function eventDefaults(object: KubeObject): KubeObject {
  return { eventTime: null, firstTimestamp: null, lastTimestamp: null, ...object };
}

/** What every Event keeps to, whichever API it comes through. */
export function eventErrors(event: KubeObject): readonly FieldError[] {
  const own = event.metadata.namespace ?? '';
  const involved = String(at(event, 'involvedObject', 'namespace') ?? '');
  const isNew = Boolean(event['eventTime']);
  const homes = isNew ? ['default', 'kube-system'] : ['', 'default'];
  const isAtHome = involved === '' ? homes.includes(own) : isNew || involved === own;
  const detail = 'does not match event.namespace';
  return [
    ...(isAtHome ? [] : [fieldError.invalid('involvedObject.namespace', involved, detail)]),
    ...(isNew ? newEventErrors(event) : []),
  ];
}

const lengthLimits = { reportingInstance: 128, action: 128, reason: 128, message: 1024 } as const;

/** An Event with a time of its own comes from a recorder of today. */
function newEventErrors(event: KubeObject): readonly FieldError[] {
  const text = (field: string) => String(event[field] ?? '');
  const required = ['reportingComponent', 'reportingInstance', 'action', 'reason'];
  const controller = text('reportingComponent');
  return [
    ...required.filter((field) => text(field) === '').map((field) => fieldError.required(field)),
    ...(controller === '' ? [] : grammarErrors('reportingComponent', controller, labelKey)),
    ...Object.entries(lengthLimits)
      .filter(([field, limit]) => Buffer.byteLength(text(field)) > limit)
      .map(([field, limit]) =>
        fieldError.invalid(field, '', `can have at most ${limit} characters`),
      ),
  ];
}

/** What events.k8s.io/v1 asks for on top of it; in the fields of the core API, as the server says it. */
export function strictEventErrors(
  event: KubeObject,
  live: KubeObject | undefined,
): readonly FieldError[] {
  return live === undefined ? newStrictErrors(event) : changeErrors(event, live);
}

const fieldsOfThePast = ['firstTimestamp', 'lastTimestamp', 'count', 'source'];

function newStrictErrors(event: KubeObject): readonly FieldError[] {
  const type = String(event['type'] ?? '');
  const isSet = (value: unknown) =>
    typeof value === 'object' ? Object.keys(asObject(value)).length > 0 : Boolean(value);
  return [
    ...seriesErrors(event),
    ...(event['eventTime'] ? [] : [fieldError.required('eventTime')]),
    ...(['Normal', 'Warning'].includes(type)
      ? []
      : [fieldError.invalid('type', '', `has invalid value: ${type}`)]),
    ...fieldsOfThePast
      .filter((field) => isSet(event[field]))
      .map((field) => fieldError.invalid(field, '', 'needs to be unset')),
  ];
}

function seriesErrors(event: KubeObject): readonly FieldError[] {
  if (event['series'] === undefined) return [];
  const { count, lastObservedTime } = asObject(event['series']);
  return [
    ...(Number(count ?? 0) < 2
      ? [fieldError.invalid('series.count', '', 'should be at least 2')]
      : []),
    ...(lastObservedTime ? [] : [fieldError.required('series.lastObservedTime')]),
  ];
}

const immutableFields = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
];

/** Only its series ever changes. */
function changeErrors(event: KubeObject, live: KubeObject): readonly FieldError[] {
  return [
    ...(isEqual(event['series'], live['series']) ? [] : seriesErrors(event)),
    ...immutableFields
      .filter((field) => !isEqual(event[field], live[field]))
      .map((field) =>
        fieldError.invalid(
          field === 'reportingComponent' ? 'reportingController' : field,
          event[field],
          'field is immutable',
        ),
      ),
  ];
}
