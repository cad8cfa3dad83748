import { randomUUID } from 'node:crypto';

/** Whom a bearer token stands for. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export const mastersGroup = 'system:masters';
export const authenticatedGroup = 'system:authenticated';

export const administrator: User = {
  name: 'kubernetes-admin',
  groups: [mastersGroup, authenticatedGroup],
};

/** The user of a name; `system:serviceaccount:<namespace>:<name>` is in the groups of its kind. */
export function userNamed(name: string): User {
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name) ?? [];
  const groups =
    namespace === undefined
      ? []
      : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return { name, groups: [...groups, authenticatedGroup] };
}

/** Whoever sends no token. */
export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Bearer tokens by user. */
export class Tokens {
  readonly #users = new Map<string, User>();
  readonly #tokens = new Map<string, string>();

  /** The user's token, made at the first call. */
  of(user: User): string {
    const token = this.#tokens.get(user.name) ?? randomUUID();
    this.#tokens.set(user.name, token);
    this.#users.set(token, user);
    return token;
  }

  userOf(token: string): User | undefined {
    return this.#users.get(token);
  }

  /** Makes the user's token invalid; the next call of `of` makes another. */
  revoke(user: User): void {
    this.#users.delete(this.#tokens.get(user.name) ?? '');
    this.#tokens.delete(user.name);
  }
}
