// A resolution as a graph: the program, and each file or missing name once, however often it is needed. All formats are
// drawn from it.
import type { ResolvedLibrary } from "../../addon/facts.js";
import type { DependencyTree } from "../../judge/dependency_tree.js";
import type { NixpkgsPackage } from "../../store/nixpkgs/packages.js";

/** A library, and if it is not found, the nixpkgs packages that have it, the best first. */
export interface TreeLibrary extends ResolvedLibrary {
  packages?: readonly NixpkgsPackage[];
}

export interface TreeNode {
  /** Counted from 0, which is the program. */
  id: number;
  /** Its name: the one by which it was first needed, or the program's path. */
  name: string;
  /** null for a library that was not found. */
  path: string | null;
  /** How it was found, or not; null for the program. */
  library: TreeLibrary | null;
  /** In the order in which they are needed. */
  children: TreeNode[];
  /** The node for which the loader opens it; null for the program. */
  opener: TreeNode | null;
}

/** The nodes in load order; the first is the program. */
export function treeGraph({ path, libraries, needs }: DependencyTree): TreeNode[] {
  const program: TreeNode = {
    id: 0,
    name: path,
    path,
    library: null,
    children: [],
    opener: null,
  };
  const nodes = [program];
  const byPath = new Map([[path, program]]);
  const byName = new Map<string, TreeNode>();
  for (const library of libraries) {
    let node = library.path === null ? undefined : byPath.get(library.path);
    if (node === undefined) {
      const { soname: name, path: found } = library;
      node = { id: nodes.length, name, path: found, library, children: [], opener: null };
      nodes.push(node);
      if (found !== null) byPath.set(found, node);
    }
    byName.set(library.soname, node);
  }
  for (const { path: needing, needed } of needs) {
    const node = byPath.get(needing);
    if (node === undefined) continue;
    const children = needed.flatMap((name) => byName.get(name) ?? []);
    node.children.push(...new Set(children));
  }
  for (const node of nodes.slice(1)) {
    // What no file needs by name (a preloaded library) hangs from the file that brought it in.
    const opener = byPath.get(node.library?.neededBy ?? "") ?? program;
    node.opener = opener;
    if (!opener.children.includes(node)) opener.children.push(node);
  }
  return nodes;
}
