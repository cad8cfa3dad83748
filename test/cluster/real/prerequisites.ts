import { lacking, type Machine, thisMachine } from './machine.ts';
import type { PartName } from './parts.ts';
import { goNeededFor, waitingForGo } from './tools.ts';

/** Programs that must be there, and the Debian package that brings each. */
const programs = {
  'apt-get': 'Debian',
  'dpkg-deb': 'Debian',
  ip: 'ip (package iproute2)',
  nsenter: 'nsenter (package util-linux)',
  openssl: 'openssl (package openssl)',
} as const;

/**
 * Says in one sentence what a machine lacks for a real cluster that uses these parts; undefined where
 * it can run. `cache` is the folder of the parts that are made, by default the one that is used.
 */
export async function missing(
  names: readonly PartName[],
  machine: Machine = thisMachine,
  cache?: string,
): Promise<string | undefined> {
  const lacks = new Set([
    ...(machine.platform === 'linux' ? [] : ['Linux']),
    ...(machine.architecture === 'x64' ? [] : ['an amd64 processor']),
    ...(machine.isRoot ? [] : ['root']),
    ...Object.entries(programs)
      .filter(([program]) => !machine.has(program))
      .map(([, name]) => name),
  ]);
  for (const source of await waitingForGo(names, machine, cache)) {
    lacks.add(await goNeededFor(source, machine));
  }
  return lacks.size === 0 ? undefined : lacking([...lacks]);
}
