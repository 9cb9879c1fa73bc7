// The tree as a flowchart for Mermaid, which GitHub and others render in Markdown.
import type { DependencyTree } from "../../judge/dependency_tree.js";
import { printable } from "../text.js";
import { treeGraph } from "./graph.js";

export function treeMermaid(tree: DependencyTree): string {
  const nodes = treeGraph(tree);
  const missing = nodes.filter(({ path }) => path === null);
  return [
    "flowchart LR",
    ...nodes.map(({ id, name, path }) => {
      const lines = path === null ? [name, "not found"] : path === name ? [name] : [name, path];
      return `  n${id}["${lines.map(escaped).join("<br/>")}"]`;
    }),
    ...nodes.flatMap(({ id, children }) => children.map((child) => `  n${id} --> n${child.id}`)),
    ...(missing.length === 0
      ? []
      : [
          "  classDef missing stroke:#c00,stroke-dasharray:4",
          `  class ${missing.map(({ id }) => `n${id}`).join(",")} missing`,
        ]),
  ].join("\n");
}

/** Characters special to Mermaid, to Markdown inside it or to HTML become entities: #35; for #. */
function escaped(text: string): string {
  return printable(text).replace(
    /[^\p{L}\p{N} _./:+@$,(){}-]/gu,
    (character) => `#${character.codePointAt(0)};`,
  );
}
