// fixelf tree: each format of one small graph, in which a library is shared, two need one another,
// one is missing, and a name has everything that a format could stumble over.
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { namedByVariables } from "../lib/file/stand_in.js";
import { type DependencyTree, dependencyTree, resolve, resolveAll } from "../lib/index.js";
import { isError } from "../lib/judge/problem.js";
import { colorsBy } from "../lib/report/shown.js";
import { treeDot } from "../lib/report/tree/dot.js";
import { treeGraph } from "../lib/report/tree/graph.js";
import { treeMermaid } from "../lib/report/tree/mermaid.js";
import { treeText } from "../lib/report/tree/text.js";
import { whyLoaded, whyText } from "../lib/report/tree/why.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const colors = colorsBy(null);

describe("tree", needs("gcc"), () => {
  const directory = scratchDirectory();
  const at = (name: string) => join(directory, name);
  const odd = "lib\"odd\\ #[]{}<b>;|-->'`&%.so";
  let tree: DependencyTree;
  let whole: DependencyTree;

  /** A library, or with `program` a program, that needs the others; they need not exist yet. */
  const make = (name: string, needs: string[], program = false) => {
    const source = program ? "int main(void) { return 0; }" : "";
    const stubs = needs.map((need, index) =>
      compile(at(`stub${index}.so`), "", "-shared", "-nostdlib", `-Wl,-soname,${need}`),
    );
    const kind = program ? [] : ["-shared", "-nostdlib", `-Wl,-soname,${name}`];
    const runpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN";
    return compile(at(name), source, ...kind, "-Wl,--no-as-needed", ...stubs, runpath);
  };

  beforeAll(async () => {
    make("libshared.so", []);
    make("libone.so", ["libshared.so", "libloop.so", "libgone.so"]);
    make("libloop.so", ["libone.so"]);
    make(odd, ["libshared.so"]);
    whole = await dependencyTree(make("whole", ["libloop2.so", "libshared.so"], true)).then(() => {
      make("libloop2.so", ["libshared.so"]);
      return dependencyTree(at("whole"));
    });
    tree = await dependencyTree(make("program", ["libone.so", "libshared.so", odd], true));
  });

  it("knows what needs what, and whether everything is there", () => {
    const [program] = tree.needs;
    expect(program?.path).toBe(at("program"));
    expect(program?.needed).toEqual(["libone.so", "libshared.so", odd, "libc.so.6"]);
    expect(tree.problems.some(isError)).toBe(true);
    expect(whole.problems.some(isError)).toBe(false);
    const names = treeGraph(tree).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it("draws each library once, where it is opened, and names it elsewhere", () => {
    const lines = treeText(tree, colors).text.split("\n");
    const starting = (text: string) => lines.filter((line) => line.includes(`─ ${text} → `));
    for (const name of ["libone.so", "libshared.so", "libloop.so", "libc.so.6"])
      expect(starting(name)).toHaveLength(1);
    expect(lines).toContain("  │  │  └─ also libone.so (shown above)");
    expect(lines).toContain("  │  └─ also libshared.so (shown below)");
    expect(lines.find((line) => line.includes("libgone.so  not found"))).toBeDefined();
    expect(lines.find((line) => line.includes(`${at("libgone.so")}: `))).toBeDefined();
    expect(lines.find((line) => line.includes("libone.so → "))).toContain("RUNPATH of");
  });

  it("terminates with --all, which draws everything", () => {
    const lines = treeText(tree, colors, { unfolded: true }).text.split("\n");
    expect(lines.filter((line) => line.includes("libshared.so → "))).toHaveLength(3);
    expect(lines.some((line) => line.endsWith("(needs one another)"))).toBe(true);
    expect(lines.join()).not.toContain("also");
  });

  it("terminates with a graph that grows without limit", () => {
    // Each of forty needs all that follow: 2^40 lines.
    const names = Array.from({ length: 40 }, (_, index) => `lib${index}.so`);
    const path = (name: string) => `/lib/${name}`;
    const libraries = names.map((soname) => ({
      ...(tree.libraries[0] as DependencyTree["libraries"][number]),
      soname,
      path: path(soname),
      neededBy: "/program",
    }));
    const needs = [
      { path: "/program", needed: names },
      ...names.map((name, index) => ({ path: path(name), needed: names.slice(index + 1) })),
    ];
    const huge: DependencyTree = { ...tree, path: "/program", libraries, needs };
    expect(treeText(huge, colors).text.split("\n")).toHaveLength(1 + 1 + 40 + 39);
    const lines = treeText(huge, colors, { unfolded: true }).text.split("\n");
    expect(lines.length).toBeLessThan(100_010);
    expect(lines.at(-1)).toContain("more than 100000 lines");
    // A chain of ten thousand.
    const long = Array.from({ length: 10_000 }, (_, index) => `lib${index}.so`);
    const chain: DependencyTree = {
      ...huge,
      libraries: long.map((soname, index) => ({
        ...(libraries[0] as DependencyTree["libraries"][number]),
        soname,
        path: path(soname),
        neededBy: index === 0 ? "/program" : path(long[index - 1] as string),
      })),
      needs: ["/program", ...long.map(path)].map((each, index) => ({
        path: each,
        needed: long.slice(index, index + 1),
      })),
    };
    expect(treeText(chain, colors).text).toContain("deeper than 200 libraries");
    expect(whyLoaded(chain, "lib9999.so")?.chains[0]).toHaveLength(10_001);
    expect(treeDot(chain).split("\n").length).toBeGreaterThan(20_000);
  });

  it("reports why a library is loaded", () => {
    const why = whyLoaded(tree, "libshared.so");
    expect(why).toMatchObject({ soname: "libshared.so", path: at("libshared.so") });
    expect(why?.chains).toEqual([
      [at("program"), at("libshared.so")],
      [at("program"), at("libone.so"), at("libshared.so")],
      [at("program"), at(odd), at("libshared.so")],
    ]);
    expect(whyLoaded(tree, at("libshared.so"))).toEqual(why);
    expect(whyLoaded(tree, "libgone.so")).toMatchObject({ path: null, reason: "not found" });
    expect(whyLoaded(tree, "libelsewhere.so")).toBeNull();
    expect(whyText(tree, "libelsewhere.so", colors).text).toMatch(/not among what it loads/);
    // That it is needed by its own needs is not a way to it.
    expect(whyText(tree, "libone.so", colors).text.split("\n").slice(1)).toEqual([
      at("program"),
      expect.stringMatching(/^└─ libone\.so → /),
    ]);
  });

  const edges = () =>
    treeGraph(tree).flatMap(({ id, children }) => children.map((child) => [id, child.id]));

  describe("--dot", needs("dot"), () => {
    it("is read by Graphviz as intended", () => {
      const json = execFileSync("dot", ["-Tdot_json"], { input: treeDot(tree), encoding: "utf8" });
      const drawn = JSON.parse(json) as {
        objects: { name: string; label: string }[];
        edges: { tail: number; head: number }[];
      };
      expect(drawn.edges.map(({ tail, head }) => [tail, head]).sort()).toEqual(edges().sort());
      expect(drawn.objects.map(({ label }) => unescaped(label).split("\n")[0])).toEqual(
        treeGraph(tree).map(({ name }) => name),
      );
    });
  });

  it("--mermaid is a flowchart of the same graph", () => {
    const { names, edges: drawn } = parseMermaid(treeMermaid(tree));
    expect(names).toEqual(treeGraph(tree).map(({ name }) => name));
    expect(drawn).toEqual(edges());
  });

  it("resolves many files as it resolves each one", async () => {
    const paths = [at("shared-a.so"), "/usr/bin/env", at("not there"), tree.path, "/usr/bin/env"];
    const all = await resolveAll(paths);
    const each = await Promise.allSettled(paths.map((path) => resolve(path)));
    expect(all).toEqual(each);
    expect(all.map(({ status }) => status).filter((status) => status === "rejected")).not.toEqual(
      [],
    );
    expect(all[1]).toMatchObject({ status: "fulfilled", value: { path: "/usr/bin/env" } });
  });

  it("assumes the environment that it is given", async () => {
    const elsewhere = at("elsewhere");
    mkdirSync(elsewhere);
    const program = make("wants-more", ["libelse.so"], true);
    renameSync(make("libelse.so", []), join(elsewhere, "libelse.so"));
    const pathOf = async (options: object) =>
      (await dependencyTree(program, options)).libraries.find(
        ({ soname }) => soname === "libelse.so",
      )?.path;
    expect(await pathOf({})).toBeNull();
    expect(await pathOf({ libraryPath: elsewhere })).toBe(join(elsewhere, "libelse.so"));
    expect(await pathOf({ libraryPath: elsewhere, secure: true })).toBeNull();
    const { interpreter } = await dependencyTree(program);
    const nixLd = { loader: interpreter.path as string, libraryPath: elsewhere };
    expect(await pathOf({ nixLd })).toBe(join(elsewhere, "libelse.so"));
    expect((await dependencyTree(program, { nixLd })).interpreter.reason).toContain("NIX_LD");

    const environment = {
      NIX_LD: "/general",
      NIX_LD_LIBRARY_PATH_x86_64_linux: "",
      NIX_LD_LIBRARY_PATH: "/a",
    };
    expect(namedByVariables("x86_64-linux", environment)).toEqual({
      loader: "/general",
      libraryPath: "",
      variable: "NIX_LD",
    });
    expect(namedByVariables("aarch64-linux", environment)).toEqual({
      loader: "/general",
      libraryPath: "/a",
      variable: "NIX_LD",
    });
    expect(namedByVariables("aarch64-linux", {})).toBeNull();
  });
});

/** A label as Graphviz shows it (graphviz.org/docs/attr-types/escString). */
function unescaped(label: string): string {
  return label.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}

/** The part of Mermaid's grammar that is used: anything else is an error. */
function parseMermaid(text: string): { names: string[]; edges: number[][] } {
  const [header, ...lines] = text.split("\n");
  expect(header).toBe("flowchart LR");
  const names: string[] = [];
  const edges: number[][] = [];
  for (const line of lines) {
    const node = /^ {2}n(\d+)\["((?:[^"#<>`\\\n]|#\d+;|<br\/>)+)"\]$/.exec(line);
    const edge = /^ {2}n(\d+) --> n(\d+)$/.exec(line);
    if (node !== null) {
      expect(Number(node[1])).toBe(names.length);
      const [name = ""] = (node[2] as string).split("<br/>");
      names.push(name.replace(/#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code))));
    } else if (edge !== null) edges.push([Number(edge[1]), Number(edge[2])]);
    else expect(line).toMatch(/^ {2}(classDef missing [\w:#,-]+|class n\d+(,n\d+)* missing)$/);
  }
  return { names, edges };
}

describe("a program without any library", () => {
  it("is a graph of one", () => {
    const tree = {
      path: "/static",
      interpreter: { path: null, found: false, assumed: false, reason: "" },
      libraries: [],
      versionProblems: [],
      needs: [{ path: "/static", needed: [] }],
      problems: [],
    } as unknown as DependencyTree;
    expect(treeText(tree, colors).text).toBe("/static");
    expect(treeMermaid(tree)).toBe('flowchart LR\n  n0["/static"]');
  });
});
