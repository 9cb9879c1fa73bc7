// What Map.groupBy does, which Node has had since 21.

/** Groups items with the same key: the groups in the order of their first items, the items in their own order. */
export function groupedBy<Item>(items: Iterable<Item>, keyOf: (item: Item) => unknown): Item[][] {
  const groups = new Map<unknown, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
