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

/** What is asked of Events that come through the core API. */
export function eventErrors(event: KubeObject): readonly FieldError[] {
  return commonErrors(event, 'reportingComponent');
}

/** What is asked of those that come through events.k8s.io/v1, in the fields of the core API. */
export function strictEventErrors(
  event: KubeObject,
  live: KubeObject | undefined,
): readonly FieldError[] {
  return [
    ...commonErrors(event, 'reportingController'),
    ...(live === undefined ? newStrictErrors(event) : changeErrors(event, live)),
  ];
}

/** `controller` is what the API calls the one who reports. */
function commonErrors(event: KubeObject, controller: string): readonly FieldError[] {
  const own = event.metadata.namespace ?? '';
  const involved = String(at(event, 'involvedObject', 'namespace') ?? '');
  const isNew = Boolean(event['eventTime']);
  const homes = isNew ? ['default', 'kube-system'] : ['', 'default'];
  const isAtHome = involved === '' ? homes.includes(own) : isNew || involved === own;
  const detail = 'does not match event.namespace';
  return [
    ...(isAtHome ? [] : [fieldError.invalid('involvedObject.namespace', involved, detail)]),
    ...(isNew ? newEventErrors(event, controller) : []),
  ];
}

const lengthLimits = { reportingInstance: 128, action: 128, reason: 128, message: 1024 } as const;

/** An Event with a time of its own comes from a recorder of today. */
function newEventErrors(event: KubeObject, controller: string): readonly FieldError[] {
  const text = (field: string) => String(event[field] ?? '');
  const required = ['reportingInstance', 'action', 'reason'];
  const reporter = text('reportingComponent');
  return [
    ...(reporter === '' ? [fieldError.required(controller)] : []),
    ...grammarErrors(controller, reporter, labelKey),
    ...required.filter((field) => text(field) === '').map((field) => fieldError.required(field)),
    ...Object.entries(lengthLimits)
      .filter(([field, limit]) => Buffer.byteLength(text(field)) > limit)
      .map(([field, limit]) =>
        fieldError.invalid(field, '', `can have at most ${limit} characters`),
      ),
  ];
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
