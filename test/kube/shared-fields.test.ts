import type { FieldTree, KubeObject } from '../../src/kube/objects.ts';
import { sharingFieldTrees } from '../../src/kube/shared-fields.ts';

const owning = (name: string, ...trees: readonly FieldTree[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name,
    managedFields: trees.map((fieldsV1, at) => ({ manager: `m-${at}`, fieldsV1 })),
  },
  data: { key: name },
});
const tree = (field: string): FieldTree => ({ 'f:data': { '.': {}, [`f:${field}`]: {} } });
const treeOf = ({ metadata }: KubeObject) => metadata.managedFields?.[0]?.fieldsV1;

describe('objects that share their trees of owned fields', () => {
  it('say all that they said before', () => {
    const project = sharingFieldTrees();
    const objects = [owning('a', tree('x'), tree('y')), owning('b', tree('x')), owning('c')];
    expect(objects.map(project)).toEqual(objects);
    const { managedFields: _, ...metadata } = owning('d').metadata;
    const bare = { ...owning('d'), metadata };
    expect(project(bare)).toBe(bare);
  });

  it('hold one tree where they are owned alike, and another where they are not', () => {
    const project = sharingFieldTrees();
    const one = project(owning('a', tree('x')));
    expect(treeOf(project(owning('b', tree('x'))))).toBe(treeOf(one));
    expect(treeOf(project(owning('c', tree('y'))))).not.toBe(treeOf(one));
  });

  it('cannot change the tree of another', () => {
    const project = sharingFieldTrees();
    const shared = treeOf(project(owning('a', tree('x')))) as Record<string, object>;
    expect(() => {
      shared['f:more'] = {};
    }).toThrow(TypeError);
    expect(Object.isFrozen(shared['f:data'])).toBe(true);
  });

  it('keep no more trees for that than they may', () => {
    const project = sharingFieldTrees(2);
    const first = treeOf(project(owning('a', tree('x'))));
    for (const field of ['y', 'z']) project(owning('a', tree(field)));
    const again = treeOf(project(owning('a', tree('x'))));
    expect(again).toEqual(first);
    expect(again).not.toBe(first);
  });
});
