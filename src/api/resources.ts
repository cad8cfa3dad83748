import { defaults } from './defaults.ts';
import type { Findings } from './findings.ts';
import { compareQuantities, isZero, parseQuantity } from './quantity.ts';
import { isRefusal } from './refusal.ts';
import { type SpecTexts, word } from './spec-texts.ts';
import { quote } from './text.ts';
import type { PullerSpec, SpecField } from './types.ts';

/** Below this a container runtime cannot start a process. */
const leastMemoryLimit = '4Mi';

interface Resource {
  readonly request: SpecField;
  readonly limit: SpecField;
  /** More than any node has, in the resource's own unit. */
  readonly huge: string;
}

const cpu: Resource = { request: 'cachingCPURequest', limit: 'cachingCPULimit', huge: '1k' };
const memory: Resource = {
  request: 'cachingMemoryRequest',
  limit: 'cachingMemoryLimit',
  huge: '100Ti',
};

/** A valid quantity, and whether it is there because the user's was absent or unusable. */
interface Amount {
  readonly text: string;
  readonly isDefault: boolean;
}

/** Requests and limits as the user means them: valid, and no request above its limit, if it has one. */
export function resources(
  texts: SpecTexts,
  findings: Findings,
): Pick<PullerSpec, 'requests' | 'limits' | 'choosesRequest'> {
  const cpus = pair(cpu, texts, findings);
  const bytes = pair(memory, texts, findings);
  if (isBetween('0', bytes.limit, leastMemoryLimit)) {
    findings.add(
      'cachingMemoryLimit',
      'LowMemoryLimit',
      () =>
        `spec.cachingMemoryLimit is ${quote(bytes.limit)}, and containers do not start with less than ${leastMemoryLimit}; write at least that.`,
    );
  }
  return {
    requests: { cpu: cpus.request, memory: bytes.request },
    limits: { cpu: cpus.limit, memory: bytes.limit },
    choosesRequest: { cpu: cpus.isChosen, memory: bytes.isChosen },
  };
}

function isBetween(above: string, text: string, below: string): boolean {
  return compareQuantities(text, above) > 0 && compareQuantities(text, below) < 0;
}

function pair(
  resource: Resource,
  texts: SpecTexts,
  findings: Findings,
): { readonly request: string; readonly limit: string; readonly isChosen: boolean } {
  const request = amount(resource.request, resource.huge, texts, findings);
  const limit = amount(resource.limit, resource.huge, texts, findings);
  const isChosen = !request.isDefault;
  if (isZero(limit.text) || compareQuantities(request.text, limit.text) <= 0) {
    return { request: request.text, limit: limit.text, isChosen };
  }
  const used = isChosen ? request.text : limit.text;
  findings.add(resource.limit, 'MendedInput', () => disagreement(resource, request, limit));
  return { request: used, limit: used, isChosen };
}

/**
 * The API server takes no request above its limit. A default request gives way to the limit that the
 * user wrote; a request that the user wrote is kept, and the limit, written or not, gives way to it.
 */
function disagreement(resource: Resource, request: Amount, limit: Amount): string {
  const place = `spec.${resource.limit}`;
  if (request.isDefault) {
    return `${place}: the default request ${request.text} is above the limit ${quote(limit.text)}, so the request is lowered to it.`;
  }
  const written = `spec.${resource.request} (${quote(request.text)})`;
  if (limit.isDefault) {
    return `${place}: ${written} is above the default limit ${limit.text}, so the limit is raised to it.`;
  }
  return `${place}: ${written} is above the limit ${quote(limit.text)}, so the limit is raised to it; raise the limit or lower the request.`;
}

function amount(field: SpecField, huge: string, texts: SpecTexts, findings: Findings): Amount {
  const text = word(field, texts, findings);
  if (text === undefined) return { text: defaults[field], isDefault: true };
  const refusal = amountRefusal(text);
  if (refusal !== undefined) {
    findings.add(
      field,
      'InvalidField',
      () =>
        `spec.${field} is ${quote(text)}, which cannot be used, so the default ${quote(defaults[field])} is: ${refusal}.`,
    );
    return { text: defaults[field], isDefault: true };
  }
  if (compareQuantities(text, huge) >= 0) {
    findings.add(
      field,
      'HugeQuantity',
      () =>
        `spec.${field} is ${quote(text)}, which is more than any node has; its containers sleep and need little.`,
    );
  }
  return { text, isDefault: false };
}

function amountRefusal(text: string): string | undefined {
  const quantity = parseQuantity(text);
  if (isRefusal(quantity)) return quantity.refusal;
  return quantity.nanos < 0n ? 'it is negative' : undefined;
}
