import { startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { type SoakReport, soak } from '../soak/soak.ts';

describe('three minutes of edits while one request in a hundred goes wrong', () => {
  let report: SoakReport;

  beforeAll(async () => {
    report = await soak({ minutes: 3, seed: 1, report: () => {} });
  }, startTimeoutMs);

  it('are full of edits and faults', () => {
    expect(report.edits).toBeGreaterThan(60);
    expect(report.troubles).toBeGreaterThan(0);
  });

  it.each(['handles', 'sockets', 'timers'])('leave the operator with no more %s', (name) => {
    expect(report.quantities.filter((quantity) => quantity.name === name)).toEqual([
      expect.objectContaining({ grows: false }),
    ]);
  });

  it('leave the cluster as a fresh one is that was given the last specs', () => {
    expect(report.differences).toEqual([]);
  });
});
