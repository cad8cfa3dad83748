import type { Answer } from './api.ts';
import type { ApiRequest } from './api-request.ts';
import { isObject, type JsonObject } from './json.ts';
import type { WatchSink } from './watches.ts';

/**
 * Events are stored once and served by two APIs: what events.k8s.io/v1 is asked and what it answers
 * is put into the words of core/v1 and back. Managed fields stay in those of core/v1.
 * (kubernetes/kubernetes: pkg/apis/events/v1/conversion.go)
 */

/** The fields that are called otherwise in core/v1. */
const coreNames: Readonly<Record<string, string>> = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
};
const newNames: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(coreNames).map(([newer, core]) => [core, newer]),
);

const core = { apiVersion: 'v1', names: coreNames };
const newer = { apiVersion: 'events.k8s.io/v1', names: newNames };

/** An Event, or a part of one, in other words; anything else as it is. */
function inWordsOf({ apiVersion, names }: typeof core, value: unknown): unknown {
  if (!isObject(value)) return value;
  const renamed = Object.entries(value).map(([name, field]) => [names[name] ?? name, field]);
  const object = Object.fromEntries(renamed) as JsonObject;
  return object['kind'] === 'Event' ? { ...object, apiVersion } : object;
}

/** The request for an Event of events.k8s.io/v1 as one for the stored Event. */
export function coreEventRequest(request: ApiRequest): ApiRequest {
  const query = new URLSearchParams(request.query);
  const fields = query.get('fieldSelector');
  if (fields !== null) query.set('fieldSelector', coreSelector(fields));
  return { ...request, query, body: coreBody(request.body) };
}

function coreSelector(fields: string): string {
  return fields
    .replaceAll(/(^|,)regarding\./g, '$1involvedObject.')
    .replaceAll(/(^|,)reportingController\b/g, '$1reportingComponent');
}

/** A body that is no JSON is refused where it is read. */
function coreBody(body: string): string {
  try {
    return JSON.stringify(inWordsOf(core, JSON.parse(body)));
  } catch {
    return body;
  }
}

/** The answer about stored Events in the words of events.k8s.io/v1. */
export function newerEventAnswer(answer: Answer): Answer {
  if ('watch' in answer) {
    return { watch: (sink) => answer.watch(newerSink(sink)) };
  }
  return { ...answer, body: newerBody(answer.body) };
}

function newerBody(body: unknown): unknown {
  if (!isObject(body)) return body;
  if (body['kind'] === 'Event') return inWordsOf(newer, body);
  if (body['kind'] !== 'EventList' || !Array.isArray(body['items'])) return body;
  const items = body['items'].map((item) => inWordsOf(newer, item));
  return { ...body, apiVersion: newer.apiVersion, items };
}

function newerSink(sink: WatchSink): WatchSink {
  return {
    write(line) {
      const { type, object } = JSON.parse(line) as { type: string; object: unknown };
      sink.write(`${JSON.stringify({ type, object: newerBody(object) })}\n`);
    },
    end: () => sink.end(),
    reset: () => sink.reset(),
  };
}
