// What Map.groupBy does, which Node has since 21.

/** Items of one key together: the groups in the order of the first of each, the items in theirs. */
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
