import type { Answer, Api } from './api.ts';
import { type ApiRequest, targetOf } from './api-request.ts';
import { type BeforeAction, type Breakage, bodyOf, type Call, type Faults } from './faults.ts';
import { FaultyStream } from './faulty-stream.ts';
import { impersonated } from './impersonation.ts';
import type { Authorizer } from './rbac.ts';
import { internal, StatusError, unauthorized } from './status-error.ts';
import type { Store } from './store.ts';
import { anonymous, type Tokens, type User } from './users.ts';

/** One request that was carried out or refused, for tests that count what somebody asks for. */
export interface LoggedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly user: string;
  /** 0 where a fault kept it from being carried out and left it without an answer. */
  readonly code: number;
  /** Something was stored because of it. */
  readonly changed: boolean;
}

export interface ApiServerParts {
  readonly api: Api;
  readonly store: Store;
  readonly authorizer: Authorizer;
  readonly tokens: Tokens;
  readonly faults: Faults;
  readonly log: (request: LoggedRequest) => void;
}

/** What comes back: an answer, or nothing. */
export type Outcome = Answer | { readonly broken: Breakage };

/**
 * The API server as requests meet it, whatever carries them: who asks, may they, what is answered,
 * and the faults that come between.
 */
export class ApiServer {
  readonly #parts: ApiServerParts;

  constructor(parts: ApiServerParts) {
    this.#parts = parts;
  }

  /** Never rejects; without a fault the request is carried out before this returns. */
  async handle(request: ApiRequest): Promise<Outcome> {
    const { faults } = this.#parts;
    const call = this.#callOf(request);
    if ('refusal' in call) return this.#logged(request, anonymous, () => call.refusal);
    const firing = faults.firing('before', call);
    if (firing === undefined) return await this.#carryOut(call);
    const { action } = firing;
    if (action === 'hold' || (typeof action === 'object' && 'delayMs' in action)) {
      await new Promise<void>((resolve) => firing.wait(resolve));
      return await this.#carryOut(call);
    }
    return await this.#instead(call, action);
  }

  async #instead(
    call: Call,
    action: Exclude<BeforeAction, 'hold' | { delayMs: number }>,
  ): Promise<Outcome> {
    if (action === 'reset' || action === 'silence') {
      this.#note(call.request, call.user, { code: 0, changed: false });
      return { broken: action };
    }
    if (action === 'twice') {
      await this.#carryOut(call);
      return await this.#carryOut(call);
    }
    if ('staleAt' in action) {
      return await this.#carryOut(call, asOf(call.request, action.staleAt));
    }
    const { code } = action.answer;
    return this.#logged(call.request, call.user, () => ({ code, body: bodyOf(action.answer) }));
  }

  /** `asked` is what the API is asked in the request's stead. */
  async #carryOut(call: Call, asked = call.request): Promise<Outcome> {
    const { faults, api, authorizer } = this.#parts;
    const { request, target, user } = call;
    const answer = this.#logged(request, user, () => {
      authorizer.refuse(user, target);
      return api.handle(asked, target, user);
    });
    if ('watch' in answer) {
      return { watch: (sink) => watchThrough(answer.watch, new FaultyStream(sink, faults, call)) };
    }
    const firing = faults.firing('afterCommit', call);
    if (firing === undefined) return answer;
    const { action } = firing;
    if (action === 'reset' || action === 'silence') return { broken: action };
    if (typeof action === 'object' && 'answer' in action) {
      return { code: action.answer.code, body: bodyOf(action.answer) };
    }
    await new Promise<void>((resolve) => firing.wait(resolve));
    return answer;
  }

  #callOf(request: ApiRequest): Call | { readonly refusal: Answer } {
    try {
      const sender = this.#authenticate(request);
      const user = impersonated(sender, request, this.#parts.authorizer);
      return { request, target: targetOf(request), user };
    } catch (error) {
      return { refusal: refusal(error) };
    }
  }

  #authenticate({ headers }: ApiRequest): User {
    const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1];
    if (token === undefined) return anonymous;
    const user = this.#parts.tokens.userOf(token);
    if (user === undefined) throw unauthorized();
    return user;
  }

  #logged(request: ApiRequest, user: User, answer: () => Answer): Answer {
    const before = this.#parts.store.revision;
    const given = attempted(answer);
    const changed = this.#parts.store.revision !== before;
    this.#note(request, user, { code: 'watch' in given ? 200 : given.code, changed });
    return given;
  }

  #note(
    { method, path, query }: ApiRequest,
    { name }: User,
    outcome: Pick<LoggedRequest, 'code' | 'changed'>,
  ): void {
    const parameters = query.size === 0 ? '' : `?${query}`;
    this.#parts.log({ method, path: `${path}${parameters}`, user: name, ...outcome });
  }
}

function watchThrough(
  watch: Extract<Answer, { watch: unknown }>['watch'],
  stream: FaultyStream,
): () => void {
  const stop = watch(stream);
  return () => {
    stream.close();
    stop();
  };
}

function attempted(answer: () => Answer): Answer {
  try {
    return answer();
  } catch (error) {
    return refusal(error);
  }
}

/** A mistake of the model itself is shown to the client too: it fails the test that met it. */
function refusal(error: unknown): Answer {
  const status =
    error instanceof StatusError ? error : internal(String((error as Error).stack ?? error));
  return { code: status.code, body: status.status() };
}

/** A list of the past; its later pages are of that time by themselves. */
function asOf(request: ApiRequest, revision: number): ApiRequest {
  const query = new URLSearchParams(request.query);
  if (!query.has('continue')) {
    query.set('resourceVersion', String(revision));
    query.set('resourceVersionMatch', 'Exact');
  }
  return { ...request, query };
}
