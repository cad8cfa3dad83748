import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isCached } from './tools.ts';

/** Programs that must be there, and the Debian package that brings each. */
const programs = {
  'apt-get': 'Debian',
  'dpkg-deb': 'Debian',
  ip: 'ip (package iproute2)',
  nsenter: 'nsenter (package util-linux)',
  openssl: 'openssl (package openssl)',
} as const;

/** Says in one sentence what a real cluster lacks on this machine; undefined where it can run. */
export async function missing(): Promise<string | undefined> {
  const lacks = new Set([
    ...(process.platform === 'linux' ? [] : ['Linux']),
    ...(process.arch === 'x64' ? [] : ['an amd64 processor']),
    ...(process.getuid?.() === 0 ? [] : ['root']),
    ...Object.entries(programs)
      .filter(([program]) => !isInstalled(program))
      .map(([, name]) => name),
    ...((await needsGo()) && !isInstalled('go') ? ['Go 1.26 or newer'] : []),
  ]);
  if (lacks.size === 0) return undefined;
  return `this machine lacks ${[...lacks].join(', ')}, which the real cluster needs; npm test does not need it`;
}

/** Go builds only what is not in the cache; these two every cluster uses. */
async function needsGo(): Promise<boolean> {
  return !((await isCached('etcd')) && (await isCached('control-plane')));
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
