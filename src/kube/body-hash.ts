import { hash } from 'node:crypto';
import type { KubeObject } from './objects.ts';

/** Equal for bodies that say the same in the same order. */
export function bodyHash(body: KubeObject): string {
  return hash('sha256', JSON.stringify(body), 'base64');
}
