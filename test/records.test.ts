// What fixelf remembers about fixed files: listed, used after a tree was moved, and forgotten when
// useless.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
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
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it } from "vitest";
import { edit } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { until } from "./support/patience.js";
import { fixelf as start, startFixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const state = process.env.XDG_STATE_HOME as string;
const tree = join(directory, "tree");
const moved = join(directory, "moved");
const program = join(tree, "bin/program");
const library = join(tree, "lib/library.so");
const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

const fixelf = (...words: string[]) => start(words, { env: { NO_COLOR: "1" } });

function replaceBy(path: string, make: () => void): void {
  rmSync(path);
  make();
}

function json(...words: string[]) {
  return JSON.parse(fixelf(...words, "--json").stdout);
}

/** The path and state of each record. */
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

  it("can undo a tree that was moved", () => {
    renameSync(tree, moved);
    expect(Object.values(recorded())).toEqual(["away", "away"]);
    const { code, stdout } = fixelf("undo", moved);
    expect([code, stdout.match(/^restored/gm)?.length]).toEqual([0, 2]);
    expect([program, library].map((path) => sha256(path.replace(tree, moved)))).toEqual(originals);
    expect(recorded()).toEqual({});
  });

  it("are dropped for the file that was moved, and not for another with the same content", async () => {
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

  it("can undo a copy, and then the first file", () => {
    cpSync(tree, moved, { recursive: true });
    for (const path of [moved, tree]) expect(fixelf("undo", path).code).toBe(0);
    for (const place of [moved, tree])
      expect([program, library].map((path) => sha256(path.replace(tree, place)))).toEqual(
        originals,
      );
    expect(recorded()).toEqual({});
  });

  it("can undo a copy, and are kept for a first file that may be on a disk", () => {
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

    it("a restored file, which is not reported as changed", () => {
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

  it("undo nothing that was written to since it was moved", () => {
    renameSync(tree, moved);
    const path = program.replace(tree, moved);
    const content = readFileSync(path);
    content[content.length - 1] = (content.at(-1) as number) ^ 1;
    writeFileSync(path, content);
    expect(fixelf("undo", moved).stdout).not.toContain("program");
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  describe("are reported if they cannot be read", () => {
    const records = join(state, "fixelf/undo");
    const otherThan = (path: string) =>
      join(records, readdirSync(records).find((name) => name !== basename(path)) as string);
    const record = () => join(records, readdirSync(records).sort()[0] as string);
    /** Checks that a command reports the record `path`, besides what it does to the files. */
    const told = (words: string[], text: string) => {
      const { code, stdout, stderr } = fixelf(...words);
      expect([code, stderr]).toEqual([2, ""]);
      expect(stdout).toContain(text);
    };
    const isRestored = () =>
      [program, library].filter((path, at) => sha256(path) === originals[at]);

    it.each([
      ["damaged", (path: string) => writeFileSync(path, readFileSync(path).fill(0, 0, 40))],
      ["of another mode", (path: string) => chmodSync(path, 0o666)],
      ["a FIFO", (path: string) => replaceBy(path, () => execFileSync("mkfifo", [path]))],
      ["a directory", (path: string) => replaceBy(path, () => mkdirSync(path))],
      ["a link", (path: string) => replaceBy(path, () => symlinkSync("/etc/hosts", path))],
      ["another's", (path: string) => replaceBy(path, () => linkSync(otherThan(path), path))],
    ])("%s, among others", (_, spoil) => {
      const path = record();
      spoil(path);
      told(["list"], path);
      expect(json("list").failures).toMatchObject([{ path }]);
      told(["prune", "-n"], path);
      told(["undo", tree], path);
      expect(isRestored()).toHaveLength(1);
      told(["undo", tree], path);
      expect(json("list").failures).toMatchObject([{ path }]);
      const left = [program, library].find((each) => !isRestored().includes(each)) as string;
      expect(fixelf("undo", left).stdout).toContain(path);
      rmSync(path, { recursive: true });
      expect(fixelf("list")).toMatchObject({ code: 0, stdout: "No file is recorded as fixed.\n" });
    });

    it("a damaged one in a batch", () => {
      const path = record();
      const bytes = readFileSync(path);
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
      writeFileSync(path, bytes);
      told(["list"], `the undo record ${path} is damaged`);
      told(["undo", tree], `the undo record ${path} is damaged`);
      expect(isRestored()).toHaveLength(1);
      const [left] = [program, library].filter((each) => !isRestored().includes(each));
      told(["undo", left as string], `the undo record ${path} is damaged`);
      expect(recorded()).toEqual({ [left as string]: "unknown" });
      expect(fixelf("prune", "--force", left as string).code).toBe(0);
      expect(fixelf("list").code).toBe(0);
    });

    it.each([
      ["a FIFO", (path: string) => execFileSync("mkfifo", [path])],
      ["a directory", (path: string) => mkdirSync(path)],
    ])("%s in the place of a GC root's users, or of one of them", (_, make) => {
      const users = join(state, "fixelf/users");
      const list = join(users, `${"a".repeat(32)}-x`);
      mkdirSync(list, { recursive: true, mode: 0o700 });
      const path = join(list, "x".repeat(32));
      make(path);
      for (const words of [["list"], ["prune", "-n"], ["prune"]]) told(words, path);
      rmSync(list, { recursive: true });
      execFileSync("mkfifo", [list]);
      told(["list"], list);
      expect(fixelf("undo", tree).code).toBe(0);
      expect(isRestored()).toHaveLength(2);
    });
  });

  describe("are kept for files not yet restored when a signal arrives", needs("flock"), () => {
    it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s", async (signal) => {
      const last = join(tree, "last");
      cpSync(program, last);
      await edit(last, { searchPath: { set: "/nowhere/lib" } });
      // An undo waits a second for another process that has locked its file.
      const holder = spawn("flock", [library, "/bin/sh", "-c", "echo; read line"]);
      await once(holder.stdout, "data");
      const undoing = startFixelf(["undo", program, library, last], { env: { NO_COLOR: "1" } });
      const ended = once(undoing, "exit");
      const said = text(undoing.stdout);
      await until("one is restored", () => sha256(program) === originals[0]);
      undoing.kill(signal);
      expect(await ended).toEqual([130, null]);
      holder.stdin.end();
      expect(await said).toContain(`restored  ${program}\n`);
      expect(await said).toMatch(new RegExp(`failed {2}${last}\n.*cancelled`));
      expect(recorded(last)).toEqual({ [last]: "fixed" });
      expect(fixelf("undo", last).code).toBe(0);
    });
  });

  it("do not apply to what has replaced a file", () => {
    const real = join(tree, "bin/real");
    renameSync(program, real);
    symlinkSync("real", program);
    rmSync(library);
    mkdirSync(library);
    expect(recorded()).toEqual({ [program]: "gone", [library]: "gone" });
    expect(fixelf("undo", tree)).toMatchObject({ code: 0, stdout: `restored  ${real}\n` });
    expect(sha256(real)).toBe(originals[0]);
    expect(recorded()).toEqual({ [library]: "gone" });
  });

  it("are pruned if they undo nothing, and only then", () => {
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

  it("are kept if the directory is missing as well, as on a disk that is not mounted", () => {
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
    // Another file's undo drops what is no longer used; this one is still used.
    renameSync(moved, tree);
    expect(recorded()).toEqual({ [program]: "fixed", [library]: "fixed" });
    rmSync(dirname(program), { recursive: true });
    expect(fixelf("undo", library).code).toBe(0);
    expect(isRooted()).toBe(true);
    expect(fixelf(...command.split(" ")).code).toBe(0);
    expect([isRooted(), recorded()]).toEqual([false, {}]);
  });

  it("keep a GC root as long as one of its files exists", () => {
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
