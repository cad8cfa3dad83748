import { ApiError } from '../../src/kube/client.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { RefusedBodies } from '../../src/kube/refused-bodies.ts';
import { ManualClock } from '../manual-clock.ts';

const second = 1000;
const invalid = new ApiError('apply', 422, { reason: 'Invalid', message: 'too many' });

const body = (value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'n' },
  data: { value },
});

let clock: ManualClock;
let refusals: RefusedBodies;

beforeEach(() => {
  clock = new ManualClock();
  refusals = new RefusedBodies(clock, 2);
});

it('are refused with the words of the server until it is asked again', async () => {
  expect(refusals.of('a', body('x'))).toBeUndefined();
  const news = refusals.refused('a', body('x'), invalid);
  expect(news).toMatchObject({ cause: invalid, message: 'apply: too many', isNews: true });
  await clock.advance(4 * second);
  expect(refusals.of('a', body('x'))).toMatchObject({
    cause: invalid,
    isNews: false,
    retryAfterMs: 6 * second,
  });
  await clock.advance(6 * second);
  expect(refusals.of('a', body('x'))).toBeUndefined();
});

it('are sent again at intervals that grow up to five minutes', async () => {
  const waits: number[] = [];
  for (let times = 0; times < 8; times += 1) {
    const { retryAfterMs } = refusals.refused('a', body('x'), invalid);
    waits.push(retryAfterMs / second);
    await clock.advance(retryAfterMs);
  }
  expect(waits).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
});

it.each<[string, () => void, string, KubeObject]>([
  ['another body', () => {}, 'a', body('y')],
  ['another object', () => {}, 'b', body('x')],
  ['one that was taken meanwhile', () => refusals.taken('a'), 'a', body('x')],
])('say nothing of %s', (_which, meanwhile, id, other) => {
  refusals.refused('a', body('x'), invalid);
  meanwhile();
  expect(refusals.of(id, other)).toBeUndefined();
  expect(refusals.refused(id, other, invalid).retryAfterMs).toBe(10 * second);
});

it('are forgotten, the one that was refused longest ago first, where there are too many', () => {
  for (const id of ['a', 'b', 'a', 'c']) refusals.refused(id, body('x'), invalid);
  expect(['a', 'b', 'c'].filter((id) => refusals.of(id, body('x')))).toEqual(['a', 'c']);
});
