import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { asError } from '../errors.ts';
import { type Client, isApiError } from '../kube/client.ts';
import type { KubeObject, Resource } from '../kube/objects.ts';
import type { Log } from '../log.ts';

/** Whom to ask who a caller is. */
export interface ScrapeAccessOptions {
  readonly client: Pick<Client, 'create'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Whether a caller may read the metrics: `anonymous` where nobody knows the token, `unknown` where the
 * API server could not be asked, `busy` where it was asked too often.
 */
export type Access = 'granted' | 'anonymous' | 'forbidden' | 'unknown' | 'busy';

/** What the API server said, or is about to say, about a token. */
interface Verdict {
  readonly access: Promise<Access>;
  until: number;
  /** By the last answer that there was. */
  isGranted: boolean;
}

const reviewOf = (group: string, plural: string, kind: string): Resource => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced: false,
});
const tokenReviews = reviewOf('authentication.k8s.io', 'tokenreviews', 'TokenReview');
const accessReviews = reviewOf(
  'authorization.k8s.io',
  'subjectaccessreviews',
  'SubjectAccessReview',
);

/** As long as controller-runtime remembers who a token belongs to (pkg/metrics/filters/filters.go). */
const rememberedMs = 60_000;
/** Far more tokens than there are scrapers. */
const mostRemembered = 256;
/**
 * New tokens that are looked into in a second, from one address, and from how many addresses: guessing
 * must cost the API server next to nothing, and who guesses must not use up what others are looked into.
 */
const mostAskedPerSecond = { ofAddress: 4, addresses: 32 };

/**
 * Asks the API server whether the bearer of a token may `get` the path /metrics: who that is by a
 * TokenReview, what they may by a SubjectAccessReview. An answer counts for a minute; requests with
 * the same token share one review. Tokens that were granted before are always looked into again,
 * unknown ones only a few in a second from each address.
 */
export class ScrapeAccess {
  readonly #options: ScrapeAccessOptions;
  /** By hash: what lies in memory is no token. */
  readonly #verdicts = new Map<string, Verdict>();
  readonly #asked = new Map<string, number>();
  #secondEndsAt = 0;
  #complaint = '';

  constructor(options: ScrapeAccessOptions) {
    this.#options = options;
  }

  /** Never rejects; `authorization` is the header of that name, `address` where it came from. */
  async of(authorization: string | undefined, address = ''): Promise<Access> {
    const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization ?? '') ?? [];
    if (token === undefined) return 'anonymous';
    const hash = createHash('sha256').update(token).digest('base64');
    const known = this.#verdicts.get(hash);
    if (known && this.#options.clock.monotonic() < known.until) return await known.access;
    const wasGranted = known?.isGranted ?? false;
    return wasGranted || this.#mayAsk(address) ? await this.#ask(hash, token, wasGranted) : 'busy';
  }

  #mayAsk(address: string): boolean {
    const now = this.#options.clock.monotonic();
    if (now >= this.#secondEndsAt) {
      this.#secondEndsAt = now + 1_000;
      this.#asked.clear();
    }
    const asked = this.#asked.get(address) ?? 0;
    const { ofAddress, addresses } = mostAskedPerSecond;
    if (asked >= ofAddress || (asked === 0 && this.#asked.size >= addresses)) return false;
    this.#asked.set(address, asked + 1);
    return true;
  }

  async #ask(hash: string, token: string, wasGranted: boolean): Promise<Access> {
    const { clock } = this.#options;
    const verdict: Verdict = {
      access: this.#review(token),
      until: clock.monotonic() + rememberedMs,
      isGranted: wasGranted,
    };
    this.#verdicts.delete(hash);
    this.#makeRoom();
    this.#verdicts.set(hash, verdict);
    const access = await verdict.access;
    // What could not be found out is asked again, and takes nothing from who was granted before.
    if (access === 'unknown') verdict.until = clock.monotonic();
    else verdict.isGranted = access === 'granted';
    return access;
  }

  /** The oldest goes, and of those that were granted only where there are no others. */
  #makeRoom(): void {
    if (this.#verdicts.size < mostRemembered) return;
    const [oldest] = this.#verdicts.keys();
    const other = [...this.#verdicts].find(([, { isGranted }]) => !isGranted);
    this.#verdicts.delete(other?.[0] ?? oldest ?? '');
  }

  async #review(token: string): Promise<Access> {
    try {
      const user = await this.#userOf(token);
      const access = user && (await this.#mayRead(user)) ? 'granted' : 'forbidden';
      this.#complaint = '';
      return user ? access : 'anonymous';
    } catch (thrown) {
      this.#complain(asError(thrown));
      return 'unknown';
    }
  }

  async #userOf(token: string): Promise<User | undefined> {
    const review = await this.#options.client.create(tokenReviews, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: {},
      spec: { token },
    });
    const { authenticated, user } = (review['status'] ?? {}) as TokenReviewStatus;
    return authenticated === true ? user : undefined;
  }

  async #mayRead({ username, uid, groups, extra }: User): Promise<boolean> {
    const nonResourceAttributes = { path: '/metrics', verb: 'get' };
    const review: KubeObject = await this.#options.client.create(accessReviews, {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: { user: username, uid, groups, extra, nonResourceAttributes },
    });
    return (review['status'] as { allowed?: unknown } | undefined)?.allowed === true;
  }

  /** What goes on being wrong in the same way is said once. */
  #complain(error: Error): void {
    if (error.message === this.#complaint) return;
    this.#complaint = error.message;
    const mayNot = isApiError(error, 403);
    this.#options.log.warn('cannot find out who may read the metrics', {
      error,
      ...(mayNot && { remedy: 'bind the ClusterRole of config/rbac/metrics to the operator' }),
    });
  }
}

/** As the API server tells who somebody is, and is told (authentication.k8s.io/v1 UserInfo). */
interface User {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

interface TokenReviewStatus {
  readonly authenticated?: unknown;
  readonly user?: User;
}
