import { readFileSync } from 'node:fs';
import { reasons as findingReasons } from '../../src/api/reasons.ts';
import { conditionTypes, reasons } from '../../src/status/conditions.ts';

describe('docs/status.md', () => {
  const page = readFileSync(new URL('../../docs/status.md', import.meta.url), 'utf8');
  const [ofStates = '', ofTheSpec = ''] = page
    .slice(page.indexOf('## Reasons'))
    .split('### Reasons about the spec');

  /** What the first column of a table names. */
  const named = (text: string) =>
    [...text.matchAll(/^\| (`.*?`) \| /gm)]
      .flatMap(([, cell = '']) => [...cell.matchAll(/\w+/g)].flat())
      .toSorted();

  test('has every reason that a condition can have, and no other', () => {
    expect(named(ofStates)).toEqual(Object.values(reasons).toSorted());
  });

  test('has every reason that there can be about a spec, and no other', () => {
    expect(named(ofTheSpec)).toEqual(Object.keys(findingReasons).toSorted());
  });

  test.each(Object.values(conditionTypes))('explains the condition %s', (type) => {
    expect(page).toContain(`\n| \`${type}\` | `);
  });
});
