import { parseSpec } from '../../../src/api/parse.ts';
import type { Ending } from '../../../src/cli/demo/follow.ts';
import { closing, kept, opening } from '../../../src/cli/demo/spoken.ts';
import { aPuller } from '../../pullers.ts';
import { aGrid, aLook } from './scenes.ts';

const options = {
  nodes: 1,
  keep: false,
  puller: aPuller({ images: 'one=a/b:1;two=a/b:1;three=a/c:1' }),
};

describe('what the demo says', () => {
  it('first is what there is to see', () => {
    expect(opening(options, parseSpec(options.puller.spec, { maxImages: 500 }))).toBe(
      [
        'cluster   1 node, inside this process',
        'operator  a process of its own, over HTTP, with the rights of config/rbac',
        'puller    workspaces/puller: 2 images under 3 names',
        '',
        '',
      ].join('\n'),
    );
  });

  it('first is nothing of images where the spec is held', () => {
    const puller = aPuller({ nodeSelector: '{' });
    expect(
      opening({ nodes: 1, keep: false, puller }, parseSpec(puller.spec, { maxImages: 500 })),
    ).toContain('\npuller    workspaces/puller: a spec that cannot be followed\n');
  });

  function said(ending: Ending, ended = 'ended with exit code 1'): string {
    return closing({
      ending,
      options,
      last: aLook({
        elapsedMs: 13_900,
        grid: aGrid({ java: '#o', tools: '.x' }),
        heldFor: 'InvalidNodeSelector',
      }),
      patience: { quietMs: 30_000, silentMs: 120_000 },
      operator: {
        ended,
        lines: Array.from({ length: 30 }, (_, index) => `line ${index}`),
      },
    });
  }

  it('last is how long it took, and how to go on', () => {
    expect(said('ready')).toMatch(/^workspaces\/puller is Ready after 13 seconds\.\n/);
    expect(said('ready')).toContain('kubectl apply -k config/default');
  });

  it('last is how far it came', () => {
    expect(said('stuck')).toBe(
      'workspaces/puller is not Ready, and nothing has moved for 30 seconds.\n2 of 4 copies are on the nodes.\n',
    );
  });

  it('last is that the spec is held, and why', () => {
    expect(said('held')).toBe(
      'workspaces/puller is not Ready: its spec is held for InvalidNodeSelector, and nothing is applied until that is corrected.\n',
    );
  });

  it('last is how an operator ended, and what it wrote', () => {
    const lines = said('operator-ended').trimEnd().split('\n');
    expect(lines[0]).toBe('The operator ended with exit code 1. Its last lines:');
    expect(lines.slice(1)).toHaveLength(10);
    expect(lines.at(-1)).toBe('  line 29');
    expect(said('operator-ended', 'was ended by SIGKILL')).toMatch(
      /^The operator was ended by SIGKILL\. Its last lines:\n/,
    );
  });

  it('is, of a cluster that stays, how to look at it and how to end it', () => {
    expect(kept('/tmp/k').split('\n').slice(2, -1)).toEqual([
      '  kubectl --kubeconfig /tmp/k get kip -A',
      'Ctrl-C ends them.',
    ]);
  });
});
