import { Findings, listedPerKind } from '../../src/api/findings.ts';

describe('findings', () => {
  it('come worst first, and in the order of the text among equals', () => {
    const findings = new Findings();
    findings.add('images', 'ImplicitLatest', () => 'a note');
    findings.add('images', 'InvalidImages', () => 'the first entry');
    findings.add('affinity', 'InvalidAffinity', () => 'a hold');
    findings.add('images', 'InvalidImages', () => 'the second entry');
    findings.add('cachingIntervalHours', 'MendedInput', () => 'a fix');
    findings.add('cachingCPULimit', 'InvalidField', () => 'a default');
    expect(findings.sorted().map(({ verdict, message }) => `${verdict}: ${message}`)).toEqual([
      'hold: a hold',
      'skip: the first entry',
      'skip: the second entry',
      'default: a default',
      'fix: a fix',
      'note: a note',
    ]);
  });

  it('count for one each', () => {
    const findings = new Findings();
    findings.add('images', 'InvalidImages', () => 'one entry');
    findings.add('images', 'InvalidImages', () => 'another entry');
    expect(findings.sorted().map(({ count }) => count)).toEqual([1, 1]);
  });

  it('beyond a hundred of a kind are counted, and their messages never built', () => {
    const findings = new Findings();
    let built = 0;
    for (let index = 0; index < 100_000; index += 1) {
      findings.add('images', 'InvalidImages', () => {
        built += 1;
        return `entry ${index}`;
      });
    }
    findings.add('imagePullSecrets', 'InvalidImagePullSecrets', () => 'another kind');
    const sorted = findings.sorted();
    expect(built).toBe(listedPerKind);
    expect(sorted).toHaveLength(listedPerKind + 2);
    expect(sorted.at(-1)).toEqual({
      verdict: 'skip',
      reason: 'InvalidImages',
      field: 'images',
      message: 'spec.images has 99,900 more like these.',
      count: 99_900,
    });
    const faults = sorted.filter(({ reason }) => reason === 'InvalidImages');
    expect(faults.reduce((sum, { count }) => sum + count, 0)).toBe(100_000);
  });
});
