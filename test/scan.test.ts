// A tree's facts: what a scan finds, skips and returns, and how its formats represent it.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { type Struct, tableFromIPC } from "apache-arrow";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageVersion } from "../lib/addon/package_directory.js";
import { spelledOut } from "../lib/base/bytes.js";
import { inspect } from "../lib/file/inspect.js";
import { ScanBatch, type ScanFailure, type ScanRow } from "../lib/scan/batch.js";
import { batchFilter, type ScanFilter } from "../lib/scan/filter.js";
import { type ScanOptions, scan } from "../lib/scan/scan.js";
import { Summarizer } from "../lib/scan/summary.js";
import { takeRows } from "../lib/scan/take.js";
import { needs, unshare } from "./support/needs.js";
import { commandLine, fixelf, node, run as start } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

/** The start of a shell command that runs fixelf. */
const shellCli = commandLine.join(" ");
const machineProgram = realpathSync("/bin/sh");
const machineLibrary = realpathSync("/lib/x86_64-linux-gnu/libc.so.6");
const name = (letter: string, rest: string) => `${letter.repeat(32)}-${rest}`;

let scratch: string;
let store: string;

beforeAll(() => {
  scratch = scratchDirectory();
  store = join(scratch, "store");
  const put = (storePath: string, file: string, from = machineProgram) => {
    const path = join(store, storePath, file);
    mkdirSync(join(path, ".."), { recursive: true });
    copyFileSync(from, path);
    return path;
  };
  const sh = put(name("b", "dash-1"), "bin/sh");
  linkSync(sh, join(sh, "../dash"));
  put(name("a", "glibc-2"), "lib/libc.so.6", machineLibrary);
  symlinkSync("libc.so.6", join(store, name("a", "glibc-2"), "lib/libc.so"));
  symlinkSync("/usr/lib", join(store, name("a", "glibc-2"), "lib/outside"));
  writeFileSync(join(store, name("a", "glibc-2"), "lib/libm.so"), "GROUP ( libm.so.6 )");
  // The same file in two store paths, as `nix-store --optimise` makes them, and in its directory.
  mkdirSync(join(store, name("c", "twin-1")), { recursive: true });
  linkSync(sh, join(store, name("c", "twin-1"), "sh"));
  mkdirSync(join(store, ".links"));
  linkSync(sh, join(store, ".links", "0abc"));
  truncateSync(put(name("d", "torn-1"), "bin/torn"), 100);
  execFileSync("mkfifo", [join(store, name("d", "torn-1"), "bin/fifo")]);
  const foreign = put(name("g", "foreign-1"), "bin/foreign");
  const bytes = readFileSync(foreign);
  const at = bytes.indexOf("/lib64/ld-linux-x86-64.so.2");
  bytes.write("/nix64/ld-linux-x86-64.so.2", at);
  writeFileSync(foreign, bytes);
  copyFileSync(machineProgram, join(store, name("f", "flat-1")));
  const odd = Buffer.concat([
    Buffer.from(join(store, name("b", "dash-1"), "bin/")),
    Buffer.of(0xff),
  ]);
  copyFileSync(machineProgram, odd as unknown as string);
});

// Not rmSync, which cannot go as deep as one of the trees.
afterAll(() => execFileSync("rm", ["-rf", scratch]));

async function rowsOf(roots: string[], options: ScanOptions = {}) {
  const rows: ScanRow[] = [];
  const failures: ScanFailure[] = [];
  const links: { path: string; target: string }[] = [];
  for await (const batch of scan(roots, options)) {
    rows.push(...batch);
    failures.push(...batch.failures);
    links.push(...batch.links);
  }
  return { rows, failures, links };
}

const below = (paths: readonly { path: string }[], root = store) =>
  paths.map(({ path }) => path.slice(root.length + 1).replace(/^(.)\1{31}/, "$1"));

describe("a scan", () => {
  it("finds every ELF file once in each store path, by name, and follows no links", async () => {
    const { rows, failures } = await rowsOf([store]);
    expect(below(rows)).toEqual([
      "a-glibc-2/lib/libc.so.6",
      "b-dash-1/bin/dash",
      "b-dash-1/bin/\udcff",
      "c-twin-1/sh",
      "f-flat-1",
      "g-foreign-1/bin/foreign",
    ]);
    expect(rows[0]?.storePath).toBe(join(store, name("a", "glibc-2")));
    expect(below(failures)).toEqual(["d-torn-1/bin/torn"]);
    expect(failures[0]?.code).toBe("truncated");
  });

  it("takes a file with several names once outside a store", async () => {
    const tree = join(scratch, "tree");
    for (const directory of ["one", "two"]) mkdirSync(join(tree, directory), { recursive: true });
    copyFileSync(machineProgram, join(tree, "two/sh"));
    linkSync(join(tree, "two/sh"), join(tree, "one/sh"));
    const { rows } = await rowsOf([tree]);
    expect(below(rows, tree)).toEqual(["one/sh"]);
    expect(rows[0]?.storePath).toBeNull();
  });

  it("reports the same as inspect for each file", async () => {
    for (const row of (await rowsOf([store])).rows) {
      const { storePath, ...facts } = row;
      expect(facts).toEqual(await inspect(row.path));
      expect(storePath).toMatch(/store\/.{32}-[a-z]+-\d$/);
    }
  });

  it("reports links with a library's name, if requested", async () => {
    const { links } = await rowsOf([store], { libraryLinks: true });
    expect(below(links)).toEqual(["a-glibc-2/lib/libc.so"]);
    expect(links[0]?.target).toBe("libc.so.6");
    expect((await rowsOf([store])).links).toEqual([]);
  });

  it("counts what it has seen", async () => {
    const running = scan([store]);
    let branches = 0;
    for await (const batch of running) {
      branches += batch.branches.length;
      const told = batch.branches.flatMap(({ path, rows }) => Array<string>(rows).fill(path));
      expect(told).toEqual([...batch].map(({ storePath }) => storePath));
      expect(batch.branches.every(({ last }) => last)).toBe(true);
      expect(batch.branches.map(({ firstRow }) => firstRow)).toEqual(
        batch.branches.map((_, index) =>
          batch.branches.slice(0, index).reduce((sum, { rows }) => sum + rows, 0),
        ),
      );
    }
    expect(running.progress()).toMatchObject({ files: 9, elf: 7, failures: 1, branches: 6 });
    expect(branches).toBe(6);
  });

  it(
    "goes on past directories that may not be read, and paths that are too long",
    needs("python3"),
    async () => {
      const tree = join(scratch, "hard");
      mkdirSync(join(tree, "closed"), { recursive: true });
      copyFileSync(machineProgram, join(tree, "closed/sh"));
      copyFileSync(machineProgram, join(tree, "sh"));
      chmodSync(join(tree, "closed"), 0);
      // Deeper than any path can reach: each step is made where the last one ended.
      const deep = `import os
os.chdir(${JSON.stringify(tree)})
for i in range(40):
  os.mkdir("x" * 200); os.chdir("x" * 200)`;
      execFileSync("python3", ["-c", deep]);
      const walk = `import { scan } from ${JSON.stringify(join(import.meta.dirname, "../dist/index.js"))};
const found = [];
for await (const batch of scan([${JSON.stringify(tree)}]))
  found.push(...[...batch].map(({ path }) => path), ...batch.failures.map(({ code }) => code));
console.log(JSON.stringify(found));`;
      // Root cannot be kept out of a directory, so another user has to look.
      const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
      const words = [...node, "--input-type=module", "-e", walk];
      const { stdout } = start(words, { ...identity, cwd: "/" });
      expect(JSON.parse(stdout)).toEqual([join(tree, "sh"), "permission-denied", "io"]);
    },
  );

  // If there are many entries it reads the mounts while it walks (test/native/walk.test.cpp).
  it.each([0, 100])(
    "sees only once what is mounted in two places, beside %i others",
    needs("mount namespaces"),
    (others) => {
      const tree = join(scratch, `mounts beside\t${others}`);
      for (const directory of ["a", "b"]) mkdirSync(join(tree, directory), { recursive: true });
      for (let other = 0; other < others; ++other) mkdirSync(join(tree, `other${other}`));
      copyFileSync(machineProgram, join(tree, "a/sh"));
      writeFileSync(join(tree, "c"), "");
      // A directory under a second name, and a file under a third.
      const mounts = "mount --bind a b && mount --bind a/sh c";
      const look = `${shellCli} scan --json --summary .`;
      const words = ["/bin/sh", "-c", `${mounts} && ${look}`];
      const { stdout, stderr } = start(words, { by: unshare, cwd: tree });
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toMatchObject({ elf: 1, files: 2 });
    },
  );

  it("leaves access times alone", async () => {
    const tree = join(scratch, "untouched");
    mkdirSync(join(tree, "below"), { recursive: true });
    const paths = [join(tree, "sh"), join(tree, "below/text"), join(tree, "below")];
    copyFileSync(machineProgram, paths[0] ?? "");
    writeFileSync(paths[1] ?? "", "text");
    // Older than the last change, so that relatime would record a read.
    for (const path of paths) utimesSync(path, 1, 2);
    expect((await rowsOf([tree])).rows).toHaveLength(1);
    expect(paths.map((path) => statSync(path).atimeMs)).toEqual([1000, 1000, 1000]);
  });

  it("copes with few descriptors", () => {
    const tree = join(scratch, "few");
    let directory = tree;
    for (let depth = 0; depth < 12; ++depth) {
      for (let file = 0; file < 20; ++file) {
        mkdirSync(directory, { recursive: true });
        writeFileSync(join(directory, `text${file}`), "text");
      }
      copyFileSync(machineProgram, join(directory, "sh"));
      directory = join(directory, "below");
    }
    const look = `ulimit -n 32 && ${shellCli} scan --format ndjson ${tree}`;
    const { stdout, stderr } = start(["/bin/sh", "-c", look]);
    expect(stderr).toBe("");
    expect(stdout.trim().split("\n")).toHaveLength(12);
  });

  it("fails if a root does not exist", async () => {
    await expect(rowsOf([join(scratch, "nothing")])).rejects.toMatchObject({
      code: "not-found",
      path: join(scratch, "nothing"),
    });
  });

  it("sees another system's root as from inside", async () => {
    const { rows } = await rowsOf([store], { root: scratch });
    expect(rows[0]?.path).toBe(`/store/${name("a", "glibc-2")}/lib/libc.so.6`);
  });

  it("survives a tree that changes meanwhile", needs("bash"), async () => {
    const tree = join(scratch, "moving");
    const restless = `set -e; for i in $(seq 100); do
      mkdir -p ${tree}/a$i/b; cp /bin/true ${tree}/a$i/b/t; mv ${tree}/a$i ${tree}/c$i
      [ $i -lt 20 ] || rm -r ${tree}/c$((i - 19)); done`;
    mkdirSync(tree);
    const child = spawn("bash", ["-c", restless], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    let running = true;
    void ended.then(() => {
      running = false;
    });
    while (running) {
      // A file may be half copied when it is read.
      for (const { code } of (await rowsOf([tree])).failures)
        expect(["truncated", "changed", "malformed"]).toContain(code);
    }
    expect(await ended).toBe(0);
    expect((await rowsOf([tree])).rows).toHaveLength(19);
  });
});

describe("how a scan runs", () => {
  it("refuses to be iterated a second time", async () => {
    const running = scan([store]);
    for await (const batch of running) expect(batch.length).toBeGreaterThan(0);
    const again = running[Symbol.asyncIterator]().next();
    await expect(again).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("second time"),
    });
  });

  let large: string; // more than a scan holds while nothing is read

  beforeAll(() => {
    large = join(scratch, "large");
    mkdirSync(large);
    const file = join(scratch, "file");
    copyFileSync(machineProgram, file);
    for (let index = 0; index < 9000; index++) {
      const storePath = join(large, `${String(index).padStart(32, "0")}-x`);
      mkdirSync(storePath);
      linkSync(file, join(storePath, "x"));
    }
  });

  it("gives the same batches with any number of threads", async () => {
    const seen = async (jobs: number) => {
      const batches: string[][] = [];
      for await (const batch of scan(["/usr/lib"], { jobs }))
        batches.push([...batch].map(({ path }) => path));
      return batches;
    };
    expect(await seen(7)).toEqual(await seen(1));
  });

  it("splits into parts that together are the whole, with each file in one", async () => {
    const whole = below((await rowsOf([store])).rows).sort();
    const parts: string[] = [];
    for (const number of [1, 2, 3])
      parts.push(...below((await rowsOf([store], { shard: { number, count: 3 } })).rows));
    expect(parts.sort()).toEqual(whole);
  });

  it("finds the same in disk order", async () => {
    const paths = below((await rowsOf([store], { order: "disk" })).rows).sort();
    expect(paths).toEqual(below((await rowsOf([store])).rows).sort());
  });

  it("waits for a slow reader", async () => {
    const running = scan([large]);
    for await (const batch of running) {
      void batch;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const { branches, branchesDone } = running.progress();
      expect(branchesDone).toBeLessThan(branches);
      break;
    }
  });

  it("keeps nothing open that the process closes meanwhile", async () => {
    const fifo = join(scratch, "fifo");
    execFileSync("mkfifo", [fifo]);
    const reader = spawn("cat", [fifo], { stdio: "ignore" });
    const exit = once(reader, "exit");
    const writer = openSync(fifo, "w");
    for await (const batch of scan([large])) {
      void batch;
      // Its threads wait for us now, each with its own descriptor table.
      closeSync(writer);
      expect(await exit).toEqual([0, null]);
      break;
    }
  });

  it("ends when it is aborted", async () => {
    const controller = new AbortController();
    const reading = rowsOf(["/usr"], { signal: controller.signal });
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: "cancelled" });
  });

  it("refuses parts that do not exist", () => {
    expect(() => scan([store], { shard: { number: 4, count: 3 } })).toThrow(/from 1 to 3/);
    expect(() => scan([store], { jobs: -1 })).toThrow(/jobs/);
  });
});

describe("rows of a scan can be chosen", () => {
  const chosen = async (filter: ScanFilter) => {
    const select = batchFilter(filter);
    const paths: string[] = [];
    for await (const batch of scan([store]))
      for (const row of await select(batch)) paths.push(batch.row(row).path.replace(/.*\//, ""));
    return paths;
  };

  it("by what they need, provide and are", async () => {
    expect(await chosen({ needs: "libc.so.6" })).toHaveLength(5);
    expect(await chosen({ needs: "libm*" })).toEqual([]);
    expect(await chosen({ provides: "libc.so.*" })).toEqual(["libc.so.6"]);
    expect(await chosen({ provides: "dash" })).toEqual(["dash"]);
    expect(await chosen({ interpreter: "/nix64/*" })).toEqual(["foreign"]);
    expect(await chosen({ machine: "aarch64" })).toEqual([]);
    expect(await chosen({ machine: "x86-64", provides: "sh" })).toEqual(["sh"]);
    expect(await chosen({ broken: true })).toEqual(["foreign"]);
  });

  it("by the versions that they need", async () => {
    const { versionsNeeded } = await inspect(machineProgram);
    const versions = versionsNeeded.flatMap((needed) => needed.versions.map((one) => one.name));
    const newest = versions
      .map((version) => Number(/^GLIBC_2\.(\d+)$/.exec(version)?.[1] ?? 0))
      .reduce((one, other) => Math.max(one, other));
    expect(await chosen({ requires: `GLIBC>=2.${newest}`, provides: "dash" })).toEqual(["dash"]);
    expect(await chosen({ requires: `GLIBC>2.${newest}`, provides: "dash" })).toEqual([]);
    expect(await chosen({ requires: `GLIBC_2.${newest}`, provides: "dash" })).toEqual(["dash"]);
    await expect(chosen({ requires: "GLIBC>=" })).rejects.toThrow(/NAME>=VERSION/);
  });

  it("by an expression", async () => {
    expect(await chosen({ where: "soname = libc.so.6" })).toEqual(["libc.so.6"]);
    expect(await chosen({ where: "interpreter = null" })).toEqual([]);
    expect(await chosen({ where: "size > 1e6 and not type = pie" })).toEqual(["libc.so.6"]);
    expect(await chosen({ where: 'name = "foreign" or (name = dash and size < 10)' })).toEqual([
      "foreign",
    ]);
    expect(await chosen({ where: "versionsDefined has GLIBC_2.1?" })).toEqual(["libc.so.6"]);
    expect(await chosen({ where: "versionsNeeded has GLIBC_* and name != dash" })).toContain("sh");
    expect(await chosen({ where: "noDefaultLibraries = true" })).toEqual([]);
  });

  it.each([
    ["size >", "a value at its end"],
    ["size", "=, !=, <, <=, >, >= or has"],
    ["colour = red", "there is no field colour"],
    ["(size > 1", ") at its end"],
    ["size > big", "needs a number"],
    ["size ! 1", "cannot read"],
    [`${"(".repeat(200)}size > 1`, "less nesting"],
  ])("except with %s, whose error is explained", async (where, message) => {
    await expect(chosen({ where })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining(message),
    });
  });
});

describe("fixelf scan", () => {
  const run = (...words: string[]) => fixelf(["scan", ...words]);
  const text = (...words: string[]) => run(...words).stdout;

  it("prints one Facts object per line, path first", async () => {
    const lines = text(store, "--json").trim().split("\n");
    expect(lines[0]).toMatch(/^{"path":/);
    const { rows: known, failures } = await rowsOf([store]);
    expect(lines.map(parsed)).toEqual([
      ...known.map((row) => ({
        ...row,
        path: spelledOut(row.path),
        entry: `0x${row.entry.toString(16)}`,
      })),
      ...failures.map(({ path, storePath, code, message }) => ({
        ...{ path, storePath, error: code, errorMessage: message },
      })),
    ]);
    expect(failures).toHaveLength(1);
  });

  it("writes Arrow that Arrow's own reader reads, filtered or not", async () => {
    for (const filter of [[], ["--needs", "libc.so.6"]]) {
      const file = join(scratch, "scan.arrow");
      expect(run(store, "--format", "arrow", "--output", file, ...filter).code).toBe(0);
      const read = tableFromIPC(readFileSync(file));
      const lines = text(store, "--json", ...filter)
        .trim()
        .split("\n");
      expect(read.numRows).toBe(lines.length);
      lines.forEach((line, index) => {
        expectSame(flat(read.get(index)?.toJSON() as Struct), parsed(line));
      });
    }
  });

  it("writes Parquet that another reader reads, the same bytes each time", async () => {
    const [file, again] = [join(scratch, "scan.parquet"), join(scratch, "again.parquet")];
    run(store, "--format", "parquet", "--output", file);
    run(store, "--format", "parquet", "--output", again, "--jobs", "5");
    const bytes = readFileSync(file);
    expect(readFileSync(again).equals(bytes)).toBe(true);
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const rows = await parquetReadObjects({ file: buffer as ArrayBuffer });
    const lines = text(store, "--json").trim().split("\n");
    expect(rows).toHaveLength(lines.length);
    lines.forEach((line, index) => {
      // hyparquet leaves out a list that is null.
      expectSame({ resolutionCache: null, ...flat(rows[index]) }, parsed(line));
    });
  });

  it("writes CSV with quotes where they are needed", () => {
    const lines = text(store, "--format", "csv", "--provides", "libc.so.6").split("\r\n");
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^path,storePath,size,.*,error,errorMessage$/);
    expect(lines[2]).toMatch(/^[^,]*torn,[^,]*,,.*,truncated,/);
    expect(lines[1]).toContain('"[""ld-linux-x86-64.so.2""]"');
  });

  it("reports on stderr what it could not read, and goes on", () => {
    const { code, stderr } = run(store);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^fixelf: .*torn: .*\n$/);
  });

  it("exits with 1 if something could not be read, if requested", () => {
    expect(run(store, "--strict").code).toBe(1);
    expect(run(join(store, name("a", "glibc-2")), "--strict").code).toBe(0);
  });

  it("leaves out what it could not read only if an expression settles the matter", () => {
    const found = (where: string) =>
      text(store, "--json", "--where", where)
        .split("\n")
        .filter((row) => row !== "")
        .map((row) => basename(JSON.parse(row).path))
        .sort();
    expect(found("error != null")).toEqual(["torn"]);
    expect(found("error = truncated")).toEqual(["torn"]);
    expect(found("error = io")).toEqual([]);
    const all = found("size > 0");
    expect(all).toContain("torn");
    expect(found("error = null")).toEqual(all.filter((name) => name !== "torn"));
    // Its soname is unknown, its name is known.
    expect(found("soname = libc.so.6")).toEqual(["libc.so.6", "torn"]);
    expect(found("not soname = libc.so.6")).toContain("torn");
    expect(found("soname = libc.so.6 and name != torn")).toEqual(["libc.so.6"]);
    expect(found("name != torn and soname = libc.so.6")).toEqual(["libc.so.6"]);
    expect(found("size > 1 or name = torn").filter((name) => name === "torn")).toEqual(["torn"]);
    expect(found("name = dash or soname = libc.so.6")).toEqual(["dash", "libc.so.6", "torn"]);
    expect(found("needed has libc.so.6 and errorMessage = nothing*")).toEqual([]);
  });

  it("does not count a file that it could not read as broken", () => {
    const { code, stdout } = run(join(store, name("d", "torn-1")), "--broken", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ error: "truncated" });
  });

  it("accepts a single file, even through a link, and reports other kinds", () => {
    const file = join(store, name("a", "glibc-2"), "lib/libc.so.6");
    const link = join(scratch, "link-to-a-file");
    symlinkSync(file, link);
    for (const path of [file, link]) {
      const lines = text(path, "--json").trim().split("\n");
      expect(lines.map((line) => JSON.parse(line).path)).toEqual([path]);
    }
    expect(JSON.parse(text("/dev/null", "--json"))).toMatchObject({
      path: "/dev/null",
      error: "not-a-regular-file",
    });
  });

  it("accepts a list of store paths, some of which are missing", () => {
    const list = join(scratch, "list");
    const [here, gone] = [join(store, name("a", "glibc-2")), join(store, name("z", "gone-1"))];
    writeFileSync(list, `${gone}\n${here}\n${here}\n`);
    const rows = text("--from", list, "--json").trim().split("\n");
    const expected = text(here, "--json").trim().split("\n");
    expect(rows.slice(0, -1)).toEqual(expected);
    expect(JSON.parse(rows.at(-1) ?? "")).toEqual({
      path: gone,
      storePath: gone,
      error: "not-found",
      errorMessage: "cannot open the file: No such file or directory",
    });
    // Each part has its own, and together they are the list.
    const parts = ["1/3", "2/3", "3/3"].flatMap((shard) =>
      text("--from", list, "--json", "--shard", shard).split("\n").filter(Boolean),
    );
    expect(parts.sort()).toEqual([...rows].sort());
  });

  it("needs one descriptor for a thousand listed paths of one directory", needs("bash"), () => {
    const many = join(scratch, "many");
    const paths = Array.from({ length: 1000 }, (_, index) => join(many, String(index)));
    for (const path of paths) mkdirSync(path, { recursive: true });
    const line = `ulimit -n 40 && printf '%s\\n' ${many}/* | ${shellCli} scan --from - --json --strict`;
    expect(start(["bash", "-c", line])).toMatchObject({ code: 0, stderr: "" });
  });

  it("reports whether parts form a whole", () => {
    const results = join(scratch, "results");
    for (const [number, format] of [
      [1, "parquet"],
      [2, "arrow"],
      [3, "parquet"],
    ])
      run(
        ...[store, "--format", `${format}`, "--shard", `${number}/3`],
        ...["--output", join(results, `${number}.${format}`)],
      );
    expect(run("--check", results)).toMatchObject({ code: 0, stderr: "" });
    copyFileSync(join(results, "3.parquet"), join(results, "again.parquet"));
    rmSync(join(results, "2.arrow"));
    writeFileSync(
      join(results, "half.parquet"),
      readFileSync(join(results, "1.parquet")).subarray(0, 99),
    );
    // The same length, so that the file stays valid.
    const older = readFileSync(join(results, "1.parquet"));
    older.write("9.9.9", older.indexOf(packageVersion()));
    writeFileSync(join(results, "1.parquet"), older);
    const { code, stdout } = run("--check", results, "--json");
    expect(code).toBe(1);
    const messages = JSON.parse(stdout).problems.map(({ message }: { message: string }) => message);
    expect(messages).toEqual([
      expect.stringMatching(/^half.parquet: it is not whole: /),
      `1.parquet: written by fixelf 9.9.9, most others by ${packageVersion()}`,
      "shard 2 of 3 is missing",
      "shard 3/3 is there 2 times: 3.parquet, again.parquet",
    ]);
  });

  it("reports to which scan a part belongs, and what is not a part", () => {
    const results = join(scratch, "mixed-results");
    const write = (file: string, ...words: string[]) =>
      run(...words, "--format", file.replace(/.*\./, ""), "--output", join(results, file));
    const problems = () => {
      const { code, stdout } = run("--check", results, "--json");
      expect(code).toBe(1);
      return JSON.parse(stdout).problems.map(({ message }: { message: string }) => message);
    };
    const shards = (of: string) => [1, 2].map((shard) => [of, "--shard", `${shard}/2`] as const);
    for (const [index, words] of shards(store).entries()) write(`${index + 1}.parquet`, ...words);
    // One of the whole, and one of other parts: each row would be there twice.
    write("whole.arrow", store);
    expect(problems()).toEqual([
      "the same files are in several divisions: 1.parquet, 2.parquet (of 2); whole.arrow (of 1)",
    ]);
    rmSync(join(results, "whole.arrow"));
    const other = join(scratch, "another-store");
    mkdirSync(other);
    write("2.parquet", other, "--shard", "2/2");
    expect(problems()).toEqual([
      `shard 2 of 2 of the scan of roots ${JSON.stringify([store])} is missing`,
      `shard 1 of 2 of the scan of roots ${JSON.stringify([other])} is missing`,
    ]);
    write("2.parquet", store, "--shard", "2/2", "--needs", "libc.so.6");
    expect(problems()).toEqual([
      "shard 2 of 2 of the scan of filter {} is missing",
      'shard 1 of 2 of the scan of filter {"needs":"libc.so.6"} is missing',
    ]);
    write("2.parquet", store, "--shard", "2/2");
    write("3.arrow", other);
    truncateSync(join(results, "3.arrow"), 500);
    execFileSync("mkfifo", [join(results, "4.parquet")]);
    mkdirSync(join(results, "5.arrow"));
    writeFileSync(join(results, "6.parquet"), "");
    expect(problems()).toEqual([
      "3.arrow: it is not whole: its beginning or its end is missing",
      "4.parquet: it is no regular file",
      "5.arrow: it is no regular file",
      "6.parquet: it is not whole: its beginning or its end is missing",
    ]);
  });

  it("exits with 1 if something is broken", () => {
    expect(run(store, "--broken").code).toBe(1);
    expect(run(join(store, name("a", "glibc-2")), "--broken").code).toBe(0);
  });

  it("prints a summary", async () => {
    const summary = JSON.parse(text(store, "--summary", "--json"));
    expect(summary).toMatchObject({
      schema: "fixelf.scan-summary/1",
      files: 9,
      elf: 6,
      failures: 1,
      machines: [{ name: "x86-64", count: 6 }],
    });
    expect(summary.interpreters).toContainEqual({
      name: "/nix64/ld-linux-x86-64.so.2",
      count: 1,
      there: false,
    });
    expect(text(store, "--summary")).toContain("6 ELF files of");
  });

  it("keeps the old file if the new one fails", () => {
    const file = join(scratch, "kept.csv");
    writeFileSync(file, "old");
    const { code } = run(join(scratch, "nothing"), "--format", "csv", "--output", file);
    expect(code).toBe(2);
    expect(readFileSync(file, "utf8")).toBe("old");
  });

  it.each([
    [["--format", "xml"], "none of table"],
    [["--shard", "0/3"], "not I/N"],
    [["--jobs", "none"], "not a number"],
    [["--order", "random"], "neither path nor disk"],
    [["--where", "size ="], "expected a value"],
    [["--where", "type = shared"], "; did you mean shared-library?"],
    [["--where", "relro != None"], "; did you mean none?"],
    [["--where", "machine = x68-64"], "; did you mean x86-64?"],
    [["--requires", "GLIBC"], "'GLIBC_*' is any"],
    [["--requires", "GLIBC>=x"], "x is no version, such as 2.38"],
  ])("explains what is wrong with %s", (words, message) => {
    const { code, stderr } = run(store, ...words);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it("ends quietly when its reader has gone", needs("bash"), () => {
    const line = `${shellCli} scan /usr/lib --json | head -1 >/dev/null; echo \${PIPESTATUS[0]}`;
    const { stdout, stderr } = start(["bash", "-c", line]);
    expect(stdout).toBe("0\n");
    expect(stderr).toBe("");
  });
});

describe("columns of a scan", () => {
  it("keep the rows that are selected from them", async () => {
    for await (const batch of scan(["/usr/lib"])) {
      const rows = Array.from({ length: batch.length }, (_, row) => row).filter((row) => row % 3);
      const columns = batch.columns.map((column) => takeRows(column, rows));
      const taken = new ScanBatch({
        rows: rows.length,
        columns,
        branches: takeRows(batch.column("path"), []), // none
        failures: [],
        links: [],
        lines: batch.lines,
      });
      expect([...taken]).toEqual(rows.map((row) => batch.row(row)));
    }
  });

  it("add up to a summary with every file in it", async () => {
    const summarizer = new Summarizer();
    let rows = 0;
    for await (const batch of scan(["/usr/lib"])) {
      rows += batch.length;
      summarizer.add(batch, Array(batch.length).keys());
    }
    const summary = summarizer.summary(0, 0);
    expect(summary.elf).toBe(rows);
    expect(summary.types.reduce((sum, { count }) => sum + count, 0)).toBe(rows);
    expect(summary.largest).toHaveLength(10);
  });
});

/** A row of NDJSON without the bytes that are added for a path that is not UTF-8. */
function parsed(line: string): ScanRow {
  const { pathBytes: _, ...row } = JSON.parse(line);
  return row;
}

/** Plain values: vectors and typed rows become arrays and objects. */
function flat(value: unknown): Record<string, unknown> {
  return JSON.parse(
    JSON.stringify(value, (_key, field: unknown) =>
      typeof field === "bigint" ? Number(field) : field,
    ),
  );
}

/** Compares a row in a columnar file with the row's own object. */
function expectSame(read: Record<string, unknown>, row: ScanRow & { entry: unknown }): void {
  if ("error" in row) {
    const there = Object.entries(read).filter(([, value]) => value !== null);
    expect(Object.fromEntries(there)).toEqual(row);
    return;
  }
  const { notes, overlay, entry, ...plain } = row;
  const { abiTag, ...otherNotes } = notes;
  expect(read).toEqual({
    ...plain,
    ...otherNotes,
    entry: Number(entry),
    abiTagSystem: abiTag?.operatingSystem ?? null,
    abiTagKernel: abiTag?.kernel.join(".") ?? null,
    overlayOffset: overlay?.offset ?? null,
    overlaySize: overlay?.size ?? null,
    error: null,
    errorMessage: null,
  });
}
