import type { FieldTree } from '../../../src/kube/objects.ts';

/**
 * A set of field paths: the `fieldsV1` of managed fields as a tree. Path elements are spelled as on
 * the wire: `f:<field>`, `k:{<keys>}`, `v:<value>`. The operations are those of
 * sigs.k8s.io/structured-merge-diff: fieldpath/set.go.
 */
export interface FieldSet {
  /** The path up to here is in the set itself. */
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

export const emptySet: FieldSet = { member: false, children: new Map() };

export function isEmptySet(set: FieldSet): boolean {
  return !set.member && [...set.children.values()].every(isEmptySet);
}

/** Claims that two sets hold the same paths. */
export function isSameSet(left: FieldSet, right: FieldSet): boolean {
  if (left === right) return true;
  if (left.member !== right.member || left.children.size !== right.children.size) return false;
  return [...left.children].every(([element, child]) => {
    const other = right.children.get(element);
    return other !== undefined && isSameSet(child, other);
  });
}

/** Collects paths. */
export class FieldSetBuilder {
  #member = false;
  readonly #children = new Map<string, FieldSetBuilder>();

  /** The whole object is nobody's: an empty path is ignored. */
  insert(path: readonly string[]): void {
    let node: FieldSetBuilder = this;
    for (const element of path) node = node.#child(element);
    node.#member = path.length > 0;
  }

  build(): FieldSet {
    const children = [...this.#children].map(
      ([element, child]) => [element, child.build()] as const,
    );
    return { member: this.#member, children: new Map(children) };
  }

  #child(element: string): FieldSetBuilder {
    const child = this.#children.get(element) ?? new FieldSetBuilder();
    this.#children.set(element, child);
    return child;
  }
}

/** The set of single paths, each given as its elements. */
export function setOf(...paths: readonly (readonly string[])[]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.insert(path);
  return builder.build();
}

/** Each write starts from all that is owned of an object, and changes little of it. */
const known = new WeakMap<FieldTree, FieldSet>();

/** The set of a tree; neither is ever changed. */
export function fromFieldsV1(tree: FieldTree): FieldSet {
  const set = known.get(tree) ?? { member: false, children: childrenOf(tree) };
  known.set(tree, set);
  return set;
}

function childrenOf(tree: FieldTree): ReadonlyMap<string, FieldSet> {
  const elements = Object.entries(tree).filter(([element]) => element !== '.');
  return new Map(
    elements.map(([element, below]) => [
      element,
      { member: isLeaf(below) || '.' in below, children: childrenOf(below) },
    ]),
  );
}

const isLeaf = (tree: FieldTree) => Object.keys(tree).length === 0;

/** The wire format: sorted, without empty branches. */
export function toFieldsV1(set: FieldSet): FieldTree {
  const tree = treeOf(set);
  known.set(tree, set);
  return tree;
}

function treeOf({ children }: FieldSet): FieldTree {
  const tree: Record<string, FieldTree> = {};
  for (const element of [...children.keys()].sort()) {
    const child = children.get(element) ?? emptySet;
    const below = treeOf(child);
    if (isLeaf(below) && !child.member) continue;
    tree[element] = child.member && !isLeaf(below) ? { '.': {}, ...below } : below;
  }
  return tree;
}

export function union(left: FieldSet, right: FieldSet): FieldSet {
  const children = new Map(left.children);
  for (const [element, child] of right.children) {
    const other = children.get(element);
    children.set(element, other === undefined ? child : union(other, child));
  }
  return { member: left.member || right.member, children };
}

export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, left.member && right.member, (other, child) =>
    other === undefined ? emptySet : intersection(child, other),
  );
}

/** Paths of the left that are not paths of the right; what lies below a removed path stays. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, left.member && !right.member, (other, child) =>
    other === undefined ? child : difference(child, other),
  );
}

/** Paths of the left that are neither paths of the right nor below one. */
export function recursiveDifference(left: FieldSet, right: FieldSet): FieldSet {
  if (right.member) return emptySet;
  return combine(left, right, left.member, (other, child) =>
    other === undefined ? child : recursiveDifference(child, other),
  );
}

/** The left set itself where nothing of it changes. */
function combine(
  left: FieldSet,
  right: FieldSet,
  member: boolean,
  merge: (other: FieldSet | undefined, child: FieldSet) => FieldSet,
): FieldSet {
  const children = new Map<string, FieldSet>();
  let isSame = member === left.member;
  for (const [element, child] of left.children) {
    const merged = merge(right.children.get(element), child);
    isSame &&= merged === child;
    if (!isEmptySet(merged)) children.set(element, merged);
  }
  return isSame ? left : { member, children };
}

/** Each path of the set in the notation of messages, `.spec.containers[name="a"].image`, the short ones first. */
export function paths(set: FieldSet, prefix = ''): readonly string[] {
  const children = [...set.children].sort(([left], [right]) => (left < right ? -1 : 1));
  const members = children.filter(([, { member }]) => member);
  return [
    ...members.map(([element]) => `${prefix}${readable(element)}`),
    ...children.flatMap(([element, child]) => paths(child, `${prefix}${readable(element)}`)),
  ];
}

/** One path element in the notation of messages: `.image` or `[name="a"]`. */
export function readable(element: string): string {
  const content = element.slice(2);
  if (element.startsWith('f:')) return `.${content}`;
  if (element.startsWith('v:')) return `[=${content}]`;
  const keys = Object.entries(JSON.parse(content) as Record<string, unknown>);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}
