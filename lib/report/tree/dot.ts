// The tree as a graph for Graphviz: `fixelf tree --dot FILE | dot -Tsvg`.
import type { DependencyTree } from "../../judge/dependency_tree.js";
import { printable } from "../text.js";
import { type TreeNode, treeGraph } from "./graph.js";

export function treeDot(tree: DependencyTree): string {
  const nodes = treeGraph(tree);
  return [
    "digraph {",
    "  rankdir=LR;",
    '  node [shape=box, fontname="monospace"];',
    ...nodes.map((node) => `  n${node.id} [${attributes(node)}];`),
    ...nodes.flatMap(({ id, children }) => children.map((child) => `  n${id} -> n${child.id};`)),
    "}",
  ].join("\n");
}

function attributes({ name, path, library }: TreeNode): string {
  const lines = path === null ? [name, "not found"] : path === name ? [name] : [name, path];
  const given = [`label=${quoted(lines.join("\n"))}`];
  if (library !== null) given.push(`tooltip=${quoted(library.reason)}`);
  if (path === null) given.push(`color=${library?.optional ? "orange" : "red"}`, "style=dashed");
  return given.join(", ");
}

/**
 * A DOT string (graphviz.org/doc/info/lang.html): the language only escapes the quote, but labels have escapes of their
 * own, so backslashes have to be doubled.
 */
function quoted(text: string): string {
  const lines = text.split("\n").map((line) => printable(line).replace(/["\\]/g, "\\$&"));
  return `"${lines.join("\\n")}"`;
}
