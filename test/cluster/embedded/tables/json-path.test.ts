import { firstAt, parseJsonPath } from './json-path.ts';

const object = {
  spec: { list: [{ name: 'a' }, { name: 'b', value: 2 }], 'dotted.key': 'd' },
  conditions: [
    { type: 'Ready', status: 'True' },
    { type: 'Done', status: 'False' },
  ],
};

describe('a JSONPath', () => {
  it.each([
    ['.spec.list[1].value', 2],
    ['.spec.list[*].name', 'a'],
    ['.spec.list[9].name', undefined],
    [String.raw`.spec.dotted\.key`, 'd'],
    [".spec['dotted.key']", 'd'],
    ['.conditions[?(@.type=="Done")].status', 'False'],
    [".conditions[?(@.type == 'Ready')].status", 'True'],
    ['.conditions[?(@.type=="None")].status', undefined],
    ['.spec.list.name', undefined],
  ])('of %s leads to %p', (path, value) => {
    expect(firstAt(object, parseJsonPath(path))).toEqual(value);
  });

  it.each(['spec', '.a..b', '.a[?(@.b>1)]'])('is not simple as %s', (path) => {
    expect(() => parseJsonPath(path)).toThrow(SyntaxError);
  });
});
