/**
 * The shortest list that still fails, found by leaving out one after another until none can be spared.
 */
export async function shrunk<Item>(
  items: readonly Item[],
  fails: (items: readonly Item[]) => Promise<boolean>,
): Promise<readonly Item[]> {
  for (const left of items) {
    const rest = items.filter((item) => item !== left);
    if (await fails(rest)) return shrunk(rest, fails);
  }
  return items;
}
