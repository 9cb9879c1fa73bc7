// Why one library is loaded: what needs it, how the program leads to it, and why from that path.
import type { Tried } from "../../addon/facts.js";
import type { DependencyTree } from "../../judge/dependency_tree.js";
import { type Colors, inLines, line, type Shown } from "../shown.js";
import { plural } from "../text.js";
import { type TreeNode, treeGraph } from "./graph.js";
import { libraryText } from "./text.js";

export interface Why {
  soname: string;
  /** null if it was not found. */
  path: string | null;
  reason: string;
  tried: Tried[];
  /** One chain for each file that needs it: the shortest from the program to that file, as paths; shortest first. */
  chains: string[][];
}

/** `asked` is a name by which it is needed, its file's name, or its path; null if it is not loaded. */
export function whyLoaded(tree: DependencyTree, asked: string): Why | null {
  const nodes = treeGraph(tree);
  const node = find(nodes, tree, asked);
  if (node?.library == null) return null;
  const { soname, path, reason, tried } = node.library;
  const chains = chainsTo(node, nodes).map((chain) => chain.map((each) => each.path ?? each.name));
  return { soname, path, reason, tried, chains };
}

function find(
  nodes: readonly TreeNode[],
  { libraries }: DependencyTree,
  asked: string,
): TreeNode | null {
  const named = libraries.find(({ soname }) => soname === asked);
  const libraryNodes = nodes.slice(1);
  return (
    libraryNodes.find(({ name, path }) =>
      named === undefined ? false : path === null ? name === asked : path === named.path,
    ) ??
    libraryNodes.find(
      ({ path }) => path !== null && (path === asked || path.endsWith(`/${asked}`)),
    ) ??
    null
  );
}

function chainsTo(target: TreeNode, nodes: readonly TreeNode[]): TreeNode[][] {
  const [program] = nodes as readonly [TreeNode];
  const from = new Map<TreeNode, TreeNode | null>([[program, null]]);
  const order = [program];
  for (const node of order) {
    for (const child of node.children) {
      if (from.has(child)) continue;
      from.set(child, node);
      order.push(child);
    }
  }
  const way = (node: TreeNode): TreeNode[] => {
    const before: TreeNode[] = [];
    for (let at: TreeNode | null = node; at !== null; at = from.get(at) ?? null) before.push(at);
    return before.reverse();
  };
  return order
    .filter((node) => node.children.includes(target) && node !== target)
    .map((node) => [...way(node), target])
    .filter((chain) => chain.indexOf(target) === chain.length - 1);
}

const mostChains = 20;

export function whyText(tree: DependencyTree, asked: string, colors: Colors): Shown {
  const nodes = treeGraph(tree);
  const node = find(nodes, tree, asked);
  if (node?.library == null) return line`${asked} is not among what it loads`;
  const lines = [libraryText(node, colors)];
  for (const { path, why } of node.library.tried)
    lines.push(line`  ${colors.dim(`before that, ${path}: ${why}`)}`);
  const chains = chainsTo(node, nodes);
  for (const chain of chains.slice(0, mostChains)) {
    lines.push(colors.bold(tree.path));
    for (const [depth, each] of chain.slice(1).entries())
      lines.push(line`${"   ".repeat(depth)}└─ ${libraryText(each, colors)}`);
  }
  const more = chains.length - mostChains;
  if (more > 0) lines.push(line`and ${plural(more, "more file needs", "more files need")} it`);
  return inLines(lines);
}
