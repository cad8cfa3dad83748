import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { type Look, viewOn, widthOf } from '../../../src/cli/demo/view.ts';
import type { Output } from '../../../src/cli/output.ts';
import { plainStyle, styleOf } from '../../../src/cli/style.ts';
import { aCondition, aGrid, aLook, ready } from './scenes.ts';

function anOutput(size: { isTTY?: boolean; columns?: number; rows?: number } = {}) {
  const stream = new PassThrough();
  const output: Output = Object.assign(stream, size);
  return { output, written: () => String(stream.read() ?? '') };
}

/** What a stream that is no terminal gets for these looks. */
function lines(...looks: readonly Partial<Look>[]): readonly string[] {
  const { output, written } = anOutput();
  const view = viewOn(output, plainStyle);
  for (const look of looks) view.show(aLook(look));
  return written().trimEnd().split('\n');
}

const held: Partial<Look> = {
  heldFor: 'TooManyImages',
  grid: aGrid({}),
  conditions: [aCondition('Ready', 'False', 'TooManyImages')],
};

describe('the view without a terminal', () => {
  const half = aGrid({ java: '##', tools: '..' });
  const full = aGrid({ java: '##', tools: '##' });

  it('writes a line for what is new', () => {
    expect(lines({}, { elapsedMs: 3000, grid: full, conditions: ready })).toEqual([
      '  1 s  [##########..........] 2 of 4 copies, 0 of 2 nodes complete',
      '  1 s  Ready False ImagesPulling; Progressing True ImagesPulling; Degraded False ReconcileComplete',
      '  3 s  [####################] 4 of 4 copies, 2 of 2 nodes complete',
      '  3 s  Ready True AllResourcesReady; Progressing False ReconcileComplete; Degraded False ReconcileComplete',
    ]);
  });

  it('says nothing twice', () => {
    expect(lines({}, { elapsedMs: 3000 }, { elapsedMs: 9000 })).toHaveLength(2);
  });

  it('tells counts that move once a second', () => {
    const told = lines(
      { elapsedMs: 0 },
      { elapsedMs: 900, grid: aGrid({ java: '##', tools: 'x.' }) },
      { elapsedMs: 1000, grid: full },
    );
    expect(told.map((line) => line.slice(0, 8))).toEqual(['  0 s  [', '  0 s  R', '  1 s  [']);
  });

  it('waits for the operator to speak', () => {
    const { output, written } = anOutput();
    viewOn(output, plainStyle).show(aLook({ conditions: [] }));
    expect(written()).toBe('');
  });

  it('says that it still waits for that', () => {
    expect(lines({ conditions: [], elapsedMs: 6000, stillMs: 5000 })).toEqual([
      '  6 s  the operator has not spoken yet',
    ]);
  });

  it('says once that nothing moves any more', () => {
    const still = [4900, 5000, 9000].map((stillMs) => ({ grid: half, stillMs }));
    expect(lines(...still).filter((line) => line.endsWith('nothing moves any more'))).toHaveLength(
      1,
    );
  });

  it('shows of a spec that is held why, and no table', () => {
    const { output, written } = anOutput();
    const view = viewOn(output, plainStyle);
    view.show(aLook({ ...held, elapsedMs: 1000 }));
    view.close();
    expect(written()).toBe(
      [
        '  1 s  the spec is held for TooManyImages',
        '  1 s  Ready False TooManyImages',
        '',
        '',
      ].join('\n'),
    );
  });

  it('closes with the table', () => {
    const { output, written } = anOutput();
    const view = viewOn(output, plainStyle);
    view.show(aLook({ conditions: [] }));
    written();
    view.close();
    expect(written()).toBe(
      [
        '',
        'java   # o  2/2',
        'tools  . .  0/2',
        '. missing  o pulled to the disk  # held by a running container  x failing',
        '',
        '',
      ].join('\n'),
    );
  });
});

describe('the view on a terminal', () => {
  it('draws the table and the conditions, and leaves the table', () => {
    const { output, written } = anOutput({ isTTY: true, columns: 60, rows: 24 });
    const view = viewOn(output, plainStyle);
    view.show(aLook({ elapsedMs: 16_000, stillMs: 12_000 }));
    expect(stripVTControlCharacters(written())).toBe(
      [
        ' 16 s, still for 12 s  [##########..........] 2 of 4 copies~',
        'java   # o  2/2',
        'tools  . .  0/2',
        '. missing  o pulled  # held  x failing',
        'Ready        False  ImagesPulling      ImagesPulling in wor~',
        'Progressing  True   ImagesPulling      ImagesPulling in wor~',
        'Degraded     False  ReconcileComplete  ReconcileComplete in~',
        '',
      ].join('\n'),
    );
    view.close();
    const left = stripVTControlCharacters(written());
    expect(left).toContain('java   # o  2/2');
    expect(left).not.toContain('Ready');
  });

  it('draws no table for a spec that is held', () => {
    const { output, written } = anOutput({ isTTY: true, columns: 60, rows: 24 });
    viewOn(output, plainStyle).show(aLook({ ...held, elapsedMs: 1000 }));
    expect(stripVTControlCharacters(written())).toBe(
      [
        '  1 s  the spec is held for TooManyImages',
        'Ready  False  TooManyImages  TooManyImages in words',
        '',
      ].join('\n'),
    );
  });

  it('never draws more lines than the terminal has', () => {
    const { output, written } = anOutput({ isTTY: true, columns: 80, rows: 12 });
    const drawn = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`i${index}`, '..']));
    viewOn(output, plainStyle).show(aLook({ grid: aGrid(drawn) }));
    const frame = stripVTControlCharacters(written());
    expect(frame.split('\n')).toHaveLength(12);
    expect(frame).toContain('and 35 more images');
  });

  it('bounds the width of text', () => {
    expect(widthOf(anOutput({ isTTY: true, columns: 300 }).output)).toBe(140);
    expect(widthOf(anOutput({ isTTY: true, columns: 80 }).output)).toBe(80);
    expect(widthOf(anOutput().output)).toBe(100);
  });
});

describe('the style', () => {
  const { output } = anOutput();

  it('goes beyond ASCII only in a locale of UTF-8', () => {
    expect(styleOf(output, { LANG: 'en_US.UTF-8' }).signs.held).toBe('●');
    expect(styleOf(output, { LANG: 'en_US.UTF-8', LC_ALL: 'C' }).signs.held).toBe('#');
    expect(styleOf(output, {}).ellipsis).toBe('~');
  });

  it('has no colours where there is no terminal', () => {
    expect(styleOf(output, {}).paint('bad', 'text')).toBe('text');
  });
});
