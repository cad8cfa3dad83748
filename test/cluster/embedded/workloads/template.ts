import { createHash } from 'node:crypto';
import { isObject } from '../json.ts';
import type { PodTemplate } from './shapes.ts';

/** Templates are looked at again and again, and are never changed but for other ones. */
const known = new WeakMap<PodTemplate, string>();

/** Ten hex digits that tell pod templates apart, whatever the order of their fields. */
export function templateHash(template: PodTemplate): string {
  const hash = known.get(template) ?? hashOf(template);
  known.set(template, hash);
  return hash;
}

function hashOf(template: PodTemplate): string {
  return createHash('sha256').update(canonical(template)).digest('hex').slice(0, 10);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
