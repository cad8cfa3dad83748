import { UsageError } from '../../src/errors.ts';
import { optionsIn, usage } from './options.ts';
import { workloadNamed } from './workloads.ts';

describe('a command line of the simulation', () => {
  it('asks for everything where it says nothing', () => {
    expect(optionsIn([])).toEqual({
      kind: 'all',
      jobs: 2,
      isJson: false,
      selection: { only: [], workload: undefined, every: 1, from: 1, seeds: 40, stop: false },
    });
  });

  it('selects generators, a workload, a share and seeds', () => {
    const args = '--only G1,G7 --workload rename --every 4 --from 7 --seeds 0 --stop --part 1/2';
    expect(optionsIn(args.split(' '))).toEqual({
      kind: 'part',
      part: { index: 1, parts: 2 },
      selection: {
        only: ['G1', 'G7'],
        workload: workloadNamed('rename'),
        every: 4,
        from: 7,
        seeds: 0,
        stop: true,
      },
    });
  });

  it('names one plan, or one sequence', () => {
    const troubles = [
      { kind: 'stale', commitsAgo: 68 },
      { kind: 'drop', what: 'ADDED Pod/cache-*', nth: 1 },
    ];
    const plan = ['--workload', 'rename', '--from', '3', '--troubles', JSON.stringify(troubles)];
    const workload = workloadNamed('rename');
    expect(optionsIn(plan)).toEqual({ kind: 'plan', workload, seed: 3, troubles });
    const edits = [{ afterMs: 12, field: 'images', value: '' }];
    const sequence = ['--from', '3', '--edits', JSON.stringify(edits)];
    expect(optionsIn(sequence)).toEqual({ kind: 'sequence', seed: 3, edits });
  });

  it('asks for help', () => {
    expect(optionsIn(['--help'])).toEqual({ kind: 'help' });
  });

  it.each([
    ['--seeds many', '--seeds takes a whole number of at least 0, not "many"'],
    ['--seeds 1.5', '--seeds takes a whole number of at least 0, not "1.5"'],
    ['--from=-1', '--from takes a whole number of at least 0, not "-1"'],
    ['--every 0', '--every takes a whole number of at least 1, not "0"'],
    ['--jobs 0', '--jobs takes a whole number of at least 1, not "0"'],
    ['--only G1,G8', '--only takes some of G0, G1, G2, G3, G4, G5, GW, GP, G6, G7, not "G8"'],
    ['--only=', '--only takes some of G0, G1, G2, G3, G4, G5, GW, GP, G6, G7, not ""'],
    ['--only G6 --workload rename', 'G6 has edits of its own, and none of a --workload'],
    ['--workload renam', /^--workload takes one of create, .*, not "renam"/],
    ['--troubles []', '--troubles are those of a --workload'],
    ['--troubles [ --workload rename', '--troubles takes a list as it is printed with a failure'],
    [
      '--troubles [{"kind":"kil","what":"","nth":1}] --workload rename',
      '--troubles takes a list as it is printed with a failure',
    ],
    [
      '--edits [{"afterMs":1,"field":"image","value":""}]',
      '--edits takes a list as it is printed with a failure',
    ],
    ['--part 2/2', '--part takes a number below another one, as 0/2, not "2/2"'],
    ['--seed 1', "Unknown option '--seed'"],
    ['G1', "Unexpected argument 'G1'"],
  ])('that says %s is refused with a sentence and the usage', (line, sentence) => {
    const read = () => optionsIn(line.split(' '));
    expect(read).toThrow(UsageError);
    expect(read).toThrow(sentence);
    expect(read).toThrow(usage);
  });
});
