import type { KubeObject } from '../../../../src/kube/objects.ts';
import { column } from './column.ts';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/**
 * How long something took, in two or three figures, as people read it: `119s`, `2m5s`, `3h`, `2d4h`
 * (kubernetes/kubernetes: apimachinery/pkg/util/duration/duration.go).
 */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  // Clocks of several machines may differ by a second.
  if (seconds < -1) return '<invalid>';
  if (seconds < 2 * minute) return `${Math.max(0, seconds)}s`;
  if (seconds < 10 * minute) return parts(seconds, [minute, 'm'], [1, 's']);
  if (seconds < 3 * hour) return parts(seconds, [minute, 'm']);
  if (seconds < 8 * hour) return parts(seconds, [hour, 'h'], [minute, 'm']);
  if (seconds < 2 * day) return parts(seconds, [hour, 'h']);
  if (seconds < 8 * day) return parts(seconds, [day, 'd'], [hour, 'h']);
  if (seconds < 2 * year) return parts(seconds, [day, 'd']);
  if (seconds < 8 * year) return parts(seconds, [year, 'y'], [day, 'd']);
  return parts(seconds, [year, 'y']);
}

type Unit = readonly [seconds: number, letter: string];

/** In whole units; the smaller one only where there is something left for it. */
function parts(seconds: number, [large, letter]: Unit, smaller?: Unit): string {
  const text = `${Math.floor(seconds / large)}${letter}`;
  if (smaller === undefined) return text;
  const rest = Math.floor((seconds % large) / smaller[0]);
  return rest === 0 ? text : `${text}${rest}${smaller[1]}`;
}

/** How long ago a time was, as objects carry it; `<unknown>` where there is none. */
export function since(time: unknown, now: number): string {
  if (time === undefined || time === null || time === '') return '<unknown>';
  const then = Date.parse(String(time));
  return Number.isNaN(then) ? '<invalid>' : humanDuration(now - then);
}

/** How long ago an object was created. */
export function age({ metadata }: KubeObject, now: number): string {
  return since(metadata.creationTimestamp, now);
}

export const ageColumn = column('Age', age);
