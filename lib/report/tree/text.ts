// Which files the loader would open, for people: an indented tree with the reason for each line.
//
// Each library is drawn where the loader opens it, because that is where its reason makes sense. Where others need it
// too, only its name is given, with all such names in one line: most files need libc.
import type { DependencyTree } from "../../judge/dependency_tree.js";
import { adviceFor } from "../../store/nixpkgs/packages.js";
import { type Colors, inLines, joined, line, type Shown } from "../shown.js";
import { type TreeNode, treeGraph } from "./graph.js";

export interface TreeTextOptions {
  /** Draw everything below a library wherever it is needed, each time. */
  unfolded?: boolean;
}

/** Limits for files made to exceed them: `unfolded` grows exponentially. */
const deepest = 200;
const mostLines = 100_000;

export function treeText(
  tree: DependencyTree,
  colors: Colors,
  { unfolded = false }: TreeTextOptions = {},
): Shown {
  const lines = [colors.bold(tree.path), ...interpreterLines(tree, colors)];
  const [program] = treeGraph(tree) as [TreeNode];
  const drawing = new Drawing(colors, unfolded);
  drawing.below(program, "  ", 1);
  lines.push(...drawing.lines);
  for (const { version, providerPath, neededBy, weak } of tree.versionProblems) {
    const what = `${version} is not defined by ${providerPath}, needed by ${neededBy}`;
    lines.push(line`  ${weak ? colors.yellow("weak") : colors.red("missing")}  ${what}`);
  }
  for (const { message, need } of tree.problems)
    if (need === null) lines.push(line`  ${colors.red("wrong")}  ${message}`);
  return inLines(lines);
}

function interpreterLines({ interpreter }: DependencyTree, colors: Colors): Shown[] {
  const { path, found, reason } = interpreter;
  if (path === null) return [];
  const state = found ? "" : line`  ${colors.red("not found")}`;
  return [line`  interpreter ${path}${state}  ${colors.dim(reason)}`];
}

class Drawing {
  readonly lines: Shown[] = [];
  readonly #colors: Colors;
  readonly #unfolded: boolean;
  readonly #drawn = new Set<TreeNode>();
  readonly #above: TreeNode[] = [];

  constructor(colors: Colors, unfolded: boolean) {
    this.#colors = colors;
    this.#unfolded = unfolded;
  }

  below(node: TreeNode, indent: string, depth: number): void {
    this.#drawn.add(node);
    const whole = node.children.filter((child) => this.#unfolded || this.#isDrawnHere(child, node));
    const folded = node.children.filter((child) => !whole.includes(child));
    if (depth > deepest) {
      if (whole.length > 0) this.#add(line`${indent}└─ … deeper than ${deepest} libraries`);
      return;
    }
    this.#above.push(node);
    whole.forEach((child, at) => {
      const isLast = at === whole.length - 1 && folded.length === 0;
      const further = indent + (isLast ? "   " : "│  ");
      const isCycle = this.#above.includes(child);
      const again = isCycle ? line`  ${this.#colors.dim("(needs one another)")}` : "";
      this.#add(
        line`${indent}${isLast ? "└─ " : "├─ "}${libraryText(child, this.#colors)}${again}`,
      );
      if (isCycle) return;
      this.#triedLines(child, further);
      if (this.lines.length < mostLines) this.below(child, further, depth + 1);
    });
    this.#above.pop();
    if (folded.length > 0) this.#add(line`${indent}└─ ${this.#foldedText(folded)}`);
  }

  #isDrawnHere(child: TreeNode, parent: TreeNode): boolean {
    return child.opener === parent && !this.#drawn.has(child);
  }

  #triedLines({ path, library }: TreeNode, indent: string): void {
    if (path !== null) return;
    const advice = adviceFor(library?.soname ?? "", library?.packages ?? []);
    if (advice !== null) this.#add(line`${indent}   ${advice}`);
    for (const { path: tried, why } of library?.tried ?? [])
      this.#add(line`${indent}   ${this.#colors.dim(`${tried}: ${why}`)}`);
  }

  /** "also libc.so.6, libm.so.6 (shown above)" */
  #foldedText(folded: readonly TreeNode[]): Shown {
    const parts = [
      { nodes: folded.filter((node) => this.#drawn.has(node)), where: "shown above" },
      { nodes: folded.filter((node) => !this.#drawn.has(node)), where: "shown below" },
    ];
    const texts = parts.flatMap(({ nodes, where }) => {
      const names = nodes.map(({ name, path, library }) => {
        const isMissing = path === null && library?.optional === false;
        return isMissing ? this.#colors.red(name) : line`${name}`;
      });
      return names.length === 0
        ? []
        : [line`${joined(names, ", ")} ${this.#colors.dim(`(${where})`)}`];
    });
    return line`also ${joined(texts, "; ")}`;
  }

  #add(added: Shown): void {
    if (this.lines.length === mostLines) this.lines.push(line`… more than ${mostLines} lines`);
    else if (this.lines.length < mostLines) this.lines.push(added);
  }
}

/** One library: its name, its path or that it is missing, and why. */
export function libraryText({ name, path, library }: TreeNode, colors: Colors): Shown {
  const reason = library === null ? "" : line`  ${colors.dim(library.reason)}`;
  if (path !== null) return line`${name} → ${path}${reason}`;
  const state = library?.optional ? colors.yellow("not found (optional)") : colors.red("not found");
  return line`${name}  ${state}${reason}`;
}
