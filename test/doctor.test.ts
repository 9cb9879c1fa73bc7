// Each kind of finding, in a program that was compiled and then tampered with.
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { diagnose, type FindingCode } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const at = (name: string) => join(directory, name);
const collected = "/nix/store/0000000000000000000000000000000a-gone-1.0";

const gcc = (output: string, source: string, ...flags: string[]) =>
  compile(at(output), source, ...flags);

/** A copy with e_machine overwritten, at byte 18 in every ELF file (gABI, figure 4-3). */
function forOtherMachine(path: string, copy: string): string {
  const bytes = readFileSync(path);
  const aarch64 = 183;
  const riscv = 243;
  bytes.writeUInt16LE(bytes.readUInt16LE(18) === aarch64 ? riscv : aarch64, 18);
  writeFileSync(copy, bytes, { mode: 0o755 });
  return copy;
}

async function codes(path: string): Promise<FindingCode[]> {
  const [diagnosis] = await diagnose([path]);
  for (const { message, evidence, remedy } of diagnosis?.findings ?? []) {
    expect(message).not.toBe("");
    expect(evidence.length).toBeGreaterThan(0);
    expect(remedy).not.toBe("");
  }
  return (diagnosis?.findings ?? []).map(({ code }) => code);
}

async function verdict(path: string): Promise<string | undefined> {
  return (await diagnose([path]))[0]?.verdict;
}

describe("doctor", needs("gcc"), () => {
  const main = "int helper(void); int main(void) { return helper(); }";
  let program: string;

  beforeAll(() => {
    mkdirSync(at("lib"));
    gcc("lib/libhelper.so", "int helper(void) { return 0; }", "-shared", "-fPIC");
    const runpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib";
    program = gcc("program", main, `-L${at("lib")}`, "-lhelper", runpath);
  });

  it("reports that a healthy program is healthy", async () => {
    expect(await codes(program)).toEqual([]);
    expect(await verdict(program)).toBe("healthy");
    expect(await verdict(at("lib/libhelper.so"))).toBe("healthy");
  });

  it("reports how many libraries are found", async () => {
    const bare = ["-shared", "-fPIC", "-nostdlib"];
    const none = gcc("libnone.so", "int none;", ...bare, "-Wl,-soname,libnone.so");
    const used = "-Wl,--no-as-needed,-rpath,$ORIGIN";
    const one = gcc("libone.so", "int one;", ...bare, used, none);
    const two = gcc("libtwo.so", "int two;", ...bare, used, none, one);
    const summaries = (await diagnose([none, one, two])).map(({ summary }) => summary);
    expect(summaries).toEqual([
      "it needs no libraries",
      "the library that it needs is found",
      "all 2 libraries that it needs are found",
    ]);
  });

  it("does not take a file for a directory, or a socket for a file", async () => {
    for (const end of ["/", "/."])
      await expect(diagnose([program + end])).rejects.toMatchObject({
        code: "not-found",
        message: `${program}${end}: Not a directory`,
      });
    const path = at("socket");
    const server = createServer().listen(path);
    await once(server, "listening");
    const seen = diagnose([path]).finally(() => server.close());
    await expect(seen).rejects.toMatchObject({ code: "not-a-regular-file" });
  });

  it("reports that a static program is static", async () => {
    const path = gcc("static", "int main(void) { return 0; }", "-static");
    expect(await codes(path)).toEqual([]);
    expect(await verdict(path)).toBe("static");
  });

  it("finds interpreter-missing", async () => {
    const flag = "-Wl,--dynamic-linker=/nowhere/ld.so";
    expect(await codes(gcc("no-loader", "int main(void) { return 0; }", flag))).toContain(
      "interpreter-missing",
    );
  });

  it("finds interpreter-collected", async () => {
    const flag = `-Wl,--dynamic-linker=${collected}/lib/ld.so`;
    expect(await codes(gcc("gone-loader", "int main(void) { return 0; }", flag))).toContain(
      "interpreter-collected",
    );
  });

  it("finds library-missing", async () => {
    mkdirSync(at("alone"));
    copyFileSync(program, at("alone/program"));
    expect(await codes(at("alone/program"))).toEqual(["library-missing"]);
  });

  it("finds library-collected", async () => {
    const flag = `-Wl,--enable-new-dtags,-rpath,${collected}/lib`;
    const path = gcc("gone-library", main, `-L${at("lib")}`, "-lhelper", flag);
    expect(await codes(path)).toEqual(["library-collected"]);
  });

  it("finds library-wrong-machine", async () => {
    mkdirSync(at("foreign/lib"), { recursive: true });
    copyFileSync(program, at("foreign/program"));
    forOtherMachine(at("lib/libhelper.so"), at("foreign/lib/libhelper.so"));
    expect(await codes(at("foreign/program"))).toEqual(["library-wrong-machine"]);
  });

  it("finds version-missing", async () => {
    mkdirSync(at("versions/lib"), { recursive: true });
    writeFileSync(at("old.map"), "V1 { local: *; };");
    writeFileSync(at("new.map"), "V1 { local: *; }; V2 { global: helper; };");
    const library = (map: string) =>
      gcc(
        "versions/lib/libhelper.so",
        "int helper(void) { return 0; }",
        "-shared",
        "-fPIC",
        `-Wl,--version-script=${at(map)}`,
      );
    library("new.map");
    const runpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib";
    const path = gcc("versions/program", main, `-L${at("versions/lib")}`, "-lhelper", runpath);
    expect(await codes(path)).toEqual([]);
    library("old.map");
    expect(await codes(path)).toEqual(["version-missing"]);
  });

  it("finds wrong-machine", async () => {
    expect(await codes(forOtherMachine(program, at("other")))).toContain("wrong-machine");
  });

  it("finds not-executable", async () => {
    mkdirSync(at("mode"));
    const path = gcc("mode/program", "int main(void) { return 0; }");
    chmodSync(path, 0o644);
    expect(await codes(path)).toEqual(["not-executable"]);
  });

  it("does not expect execute permission for a module that can also be run, such as PAM's", async () => {
    const path = gcc("mode/pam_thing.so", "int main(void) { return 0; }");
    chmodSync(path, 0o644);
    expect(await codes(path)).toEqual([]);
  });

  it("finds malformed", async () => {
    writeFileSync(at("half"), readFileSync(program).subarray(0, 600), { mode: 0o755 });
    expect(await codes(at("half"))).toEqual(["malformed"]);
  });

  it("finds script-interpreter-missing", async () => {
    writeFileSync(at("script"), "#!/nowhere/python3 -u\n", { mode: 0o755 });
    expect(await codes(at("script"))).toEqual(["script-interpreter-missing"]);
    writeFileSync(at("good-script"), "#!/bin/sh\n", { mode: 0o755 });
    expect(await verdict(at("good-script"))).toBe("script");
  });
});
