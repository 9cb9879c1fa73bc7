// fixelf tree: which files the loader would open.
import { type Command, Option } from "commander";
import type { DependencyTree } from "../inspect.js";
import { writeFully } from "../write_fully.js";
import { commonOptions, type SharedFlags, withShared } from "./options.js";
import { exitCodes, type Output, run } from "./run.js";

interface TreeFlags extends SharedFlags {
  all?: boolean;
  why?: string;
  dot?: boolean;
  mermaid?: boolean;
}

export function define(program: Command): void {
  withShared(
    program
      .command("tree")
      .description("show which files the loader would open for a program, and why")
      .argument("<file>", "a program or library")
      .option("--all", "show all below a library wherever it is needed, not only once")
      .option("--why <soname>", "show only why this library is loaded, and from there")
      .addOption(
        new Option("--dot", "print a graph for Graphviz").conflicts(["mermaid", "json", "why"]),
      )
      .addOption(
        new Option("--mermaid", "print a flowchart for Mermaid").conflicts(["json", "why"]),
      ),
    "fixelf tree ./python3.12 --why libcrypt.so.1",
  ).action((path: string, flags: TreeFlags) => run(flags, (output) => show(path, flags, output)));
}

async function show(path: string, flags: TreeFlags, { colors, print }: Output): Promise<number> {
  const [{ dependencyTree }, { isIncomplete }] = await Promise.all([
    import("../inspect.js"),
    import("../report/tree/graph.js"),
  ]);
  const tree = await dependencyTree(path, commonOptions(flags));
  const code = isIncomplete(tree) ? exitCodes.findings : exitCodes.good;
  if (flags.why !== undefined) return showWhy(tree, flags.why, colors, print);
  if (flags.dot) {
    const { treeDot } = await import("../report/tree/dot.js");
    writeFully(1, `${treeDot(tree)}\n`);
  } else if (flags.mermaid) {
    const { treeMermaid } = await import("../report/tree/mermaid.js");
    writeFully(1, `${treeMermaid(tree)}\n`);
  } else {
    const { treeText } = await import("../report/tree/text.js");
    print("tree", tree, () => treeText(tree, colors, { unfolded: flags.all ?? false }));
  }
  return code;
}

async function showWhy(
  tree: DependencyTree,
  asked: string,
  colors: Output["colors"],
  print: Output["print"],
): Promise<number> {
  const { whyLoaded, whyText } = await import("../report/tree/why.js");
  const why = whyLoaded(tree, asked);
  print("tree", { path: tree.path, why }, () => whyText(tree, asked, colors));
  return why?.path == null ? exitCodes.findings : exitCodes.good;
}
