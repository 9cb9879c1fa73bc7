// What is reached only through one thing: without a reference to that, it can all be removed too.

/**
 * For each node that can be reached from `root`, the last node that all ways to it have in common; null for the root.
 * Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm": the graph may have cycles (a store path refers to
 * itself).
 */
export function immediateDominators(
  root: string,
  successors: (node: string) => readonly string[],
): Map<string, string | null> {
  const order = reversePostorder(root, successors);
  const position = new Map(order.map((node, index) => [node, index]));
  const predecessors = order.map((): number[] => []);
  for (const [index, node] of order.entries()) {
    for (const next of successors(node)) predecessors[position.get(next) as number]?.push(index);
  }
  const dominator = new Int32Array(order.length).fill(-1);
  dominator[0] = 0;
  const common = (one: number, other: number): number => {
    let [a, b] = [one, other];
    while (a !== b) {
      if (a > b) a = dominator[a] as number;
      else b = dominator[b] as number;
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = 1; index < order.length; ++index) {
      let found = -1;
      for (const before of predecessors[index] as number[]) {
        if (dominator[before] === -1) continue;
        found = found === -1 ? before : common(before, found);
      }
      if (dominator[index] !== found) {
        dominator[index] = found;
        changed = true;
      }
    }
  }
  return new Map(
    order.map((node, index) => [
      node,
      index === 0 ? null : (order[dominator[index] as number] as string),
    ]),
  );
}

/** Without recursion: a chain of references can be longer than the stack is deep. */
function reversePostorder(root: string, successors: (node: string) => readonly string[]): string[] {
  const order: string[] = [];
  const seen = new Set([root]);
  const path = [{ node: root, next: successors(root).values() }];
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const { value, done } = top.next.next();
    if (done) {
      order.push(top.node);
      path.pop();
    } else if (!seen.has(value)) {
      seen.add(value);
      path.push({ node: value, next: successors(value).values() });
    }
  }
  return order.reverse();
}
