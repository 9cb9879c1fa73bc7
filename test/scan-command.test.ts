// What `fixelf scan` does with its output, its filters and roots, as a command.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { needs } from "./support/needs.js";
import { addonEnvironment } from "./support/preload.js";
import { scratchDirectory } from "./support/scratch.js";

const main = fileURLToPath(new URL("../dist/cli/main.cjs", import.meta.url));
const directory = scratchDirectory();
const at = (name: string) => join(directory, name);
const env = { ...process.env, ...addonEnvironment };

function scan(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, "scan", "--no-index", ...words],
    { encoding: "utf8", env },
  );
  return { status, stdout, stderr };
}

function rows(...words: string[]): Record<string, unknown>[] {
  const { status, stdout, stderr } = scan(at("tree"), "--format", "ndjson", ...words);
  expect([status, stderr]).toEqual([0, ""]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

function compile(output: string, source: string, ...flags: string[]): void {
  execFileSync("gcc", ["-x", "c", "-", "-o", at(output), ...flags], { input: source });
}

describe("fixelf scan", needs("gcc"), () => {
  beforeAll(() => {
    mkdirSync(at("tree"));
    compile("tree/program", "int main(void) { return 0; }");
  });

  it("writes a file that appears when it is whole, whatever a killed process left", () => {
    writeFileSync(at("out.csv.1.part"), "half");
    expect(scan(at("tree"), "--format", "csv", "--output", at("out.csv")).status).toBe(0);
    expect(readFileSync(at("out.csv"), "utf8")).toContain("tree/program");
    expect(readdirSync(directory).filter((name) => name.endsWith(".part"))).toEqual([
      "out.csv.1.part",
    ]);
    expect(readFileSync(at("out.csv.1.part"), "utf8")).toBe("half");
  });

  it("writes through a link, and leaves it a link", () => {
    writeFileSync(at("target"), "old");
    symlinkSync("target", at("link"));
    expect(scan(at("tree"), "--format", "csv", "--output", at("link")).status).toBe(0);
    expect(lstatSync(at("link")).isSymbolicLink()).toBe(true);
    expect(readFileSync(at("target"), "utf8")).toContain("tree/program");
  });

  it("writes into a pipe, and leaves it a pipe", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    const reader = spawn("cat", [at("pipe")]);
    const words = [
      main,
      "scan",
      "--no-index",
      at("tree"),
      "--format",
      "csv",
      "--output",
      at("pipe"),
    ];
    const writer = spawn(process.execPath, words, { env });
    expect(await text(reader.stdout)).toContain("tree/program");
    await new Promise((resolve) => writer.on("close", resolve));
    expect(writer.exitCode).toBe(0);
    expect(lstatSync(at("pipe")).isFIFO()).toBe(true);
  });

  it("takes - for standard output", () => {
    expect(scan(at("tree"), "--format", "csv", "--output", "-").stdout).toContain("tree/program");
  });

  it("reads nothing of this machine for a root without a store", () => {
    mkdirSync(at("root"));
    const { status, stdout, stderr } = scan("--root", at("root"), "--format", "csv");
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`${at("root")}/nix/store: there is no store`);
  });

  it("follows a root's own links inside the root", () => {
    const name = "00000000000000000000000000000001-a-1";
    mkdirSync(at(`linked/data/${name}/lib`), { recursive: true });
    mkdirSync(at("linked/nix"));
    symlinkSync("/data", at("linked/nix/store"));
    const library = `linked/data/${name}/lib/liba.so.1`;
    compile(library, "int f(void) { return 0; }", "-shared", "-fPIC", "-Wl,-soname,liba.so.1");
    const { status, stdout } = scan("--root", at("linked"), "--format", "ndjson");
    expect([status, stdout.split("\n").length]).toEqual([0, 2]);
    expect(stdout).toContain(`${name}/lib/liba.so.1`);
    const words = [main, "find", "--no-index", "--root", at("linked"), "--json", "liba.so.1"];
    const found = spawnSync(process.execPath, words, { encoding: "utf8", env });
    expect(JSON.parse(found.stdout).sonames[0].providers).toMatchObject([
      { path: `/nix/store/${name}/lib/liba.so.1` },
    ]);
  });

  it("knows the names that others have for a machine, and no wrong one", needs("x86-64"), () => {
    for (const name of ["x86-64", "x86_64", "amd64", "x86*"])
      expect(rows("--machine", name)).toHaveLength(1);
    expect(rows("--machine", "arm64")).toEqual([]);
    const { status, stderr } = scan(at("tree"), "--machine", "x68-64");
    expect(status).toBe(2);
    expect(stderr).toContain("x68-64 is none of");
  });

  it("calls split debug information what it is", needs("objcopy"), () => {
    compile("tree/lib.so", "int f(void) { return 1; }", "-g", "-shared", "-fPIC");
    execFileSync("objcopy", ["--only-keep-debug", at("tree/lib.so"), at("tree/lib.debug")]);
    expect(rows("--where", "type = debug-information").map(({ path }) => path)).toEqual([
      at("tree/lib.debug"),
    ]);
    expect(rows("--where", "type = shared-library").map(({ path }) => path)).toEqual([
      at("tree/lib.so"),
    ]);
  });

  it("reads a build id that only a section has", () => {
    const note =
      '.section .note.gnu.build-id,"a",@note\n.long 4,4,3\n.asciz "GNU"\n.long 0x11223344\n';
    execFileSync("gcc", ["-c", "-x", "assembler", "-", "-o", at("tree/module.ko")], {
      input: note,
    });
    // The word is stored as this machine stores it.
    expect(rows("--where", "type = relocatable")).toMatchObject([
      { notes: { buildId: "44332211" } },
    ]);
  });

  it("counts packed relocations as glibc 2.36's", needs("x86-64"), () => {
    const source = "static void *p[] = {&p, &p, &p}; int main(void) { return p[1] == 0; }";
    compile("tree/relr", source, "-pie", "-fPIE", "-Wl,-z,pack-relative-relocs");
    const newer = rows("--requires", "GLIBC>=2.36").map(({ path }) => path);
    expect(newer).toEqual([at("tree/relr")]);
  });
});
