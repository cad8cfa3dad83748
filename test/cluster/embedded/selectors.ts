import type { V1LabelSelector } from '@kubernetes/client-node';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { at } from './json.ts';
import type { Kind } from './kinds.ts';
import { badRequest } from './status-error.ts';

/** Whether an object is selected. */
export type Selector = (object: KubeObject) => boolean;

type LabelRequirement = (value: string | undefined) => boolean;

/** Both selectors of a request, as one; 400 where one cannot be understood. */
export function selector(kind: Kind, labels: string, fields: string): Selector {
  const byLabels = labelSelector(labels);
  const byFields = fieldSelector(kind, fields);
  return (object) => byLabels(object) && byFields(object);
}

/** A label selector in its string form, set-based requirements included. */
export function labelSelector(text: string): Selector {
  const requirements = splitRequirements(text).map(parseRequirement);
  return ({ metadata }) => requirements.every(({ key, holds }) => holds(metadata.labels?.[key]));
}

/** Claims that a selector, as objects hold it, selects these labels. */
export function matchesLabels(
  selector: V1LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const isThere = labels[key] !== undefined;
      if (operator === 'Exists') return isThere;
      if (operator === 'DoesNotExist') return !isThere;
      return membership(operator === 'In', values)(labels[key]);
    })
  );
}

/** At commas, except those within the parentheses of a set. */
function splitRequirements(text: string): readonly string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((requirement) => requirement.trim())
    .filter((requirement) => requirement !== '');
}

function parseRequirement(text: string): {
  readonly key: string;
  readonly holds: LabelRequirement;
} {
  const [, setKey = '', operator, values = ''] =
    /^([^\s!=(),]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text) ?? [];
  if (operator !== undefined) {
    const set = values.split(',').map((value) => value.trim());
    return { key: setKey, holds: membership(operator === 'in', set) };
  }
  const [, key = '', sign, value = ''] =
    /^([^\s!=(),]+)\s*(==|=|!=)\s*([^\s!=(),]*)$/.exec(text) ?? [];
  if (sign !== undefined) return { key, holds: membership(sign !== '!=', [value]) };
  const [, not, bare = ''] = /^(!?)\s*([^\s!=(),]+)$/.exec(text) ?? [];
  if (not === undefined) throw badRequest(`unable to parse requirement: found '${text}'`);
  return { key: bare, holds: (label) => (label === undefined) === (not === '!') };
}

/** Objects without the label are not in a set, so `notin` and `!=` select them. */
function membership(isIn: boolean, values: readonly string[]): LabelRequirement {
  return (label) => (label !== undefined && values.includes(label)) === isIn;
}

/** The fields that a kind can be selected by, besides name and namespace. */
const selectable: Readonly<Record<string, readonly string[]>> = {
  Pod: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'status.phase',
    'status.podIP',
  ],
  Event: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  Namespace: ['status.phase'],
  Secret: ['type'],
  ReplicaSet: ['status.replicas'],
};

/** A field selector; 400 for a field that the kind cannot be selected by. */
function fieldSelector(kind: Kind, text: string): Selector {
  const known = ['metadata.name', ...(selectable[kind.kind] ?? [])];
  const fields = kind.namespaced ? [...known, 'metadata.namespace'] : known;
  const requirements = splitRequirements(text).map((requirement) => {
    const [, path = '', sign, value = ''] = /^([^!=]+)(==|=|!=)(.*)$/.exec(requirement) ?? [];
    if (sign === undefined)
      throw badRequest(`invalid selector: '${text}'; can't understand '${requirement}'`);
    if (!fields.includes(path)) throw badRequest(`field label not supported: ${path}`);
    return { path: path.split('.'), value, isEqual: sign !== '!=' };
  });
  return (object) =>
    requirements.every(({ path, value, isEqual }) => (fieldOf(object, path) === value) === isEqual);
}

function fieldOf(object: KubeObject, path: readonly string[]): string {
  // The source of an Event is a component that says so in one of two ways.
  if (path.join() === 'source' && object.kind === 'Event') {
    return String(at(object, 'source', 'component') || object['reportingComponent'] || '');
  }
  return String(at(object, ...path) ?? '');
}

/** The one name that a field selector asks for; undefined where it leaves the name open. */
export function selectedName(fields: string): string | undefined {
  return /(?:^|,)metadata\.name==?([^,]+)/.exec(fields)?.[1];
}
