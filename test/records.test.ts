// What fixelf remembers of fixed files: shown, used after a tree was moved, and forgotten when useless.
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { edit } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { fixelf as start } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const state = process.env.XDG_STATE_HOME as string;
const tree = join(directory, "tree");
const moved = join(directory, "moved");
const program = join(tree, "bin/program");
const library = join(tree, "lib/library.so");
const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

const fixelf = (...words: string[]) => start(words, { env: { NO_COLOR: "1" } });

function json(...words: string[]) {
  return JSON.parse(fixelf(...words, "--json").stdout);
}

/** Path and state of each record. */
function recorded(...words: string[]): Record<string, string> {
  const { records } = json("list", ...words) as { records: { path: string; state: string }[] };
  return Object.fromEntries(records.map((record) => [record.path, record.state]));
}

describe("records", needs("gcc"), () => {
  let originals: string[];

  beforeEach(async () => {
    for (const path of [state, tree, moved]) rmSync(path, { recursive: true, force: true });
    compile(program, "int main(void) { return 0; }");
    compile(library, "int f(void) { return 0; }", "-shared", "-fPIC");
    originals = [program, library].map(sha256);
    await edit(program, { interpreter: "/nowhere/loader" });
    await edit(library, { searchPath: { set: "/nowhere/lib" } });
  });
  it("are listed, with what became of each file", () => {
    expect(recorded()).toEqual({ [program]: "fixed", [library]: "fixed" });
    expect(recorded(join(tree, "lib"))).toEqual({ [library]: "fixed" });
    expect(recorded(program)).toEqual({ [program]: "fixed" });
    writeFileSync(program, "something else");
    rmSync(library);
    expect(recorded()).toEqual({ [program]: "changed", [library]: "gone" });
    const { code, stdout } = fixelf("list");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^changed {2}.*\/program$/m);
    expect(stdout).toMatch(/\n2 files, 0 GC roots\n$/);
  });

  it("undo a tree that was moved", () => {
    renameSync(tree, moved);
    expect(Object.values(recorded())).toEqual(["away", "away"]);
    const { code, stdout } = fixelf("undo", moved);
    expect([code, stdout.match(/^restored/gm)?.length]).toEqual([0, 2]);
    expect([program, library].map((path) => sha256(path.replace(tree, moved)))).toEqual(originals);
    expect(recorded()).toEqual({});
  });

  it("are forgotten of the file that was moved, and not of another with the same content", async () => {
    const plain = compile(join(directory, "plain"), "int main(void) { return 1; }");
    const paths = ["a", "b", "c"].map((name) => join(tree, name));
    for (const path of paths) {
      cpSync(plain, path);
      await edit(path, { searchPath: { set: "/nowhere/lib" } });
    }
    renameSync(join(tree, "c"), moved);
    expect(fixelf("undo", moved).code).toBe(0);
    expect(Object.keys(recorded(tree))).not.toContain(join(tree, "c"));
    for (const path of paths.slice(0, 2)) expect(fixelf("undo", path).code).toBe(0);
  });

  it("undo a copy, and the first one after it", () => {
    cpSync(tree, moved, { recursive: true });
    for (const path of [moved, tree]) expect(fixelf("undo", path).code).toBe(0);
    for (const place of [moved, tree])
      expect([program, library].map((path) => sha256(path.replace(tree, place)))).toEqual(
        originals,
      );
    expect(recorded()).toEqual({});
  });

  it("undo a copy, and keep the record of a first one that may be on a disk", () => {
    cpSync(tree, moved, { recursive: true });
    const disk = `${tree}-unmounted`;
    renameSync(tree, disk);
    expect(fixelf("undo", moved).code).toBe(0);
    expect(Object.values(recorded())).toEqual(["away", "away"]);
    renameSync(disk, tree);
    expect(fixelf("undo", tree).code).toBe(0);
    expect([program, library].map(sha256)).toEqual(originals);
    expect(recorded()).toEqual({});
  });

  describe("of a file with other names or copies are kept until the last one is restored", () => {
    const names = ["x", "y", "z"].map((name) => join(tree, "names", name));
    const [x, y, z] = names as [string, string, string];
    let original: string;
    const undone = (...paths: string[]) => {
      expect(fixelf("undo", ...paths)).toMatchObject({ code: 0 });
      for (const path of paths) expect(sha256(path)).toBe(original);
    };

    beforeEach(async () => {
      mkdirSync(dirname(x));
      cpSync(program, x);
      expect(fixelf("undo", tree).code).toBe(0);
      original = sha256(x);
      await edit(x, { interpreter: "/nowhere/loader" });
    });

    it.each([
      ["another name first", [[y], [x]]],
      ["its own name first", [[x], [y]]],
      ["both at once", [[y, x]]],
      ["both at once, its own name first", [[x, y]]],
    ])("a hard link: %s", (_, steps) => {
      linkSync(x, y);
      for (const paths of steps) undone(...paths);
      expect(recorded()).toEqual({});
    });

    it("a file that has only other names now", () => {
      linkSync(x, y);
      renameSync(x, z);
      undone(y);
      undone(z);
      expect(recorded()).toEqual({});
    });

    it("a tree of hard links, by directory", () => {
      const links = join(tree, "links");
      mkdirSync(links);
      linkSync(x, join(links, "x"));
      expect(fixelf("undo", links).code).toBe(0);
      expect(fixelf("undo", dirname(x)).code).toBe(0);
      for (const path of [x, join(links, "x")]) expect(sha256(path)).toBe(original);
      expect(recorded()).toEqual({});
      expect(fixelf("undo", dirname(x)).stdout).toContain("no record");
    });

    it("a restored file is not said to be changed", () => {
      linkSync(x, y);
      undone(x);
      expect(fixelf("undo", x)).toMatchObject({
        code: 1,
        stdout: expect.stringContaining("it is the original"),
      });
      undone(y);
    });

    it("copies of a file that is gone", () => {
      cpSync(x, y);
      rmSync(x);
      cpSync(y, z);
      undone(y);
      undone(z);
      expect(recorded()).toEqual({ [x]: "gone" });
      expect(fixelf("prune").code).toBe(0);
      expect(recorded()).toEqual({});
    });

    it("a copy in the place of the file that was moved", () => {
      renameSync(x, y);
      cpSync(y, x, { preserveTimestamps: true });
      undone(y);
      undone(x);
      expect(recorded()).toEqual({});
    });
  });

  it("undo nothing that somebody has written to since it was moved", () => {
    renameSync(tree, moved);
    const path = program.replace(tree, moved);
    const content = readFileSync(path);
    content[content.length - 1] = (content.at(-1) as number) ^ 1;
    writeFileSync(path, content);
    expect(fixelf("undo", moved).stdout).not.toContain("program");
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it("are pruned where they undo nothing, and not where they do", () => {
    rmSync(library);
    const count = () => readdirSync(join(state, "fixelf/undo")).length;
    const all = count();
    expect(json("prune", "--dry-run")).toMatchObject({
      schema: "fixelf.prune/1",
      dryRun: true,
      records: [{ path: library, state: "gone" }],
      failures: [],
    });
    expect(count()).toBe(all);
    expect(fixelf("prune", join(tree, "bin")).stdout).toContain("removed 0 records");
    expect(fixelf("prune").stdout).toContain("removed 1 record and 0 GC roots");
    expect(recorded()).toEqual({ [program]: "fixed" });

    expect(fixelf("prune", "--force").code).toBe(2);
    expect(recorded()).toEqual({ [program]: "fixed" });
    expect(fixelf("prune", "--force", program).code).toBe(0);
    expect(recorded()).toEqual({});
    expect(fixelf("undo", program).code).toBe(1);
  });

  it("are kept where the directory is not there either, as on a disk that is not mounted", () => {
    const root = join(state, "fixelf/gcroots", `${"a".repeat(32)}-x`);
    const list = join(state, "fixelf/users", basename(root));
    for (const path of [dirname(root), list]) mkdirSync(path, { recursive: true, mode: 0o700 });
    symlinkSync("/nix/store/none", root);
    const key = createHash("sha256").update(program).digest("hex").slice(0, 32);
    writeFileSync(join(list, key), program);
    renameSync(tree, moved);
    const isRooted = () => lstatSync(root, { throwIfNoEntry: false }) !== undefined;
    expect(json("prune")).toMatchObject({
      records: [],
      gcRoots: [],
      away: [program, library],
      failures: [],
    });
    const { code, stdout } = fixelf("prune");
    expect(code).toBe(0);
    expect(stdout).toContain(`kept what is remembered of 1 file in ${dirname(program)}: `);
    const command = /^to forget it: fixelf (.*)$/m.exec(stdout)?.[1] ?? "";
    expect(command).toBe(`prune --force ${dirname(program)} ${dirname(library)}`);
    expect([isRooted(), Object.values(recorded())]).toEqual([true, ["away", "away"]]);
    // Another file's undo lets go of what has no user any more; this one has.
    renameSync(moved, tree);
    expect(recorded()).toEqual({ [program]: "fixed", [library]: "fixed" });
    rmSync(dirname(program), { recursive: true });
    expect(fixelf("undo", library).code).toBe(0);
    expect(isRooted()).toBe(true);
    expect(fixelf(...command.split(" ")).code).toBe(0);
    expect([isRooted(), recorded()]).toEqual([false, {}]);
  });

  it("keep a GC root as long as a file of it is there", () => {
    const gone = `${tree}_gone/program`;
    const [used, unused] = ["a", "b"].map((letter) => `/nix/store/${letter.repeat(32)}-x`);
    const link = (storePath = "") => join(state, "fixelf/gcroots", basename(storePath));
    for (const [storePath = "", paths] of [
      [used, [program, gone]],
      [unused, [gone]],
    ] as const) {
      const list = join(state, "fixelf/users", basename(storePath));
      for (const path of [join(state, "fixelf/gcroots"), list])
        mkdirSync(path, { recursive: true, mode: 0o700 });
      symlinkSync(storePath, link(storePath));
      for (const path of paths) {
        const key = createHash("sha256").update(path).digest("hex").slice(0, 32);
        writeFileSync(join(list, key), path);
      }
    }
    expect(json("list").gcRoots).toEqual([
      {
        link: link(used),
        storePath: used,
        files: [
          { path: program, isThere: true },
          { path: gone, isThere: false },
        ],
      },
      { link: link(unused), storePath: unused, files: [{ path: gone, isThere: false }] },
    ]);
    expect(json("list", tree).gcRoots).toHaveLength(1);
    expect(fixelf("prune", "-n").stdout).toContain(`would remove the GC root ${link(unused)}`);
    expect(json("prune", tree).gcRoots).toEqual([]);
    expect(json("list").gcRoots).toHaveLength(2);
    expect(fixelf("prune").stdout).toContain("removed 0 records and 1 GC root");
    expect(json("list").gcRoots).toMatchObject([
      { storePath: used, files: [{ path: program, isThere: true }] },
    ]);
    expect(existsSync(join(state, "fixelf/users", basename(unused ?? "")))).toBe(false);
  });
});
