import { apiVersionOf, type Kind, type Kinds } from './kinds.ts';
import { type Review, reviews } from './reviews.ts';
import { noSuchResource } from './status-error.ts';

/** What `/version` answers for a version such as `v1.36.3`. */
export function versionInfo(gitVersion: string): Record<string, string> {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
  return {
    major,
    minor,
    gitVersion,
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'none',
    compiler: 'none',
    platform: 'linux/amd64',
  };
}

/** `/api`: the versions of the core group. */
export function coreVersions(): Record<string, unknown> {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

/** `/apis`: every other group with its versions. */
export function groupList(kinds: Kinds): Record<string, unknown> {
  const names = [...new Set(kinds.groupVersions().map((one) => one.split('/')[0] ?? ''))];
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: names.map((name) => group(kinds, name)),
  };
}

/** `/apis/<group>`; 404 for a group that nobody serves. */
export function groupInfo(kinds: Kinds, name: string): Record<string, unknown> {
  const info = group(kinds, name);
  if (info.versions.length === 0) throw noSuchResource();
  return { kind: 'APIGroup', apiVersion: 'v1', ...info };
}

function group(kinds: Kinds, name: string) {
  const versions = kinds
    .groupVersions()
    .filter((one) => one.startsWith(`${name}/`))
    .map((groupVersion) => ({ groupVersion, version: groupVersion.slice(name.length + 1) }));
  return { name, versions, preferredVersion: versions[0] };
}

/** `/api/v1` and `/apis/<group>/<version>`: the kinds; 404 where that is not served. */
export function resourceList(kinds: Kinds, groupVersion: string): Record<string, unknown> {
  const served = kinds.all().filter((kind) => apiVersionOf(kind) === groupVersion);
  if (served.length === 0 && !kinds.groupVersions().includes(groupVersion)) throw noSuchResource();
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: [
      ...served.flatMap((kind) => [
        resource(kind),
        ...(kind.rules.status ? [statusResource(kind)] : []),
      ]),
      ...reviews.filter((review) => `${review.group}/v1` === groupVersion).map(reviewResource),
    ],
  };
}

function resource(kind: Kind): Record<string, unknown> {
  return {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
  };
}

function reviewResource({ plural, kind }: Review): Record<string, unknown> {
  const singularName = kind.toLowerCase();
  return { name: plural, singularName, namespaced: false, kind, verbs: ['create'] };
}

function statusResource(kind: Kind): Record<string, unknown> {
  return {
    name: `${kind.plural}/status`,
    singularName: '',
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: ['get', 'patch', 'update'],
  };
}
