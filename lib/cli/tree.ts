// fixelf tree: which files the loader would open.
import { type Command, Option } from "commander";
import type { ResolvedLibrary } from "../addon/facts.js";
import { FixelfError } from "../base/errors.js";
import { indexOptions } from "../base/options.js";
import { variables } from "../base/process.js";
import type { DependencyTree } from "../judge/dependency_tree.js";
import { document } from "../report/shown.js";
import type { TreeLibrary } from "../report/tree/graph.js";
import { exitCodes, type Output, run } from "./command.js";
import { commonOptions, type SharedFlags, withLoadingProgram, withShared } from "./options.js";

interface TreeFlags extends SharedFlags {
  all?: boolean;
  why?: string;
  dot?: boolean;
  mermaid?: boolean;
  libraryPath?: string;
  nixLd?: boolean;
  processor?: string;
  secure?: boolean;
}

export function define(program: Command): void {
  withShared(
    withLoadingProgram(
      program
        .command("tree")
        .description("show which files the loader would open for a program, and why")
        .argument("<file>", "a program or library"),
    )
      .option("--all", "expand a library wherever it is needed, not only once")
      .option("--why <soname>", "show only why this library is loaded, and from where")
      .option("--library-path <dirs>", "assume LD_LIBRARY_PATH=DIRS")
      .option("--nix-ld", "assume a start by nix-ld, with the NIX_LD… variables that are set")
      .option("--processor <level>", 'assume this processor: "x86-64-v2", or "baseline"')
      .option("--secure", "assume a set-user-ID program")
      .addOption(
        new Option("--dot", "print a graph for Graphviz").conflicts(["mermaid", "json", "why"]),
      )
      .addOption(
        new Option("--mermaid", "print a flowchart for Mermaid").conflicts(["json", "why"]),
      ),
    "fixelf tree ./python3.12 --why libcrypt.so.1",
  ).action((path: string, flags: TreeFlags) => run(flags, (output) => show(path, flags, output)));
}

async function show(
  path: string,
  flags: TreeFlags,
  { colors, print, show: showText }: Output,
): Promise<number> {
  const [{ dependencyTree }, { isError }] = await Promise.all([
    import("../judge/dependency_tree.js"),
    import("../judge/problem.js"),
  ]);
  const tree = await withPackages(
    path,
    flags,
    await dependencyTree(path, {
      ...commonOptions(flags),
      ...(flags.libraryPath !== undefined && { libraryPath: flags.libraryPath }),
      ...(flags.processor !== undefined && { processor: flags.processor }),
      ...(flags.secure && { secure: true }),
      ...(flags.nixLd && { nixLd: await nixLdFor(path, flags) }),
    }),
  );
  const code = tree.problems.some(isError) ? exitCodes.findings : exitCodes.good;
  if (flags.why !== undefined) return showWhy(tree, flags.why, colors, print);
  if (flags.dot) {
    const { treeDot } = await import("../report/tree/dot.js");
    showText(document(treeDot(tree)));
  } else if (flags.mermaid) {
    const { treeMermaid } = await import("../report/tree/mermaid.js");
    showText(document(treeMermaid(tree)));
  } else {
    const { treeText } = await import("../report/tree/text.js");
    print("tree", tree, () => treeText(tree, colors, { unfolded: flags.all ?? false }));
  }
  return code;
}

/** With the nixpkgs packages that have what was not found. */
async function withPackages(
  path: string,
  flags: TreeFlags,
  tree: DependencyTree,
): Promise<DependencyTree & { libraries: TreeLibrary[] }> {
  const isMissing = (library: ResolvedLibrary) => library.path === null && !library.optional;
  if (!tree.libraries.some(isMissing)) return tree;
  const [{ Store }, { placeOf }, { inspect }] = await Promise.all([
    import("../store/context.js"),
    import("../store/place.js"),
    import("../file/inspect.js"),
  ]);
  const { root } = flags;
  const facts = await inspect(path, root === undefined ? {} : { root });
  const options = commonOptions(flags);
  const store = new Store(placeOf(options), indexOptions(options));
  const libraries = tree.libraries.map(async (library) => {
    if (!isMissing(library)) return library;
    return { ...library, packages: await store.packages(library.soname, facts) };
  });
  return { ...tree, libraries: await Promise.all(libraries) };
}

async function nixLdFor(
  path: string,
  { root }: TreeFlags,
): Promise<{ loader: string; libraryPath: string }> {
  const [{ inspect }, { nixSystem }, { namedByVariables }] = await Promise.all([
    import("../file/inspect.js"),
    import("../file/nix_system.js"),
    import("../file/stand_in.js"),
  ]);
  const nixLd = namedByVariables(
    nixSystem(await inspect(path, root === undefined ? {} : { root })),
    variables(),
  );
  if (nixLd !== null) return nixLd;
  throw new FixelfError("usage", `NIX_LD is not set. To see what it should be: fixelf env ${path}`);
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
