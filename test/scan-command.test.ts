// What `fixelf scan` does with its output, its filters and roots, as a command.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { fixelf, startFixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { storePath } from "./support/store.js";

const directory = scratchDirectory();
const at = (name: string) => join(directory, name);
const scan = (...words: string[]) => fixelf(["scan", "--no-index", ...words]);

function rows(...words: string[]): Record<string, unknown>[] {
  const { code, stdout, stderr } = scan(at("tree"), "--format", "ndjson", ...words);
  expect([code, stderr]).toEqual([0, ""]);
  return parsed(stdout);
}

/** The parsed output of `--format ndjson`. */
function parsed(stdout: string): ReturnType<typeof JSON.parse>[] {
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}

describe("fixelf scan", needs("gcc"), () => {
  beforeAll(() => {
    compile(at("tree/program"), "int main(void) { return 0; }");
  });

  it("writes a file that appears once it is complete, despite the leftovers of a killed process", () => {
    writeFileSync(at("out.csv.1.part"), "half");
    expect(scan(at("tree"), "--format", "csv", "--output", at("out.csv")).code).toBe(0);
    expect(readFileSync(at("out.csv"), "utf8")).toContain("tree/program");
    expect(readdirSync(directory).filter((name) => name.endsWith(".part"))).toEqual([
      "out.csv.1.part",
    ]);
    expect(readFileSync(at("out.csv.1.part"), "utf8")).toBe("half");
  });

  it("writes a file with the longest name possible", () => {
    const longest = at("n".repeat(255));
    expect(scan(at("tree"), "--format", "csv", "--output", longest).code).toBe(0);
    expect(readFileSync(longest, "utf8")).toContain("tree/program");
  });

  it("writes through a link, which stays a link", () => {
    writeFileSync(at("target"), "old");
    symlinkSync("target", at("link"));
    expect(scan(at("tree"), "--format", "csv", "--output", at("link")).code).toBe(0);
    expect(lstatSync(at("link")).isSymbolicLink()).toBe(true);
    expect(readFileSync(at("target"), "utf8")).toContain("tree/program");
  });

  it("writes into a pipe, which stays a pipe", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    const reader = spawn("cat", [at("pipe")]);
    const words = ["scan", "--no-index", at("tree"), "--format", "csv", "--output", at("pipe")];
    const writer = startFixelf(words);
    const written = once(writer, "close");
    expect(await text(reader.stdout)).toContain("tree/program");
    await written;
    expect(writer.exitCode).toBe(0);
    expect(lstatSync(at("pipe")).isFIFO()).toBe(true);
  });

  it("reports that a named file is not ELF", () => {
    writeFileSync(at("notes"), "some text");
    const { code, stderr, stdout } = fixelf(["scan", "--format", "csv", at("notes")]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `fixelf: ${at("notes")}: it is not an ELF file\n`,
    });
    expect(stdout.split("\n")).toHaveLength(2);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "leaves no partial file at %s",
    async (signal) => {
      mkdirSync(at(`ended-${signal}`));
      const output = at(`ended-${signal}/out.csv`);
      const long = ["/usr", "--format", "csv", "--output", output];
      const child = startFixelf(["scan", "--no-index", "--jobs", "1", ...long]);
      const ended = once(child, "close");
      while (readdirSync(at(`ended-${signal}`)).length === 0 && child.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 5));
      child.kill(signal);
      expect(await ended).toEqual([130, null]);
      expect(readdirSync(at(`ended-${signal}`))).toEqual([]);
    },
  );

  it("keeps the mode of the file that it replaces", () => {
    writeFileSync(at("private.csv"), "old", { mode: 0o600 });
    chmodSync(at("private.csv"), 0o600);
    expect(scan(at("tree"), "--format", "csv", "--output", at("private.csv")).code).toBe(0);
    expect(readFileSync(at("private.csv"), "utf8")).toContain("tree/program");
    expect(lstatSync(at("private.csv")).mode & 0o777).toBe(0o600);
  });

  it("names the file that it cannot write", needs("prlimit"), () => {
    for (const name of ["", at("new/")]) {
      const { code, stderr } = scan(at("tree"), "--format", "csv", "--output", name);
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/^fixelf: --output: .* is no file$/m),
      ]);
    }
    const limited = { by: ["prlimit", "--fsize=100"] };
    const words = [
      "scan",
      "--no-index",
      at("tree"),
      "--format",
      "csv",
      "--output",
      at("large.csv"),
    ];
    const { code, stderr } = fixelf(words, limited);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${at("large.csv")}: EFBIG`)]);
    expect(readdirSync(directory).filter((name) => name.startsWith("large"))).toEqual([]);
  });

  it("takes - for standard output", () => {
    expect(scan(at("tree"), "--format", "csv", "--output", "-").stdout).toContain("tree/program");
  });

  it("reads nothing from this machine for a root without a store", () => {
    mkdirSync(at("root"));
    const { code, stdout, stderr } = scan("--root", at("root"), "--format", "csv");
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`${at("root")}/nix/store: there is no store`);
    // A file there is not a store either, nor is a link to a file.
    compile(at("root/nix/store"), "int main(void) { return 0; }");
    expect([scan("--root", at("root")).code, scan("--root", at("root")).stdout]).toEqual([2, ""]);
  });

  it.each(["scan", "index", "loaders"])(
    "%s reports that a root's store is a link to itself",
    (command) => {
      // Absolute, as in an image made with this machine's links: inside the root it leads to itself.
      const root = at(`circle-${command}`);
      mkdirSync(join(root, "nix"), { recursive: true });
      symlinkSync("/nix/store", join(root, "nix/store"));
      const { code, stdout, stderr } = fixelf([command, "--root", root]);
      expect([code, stdout]).toEqual([2, ""]);
      const why = "Too many levels of symbolic links";
      expect(stderr).toBe(`fixelf: ${root}/nix/store: cannot look up the file: ${why}\n`);
    },
  );

  it("index reports as scan does that there is no store", () => {
    mkdirSync(at("bare"));
    const { code, stderr } = fixelf(["index", "--root", at("bare")]);
    expect([code, stderr]).toEqual([2, `fixelf: ${at("bare")}/nix/store: there is no store\n`]);
  });

  it("follows a root's own links inside the root", () => {
    const path = storePath("a-1");
    const name = basename(path);
    mkdirSync(at("linked/nix"), { recursive: true });
    symlinkSync("/data", at("linked/nix/store"));
    const options = ["-shared", "-fPIC", "-Wl,-soname,liba.so.1"];
    compile(at(`linked/data/${name}/lib/liba.so.1`), "int f(void) { return 0; }", ...options);
    const { code, stdout } = scan("--root", at("linked"), "--format", "ndjson");
    expect([code, stdout.split("\n").length]).toEqual([0, 2]);
    expect(JSON.parse(stdout)).toMatchObject({ path: `${path}/lib/liba.so.1`, storePath: path });
    const found = fixelf(["find", "--no-index", "--root", at("linked"), "--json", "liba.so.1"]);
    expect(JSON.parse(found.stdout).sonames[0].providers).toMatchObject([
      { path: `${path}/lib/liba.so.1` },
    ]);
  });

  it("reads nothing from this machine that the root lacks", () => {
    const root = at("lacking");
    mkdirSync(at("lacking/nix/store"), { recursive: true });
    const missing = { code: 2, stdout: "" };
    expect(scan("--root", root, "--format", "csv", at("tree"))).toMatchObject(missing);
    expect(scan("--root", root, "--format", "csv", at("tree/program"))).toMatchObject(missing);
    expect(fixelf(["scan", "--root", root, "tree"], { cwd: directory }).code).toBe(2);
    writeFileSync(at("list"), `${at("tree/program")}\n/etc\n`);
    const words = ["--root", root, "--format", "ndjson", "--from", at("list"), "--strict"];
    const { code, stdout } = scan(...words);
    const lines = stdout.split("\n").filter((line) => line !== "");
    expect([code, lines.map((line) => JSON.parse(line))]).toEqual([
      1,
      ["/etc", at("tree/program")]
        .sort()
        .map((path) => expect.objectContaining({ path, error: "not-found" })),
    ]);
  });

  it("follows no link out of a root", () => {
    compile(at("elsewhere/nix/store/program"), "int main(void) { return 0; }");
    mkdirSync(at("climbing/nix"), { recursive: true });
    symlinkSync("../../elsewhere/nix/store", at("climbing/nix/store"));
    symlinkSync(at("tree"), at("climbing/out"));
    for (const path of ["/nix/store", "/out", at("climbing/nix/store"), at("climbing/out")])
      expect(scan("--root", at("climbing"), path)).toMatchObject({ code: 2, stdout: "" });
    expect(scan("--root", at("climbing"), at("climbing/out/program")).code).toBe(2);
    expect(scan("--root", at("climbing"))).toMatchObject({ code: 2, stdout: "" });
  });

  it("accepts other common names for a machine, and no wrong one", needs("x86-64"), () => {
    for (const name of ["x86-64", "x86_64", "amd64", "x86*"])
      expect(rows("--machine", name)).toHaveLength(1);
    for (const name of ["x86_64", "amd64", "'x86-64'", '"x86-64"', "x86*"])
      expect(rows("--where", `machine = ${name}`)).toHaveLength(1);
    expect(rows("--machine", "arm64")).toEqual([]);
    for (const [wrong, meant] of [
      ["x68-64", "; did you mean x86-64?"],
      ["aarch46", "; did you mean aarch64?"],
      ["amd46", "; did you mean amd64?"],
      ["machine-65536", ""],
      ["machine-062", ""],
      ["sparc-*-none", ""],
    ] as const) {
      const { code, stdout, stderr } = scan(at("tree"), "--machine", wrong);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(`--machine: ${wrong} is none of aarch64, alpha, amdgpu`);
      expect(stderr.split("\n")[0]?.endsWith(`machine-N (N from 0 to 65535)${meant}`)).toBe(true);
    }
  });

  it("accepts a machine's number, even if it has a name", needs("x86-64"), () => {
    const file = readFileSync(at("tree/program"));
    file.writeUInt16LE(4711, 18); // e_machine
    mkdirSync(at("numbered"));
    writeFileSync(at("numbered/other"), file);
    const found = (machine: string) => {
      const run = scan(at("tree"), at("numbered"), "--format", "ndjson", "--machine", machine);
      expect([run.code, run.stderr]).toEqual([0, ""]);
      return run.stdout.match(/"machine":"[^"]*"/g) ?? [];
    };
    expect(found("machine-62")).toEqual(['"machine":"x86-64"']);
    expect(found("machine-4711")).toEqual(['"machine":"machine-4711"']);
    expect(found("machine-*")).toEqual(['"machine":"machine-4711"']);
    expect(found("machine-4712")).toEqual([]);
  });

  it("reports a named path that is not a regular file, in a row and on stderr", async () => {
    execFileSync("mkfifo", [at("named-fifo")]);
    symlinkSync("named-fifo", at("to-fifo"));
    const server = createServer().listen(at("s"));
    await once(server, "listening");
    for (const path of [at("named-fifo"), at("to-fifo"), at("s"), "/dev/null"]) {
      const { code, stdout, stderr } = scan(path, at("tree/program"), "--format", "ndjson");
      expect([code, stderr]).toEqual([0, `fixelf: ${path}: this is not a regular file\n`]);
      const found = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(found).toHaveLength(2);
      expect(found.find((row) => row.path === path)).toMatchObject({
        error: "not-a-regular-file",
        errorMessage: "this is not a regular file",
      });
      expect(scan(path, "--strict").code).toBe(1);
      expect(JSON.parse(scan(path, "--summary", "--json").stdout)).toMatchObject({ failures: 1 });
    }
    // The entries of a directory are not named by the user.
    mkdirSync(at("with-fifo"));
    execFileSync("mkfifo", [at("with-fifo/fifo")]);
    expect(scan(at("with-fifo"), "--format", "ndjson")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });
    server.close();
  });

  it("recognises separate debug information", needs("objcopy"), () => {
    compile(at("tree/lib.so"), "int f(void) { return 1; }", "-g", "-shared", "-fPIC");
    execFileSync("objcopy", ["--only-keep-debug", at("tree/lib.so"), at("tree/lib.debug")]);
    expect(rows("--where", "type = debug-information").map(({ path }) => path)).toEqual([
      at("tree/lib.debug"),
    ]);
    expect(rows("--where", "type = shared-library").map(({ path }) => path)).toEqual([
      at("tree/lib.so"),
    ]);
    // Also for kernel modules, which have no program headers.
    compile(at("tree/module.ko"), "int f(void) { return 1; }", "-g", "-c");
    execFileSync("objcopy", ["--only-keep-debug", at("tree/module.ko"), at("tree/module.debug")]);
    expect(rows("--where", "type = debug-information").map(({ path }) => path)).toEqual([
      at("tree/lib.debug"),
      at("tree/module.debug"),
    ]);
    expect(rows("--where", "type = relocatable").map(({ path }) => path)).toEqual([
      at("tree/module.ko"),
    ]);
    rmSync(at("tree/module.ko"));
    rmSync(at("tree/module.debug"));
  });

  // Its program headers are the program's: they lead past the end, or to whatever is there instead.
  it.each([
    ["smaller", 0],
    ["larger", 3000],
  ])(
    "recognises what elfutils split off, %s than the program",
    needs("eu-strip"),
    (size, types) => {
      const place = at(`split-${size}`);
      const source = Array.from({ length: types }, (_, n) => `struct s${n} { int a; } v${n};\n`);
      const text = `${source.join("")}int main(void) { return 0; }`;
      const program = compile(join(place, "program"), text, "-g");
      execFileSync("eu-strip", ["-f", join(place, "split.debug"), program]);
      const whole = readFileSync(program);
      writeFileSync(join(place, "torn"), whole.subarray(0, whole.length / 4));
      const { stdout } = scan(place, "--format", "ndjson");
      const rows = parsed(stdout);
      const of = (name: string) => rows.find(({ path }) => path === join(place, name));
      expect(of("split.debug")).toMatchObject({
        type: "debug-information",
        interpreter: null,
        needed: [],
      });
      expect(of("split.debug").size > of("program").size).toBe(types > 0);
      expect(of("program")).toMatchObject({ type: "pie" });
      expect(of("torn")).toMatchObject({ error: "truncated" });
    },
  );

  // objcopy leaves a segment with headers, notes and code, up to the last note.
  it("reads the notes that objcopy leaves in a segment of code", needs("objcopy"), () => {
    const place = at("kept");
    const program = compile(
      join(place, "program"),
      "int main(void) { return 0; }",
      ...["-g", "-Wl,-z,noseparate-code", "-Wl,--build-id"],
    );
    const debug = join(place, "program.debug");
    execFileSync("objcopy", ["--only-keep-debug", program, debug]);
    const { stdout } = scan(place, "--format", "ndjson");
    const [whole, split] = parsed(stdout);
    expect(whole).toMatchObject({ path: program, dynamicTable: "present" });
    expect(whole.notes.abiTag).not.toBeNull();
    expect(split).toMatchObject({
      ...{ path: debug, type: "debug-information", dynamicTable: "unread" },
      ...{ notes: whole.notes, relro: whole.relro, executableStack: whole.executableStack },
    });
  });

  it("reads a build id that is only in a section", () => {
    const section = '.section .note.gnu.build-id,\\"a\\",@note';
    const note = `${section}\\n.long 4, 4, 3\\n.asciz \\"GNU\\"\\n.long 0x11223344`;
    compile(at("tree/module.ko"), `__asm__("${note}");`, "-c");
    // The word is stored as this machine stores it.
    expect(rows("--where", "type = relocatable")).toMatchObject([
      { notes: { buildId: "44332211" } },
    ]);
  });

  it("reports no RELRO for an empty segment", needs("x86-64"), () => {
    compile(at("tree/relro"), "int main(void) { return 0; }", "-Wl,-z,relro,-z,now");
    const relro = (name: string) =>
      rows("--where", `name = ${name}`).map((row) => (row as { relro: string }).relro);
    expect(relro("relro")).toEqual(["full"]);
    const bytes = readFileSync(at("tree/relro"));
    const [first, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(56)];
    for (let header = first; header < first + 56 * count; header += 56)
      // PT_GNU_RELRO; p_memsz
      if (bytes.readUInt32LE(header) === 0x6474e552) bytes.writeBigUInt64LE(0n, header + 40);
    writeFileSync(at("tree/empty-relro"), bytes);
    expect(relro("empty-relro")).toEqual(["none"]);
  });

  it("counts packed relocations as requiring glibc 2.36", needs("x86-64"), () => {
    const source = "static void *p[] = {&p, &p, &p}; int main(void) { return p[1] == 0; }";
    compile(at("tree/relr"), source, "-pie", "-fPIE", "-Wl,-z,pack-relative-relocs");
    const newer = rows("--requires", "GLIBC>=2.36").map(({ path }) => path);
    expect(newer).toEqual([at("tree/relr")]);
  });
});
