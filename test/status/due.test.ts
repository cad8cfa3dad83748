import type { ImagePullerStatus } from '../../src/api/types.ts';
import { meansTheSame, saysTheSame } from '../../src/status/due.ts';
import { aPod, creating, minute, nodeNames, now, statusOf, unauthorized } from './scenes.ts';

const pods = (said: object = {}) =>
  nodeNames(3).map((node, index) => aPod(node, index === 0 ? { said: { ...said } } : {}));
const stored = statusOf(pods({ tools: creating }));

/** As the server gives it back: every object's fields in alphabetical order. */
function fromServer<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(fromServer) as Value;
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([key, each]) => [key, fromServer(each)])) as Value;
}

const due = (before: ImagePullerStatus, next: ImagePullerStatus) => {
  if (saysTheSame(before, next)) return 'never';
  return meansTheSame(before, next) ? 'in its turn' : 'at once';
};

describe('a status is written', () => {
  it('never, where the server says the same in its order', () => {
    expect(due(fromServer(stored), statusOf(pods({ tools: creating }), { previous: stored }))).toBe(
      'never',
    );
  });

  it('never for the conditions of others', () => {
    const foreign = { ...stored.conditions?.[0], type: 'example.com/Theirs' };
    const shared = { ...stored, conditions: [...(stored.conditions ?? []), foreign] };
    expect(due(shared as ImagePullerStatus, stored)).toBe('never');
  });

  it('in its turn where only counts have moved', () => {
    const further = [
      ...pods({ tools: creating }).slice(0, 2),
      aPod('node-3', { said: { tools: creating } }),
    ];
    expect(due(stored, statusOf(further, { previous: stored }))).toBe('in its turn');
  });

  it('in its turn where the row of an image alone has moved', () => {
    const images = stored.images?.map((row) => ({ ...row, nodesReady: row.nodesReady + 1 })) ?? [];
    expect(due({ ...stored, images }, stored)).toBe('in its turn');
  });

  it('in its turn where one more image fails', () => {
    const one = statusOf(pods({ tools: unauthorized }));
    const two = statusOf(pods({ tools: unauthorized, 'my-image': unauthorized }), {
      previous: one,
    });
    expect(due(one, two)).toBe('in its turn');
  });

  it.each([
    ['the cache is complete', statusOf(pods(), { previous: stored })],
    ['the first image fails', statusOf(pods({ tools: unauthorized }), { previous: stored })],
    [
      'the spec is another',
      statusOf(pods({ tools: creating }), { previous: stored, generation: 2 }),
    ],
    [
      'sleep comes from another image',
      statusOf(pods({ tools: creating }), {
        previous: stored,
        seen: { sleeperImage: 'registry.example/sleeper:2' },
      }),
    ],
    [
      'what is stuck is said to be',
      statusOf(pods({ tools: creating }), { previous: stored, seen: { stalled: true } }),
    ],
  ])('at once when %s', (_when, next) => {
    expect(due(stored, next)).toBe('at once');
  });

  it('at once when Stalled goes, though nothing takes its place', () => {
    const stuck = statusOf(pods({ tools: creating }), { seen: { stalled: true } });
    const { conditions = [], ...rest } = stuck;
    const without = { ...rest, conditions: conditions.filter(({ type }) => type !== 'Stalled') };
    expect(due(stuck, without)).toBe('at once');
  });

  it('never as time goes by', () => {
    const later = statusOf(pods({ tools: creating }), { previous: stored, at: now + 5 * minute });
    expect(due(stored, later)).toBe('never');
  });
});
