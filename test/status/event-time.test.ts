import { timeOf } from '../../src/status/event-time.ts';

const metadata = { name: 'e', creationTimestamp: '2026-01-01T00:00:00Z' };
const anEvent = (times: object = {}) => ({ apiVersion: 'v1', kind: 'Event', metadata, ...times });

it.each([
  ['a series', { series: { lastObservedTime: '2026-01-01T00:00:03.000000Z' } }],
  ['a recorder of old', { series: null, lastTimestamp: '2026-01-01T00:00:03Z', eventTime: null }],
  ['a recorder of today', { lastTimestamp: null, eventTime: '2026-01-01T00:00:03.500000Z' }],
])('tells when an Event of %s happened last, in whole seconds', (_what, times) => {
  expect(timeOf(anEvent(times))).toBe('2026-01-01T00:00:03');
});

it('takes an Event that tells no time for as old as itself', () => {
  expect(timeOf(anEvent())).toBe('2026-01-01T00:00:00');
});
