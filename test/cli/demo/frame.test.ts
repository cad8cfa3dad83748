import { conditionsLine } from '../../../src/cli/conditions-line.ts';
import { conditionLines, gridTable, legend, progressLine } from '../../../src/cli/demo/frame.ts';
import { plainStyle, type Style } from '../../../src/cli/style.ts';
import { aGrid, pulling, ready } from './scenes.ts';

/** A style that shows which role a text has. */
const tagged: Style = { ...plainStyle, paint: (role, text) => `<${role}>${text}</>` };

function table(drawn: Readonly<Record<string, string>>, width = 60, height?: number): string {
  const extent = height === undefined ? { width } : { width, height };
  return gridTable(aGrid(drawn), extent, plainStyle);
}

describe('the table of images and nodes', () => {
  it('has a line for each image and a sign for each node', () => {
    expect(table({ java: '##o', 'universal-developer': 'o.x' })).toBe(
      ['java                 # # o  3/3', 'universal-developer  o . x  1/3'].join('\n'),
    );
  });

  it('leaves out the space between signs where nodes are many', () => {
    expect(table({ java: '#'.repeat(25) })).toBe(`java  ${'#'.repeat(25)}  25/25`);
  });

  it('draws signs in proportion where nodes are too many for the width', () => {
    const half = `${'#'.repeat(50)}${'.'.repeat(50)}`;
    expect(table({ java: half }, 30)).toBe('java  #####.....  50/100');
  });

  it('shows a single failure and a single gap however many nodes there are', () => {
    const nearly = `${'#'.repeat(197)}x.#`;
    expect(table({ java: nearly }, 30)).toBe('java  x########.  198/200');
  });

  it('cuts names that are too long', () => {
    expect(table({ 'a-name-that-goes-on-and-on': '#' }, 20)).toBe('a-name-that~  #  1/1');
  });

  it('cuts names in the middle where they differ only at the end', () => {
    const lines = table({ 'stack-of-java-11': '#', 'stack-of-java-17': '#' }, 20);
    expect(lines).toBe(['stack-~va-11  #  1/1', 'stack-~va-17  #  1/1'].join('\n'));
  });

  it('sums up what is complete where there are more images than lines', () => {
    const drawn = { one: '##', two: '#o', three: 'o.', four: '..', five: 'x.' };
    expect(table(drawn, 60, 4)).toBe(
      [
        'three  o .  1/2',
        'four   . .  0/2',
        'five   x .  0/2',
        'and 2 more images, on every node',
      ].join('\n'),
    );
  });

  it('says of the images it has no line for only what is so', () => {
    expect(table({ one: '..', two: '..' }, 60, 1)).toBe('and 2 more images');
  });

  it('escapes names that would move the cursor', () => {
    expect(table({ 'a\u001b[2Jb': '#' })).toBe('a\\u001b[2Jb  #  1/1');
  });

  it('paints signs by their state', () => {
    expect(gridTable(aGrid({ java: '#x' }), { width: 80 }, tagged)).toBe(
      'java  <good>#</> <bad>x</>  1/2',
    );
  });
});

describe('the lines around the table', () => {
  it('explain the signs, in words as long as the width allows', () => {
    expect(legend({ width: 80 }, plainStyle)).toBe(
      '. missing  o pulled to the disk  # held by a running container  x failing',
    );
    expect(legend({ width: 40 }, plainStyle)).toBe('. missing  o pulled  # held  x failing');
  });

  it('show conditions under each other, cut to the width', () => {
    expect(conditionLines(pulling, { width: 50 }, plainStyle)).toBe(
      [
        'Ready        False  ImagesPulling      ImagesPull~',
        'Progressing  True   ImagesPulling      ImagesPull~',
        'Degraded     False  ReconcileComplete  ReconcileC~',
      ].join('\n'),
    );
  });

  it('paint a condition by whether it is good news', () => {
    const roles = (conditions: typeof pulling) =>
      [...conditionLines(conditions, { width: 80 }, tagged).matchAll(/^<(\w+)>/gm)].map(
        ([, role]) => role,
      );
    expect(roles(pulling)).toEqual(['waiting', 'waiting', 'quiet']);
    expect(roles(ready)).toEqual(['good', 'quiet', 'quiet']);
    const degraded = pulling.map((each) => ({ ...each, status: 'True' as const }));
    expect(roles(degraded)).toEqual(['good', 'waiting', 'bad']);
  });

  it('say that there are no conditions yet', () => {
    expect(conditionLines([], { width: 80 }, plainStyle)).toBe('the operator has not spoken yet');
  });

  it('tell the progress in one line', () => {
    expect(progressLine(aGrid({ java: '#o.', tools: '#..' }))).toBe(
      '[##########..........] 3 of 6 copies, 1 of 3 nodes complete',
    );
    expect(progressLine(aGrid({ java: '#x' }))).toBe(
      '[##########..........] 1 of 2 copies, 1 failing, 1 of 2 nodes complete',
    );
    expect(progressLine(aGrid({}))).toBe('there is nothing to pull');
  });

  it('tell the conditions in one line', () => {
    expect(conditionsLine(ready)).toBe(
      'Ready True AllResourcesReady; Progressing False ReconcileComplete; Degraded False ReconcileComplete',
    );
  });
});
