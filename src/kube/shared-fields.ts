import type { FieldTree, KubeObject } from './objects.ts';

/** Trees that are kept to be shared; where there are more, sharing begins anew. */
const defaultCapacity = 256;

/**
 * Projects objects for a reflector so that those whose managers own the same fields hold one tree of
 * them: the trees of what one operator applies hardly differ, and take more memory than all the rest.
 * Nothing is lost. Shared trees are frozen.
 */
export function sharingFieldTrees(capacity = defaultCapacity): (object: KubeObject) => KubeObject {
  const trees = new Map<string, FieldTree>();
  const shared = (tree: FieldTree): FieldTree => {
    const key = JSON.stringify(tree);
    const known = trees.get(key);
    if (known !== undefined) return known;
    if (trees.size === capacity) trees.clear();
    trees.set(key, frozen(tree));
    return tree;
  };
  return (object) => {
    const { managedFields } = object.metadata;
    if (managedFields === undefined) return object;
    const sharing = managedFields.map((entry) =>
      entry.fieldsV1 === undefined ? entry : { ...entry, fieldsV1: shared(entry.fieldsV1) },
    );
    return { ...object, metadata: { ...object.metadata, managedFields: sharing } };
  };
}

function frozen(tree: FieldTree): FieldTree {
  for (const inner of Object.values(tree)) frozen(inner);
  return Object.freeze(tree);
}
