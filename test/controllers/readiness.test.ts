import { canWork } from '../../src/controllers/readiness.ts';
import { ApiError } from '../../src/kube/client.ts';

const forbidden = new ApiError('list daemonsets', 403, { reason: 'Forbidden' });
const away = new Error('connect ECONNREFUSED');

/** A cache that knows everything of some namespaces, and cannot read some. */
function aCache(synced: readonly string[], errors: Readonly<Record<string, Error>> = {}) {
  return {
    hasSynced: (namespace: string) => synced.includes(namespace),
    lastError: (namespace: string) => errors[namespace],
  };
}

describe('an operator', () => {
  it('can work once everything is known', () => {
    expect(canWork([aCache(['a', 'b']), aCache(['a', 'b'])], ['a', 'b'])).toBe(true);
    expect(canWork([aCache(['a', 'b']), aCache(['a'])], ['a', 'b'])).toBe(false);
  });

  it('can work beside a namespace of which it may not read one kind', () => {
    const refused = aCache(['a'], { b: forbidden });
    expect(canWork([aCache(['a', 'b']), refused], ['a', 'b'])).toBe(true);
    expect(canWork([aCache(['b']), refused], ['a', 'b'])).toBe(false);
  });

  it('cannot work where it may read nothing', () => {
    expect(canWork([aCache([], { '': forbidden })], [''])).toBe(false);
    expect(canWork([aCache([], { a: forbidden, b: forbidden })], ['a', 'b'])).toBe(false);
  });

  it('waits for a namespace that no server answers for', () => {
    expect(canWork([aCache(['a'], { b: away })], ['a', 'b'])).toBe(false);
  });

  it('can work on with what it knew before the server went away', () => {
    expect(canWork([aCache(['a'], { a: away })], ['a'])).toBe(true);
  });
});
