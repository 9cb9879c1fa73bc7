// The compiler of the other tests: what it keeps between runs is what it would make again.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

describe("compile", needs("gcc"), () => {
  const directory = scratchDirectory();
  const at = (name: string) => join(directory, name);

  it("makes the same program from the same arguments", () => {
    const source = "int main(void) { return 0; }";
    const [first, second] = ["first", "second"].map((name) => compile(at(name), source));
    expect(readFileSync(second as string)).toEqual(readFileSync(first as string));
    execFileSync(second as string);
  });

  it("makes another program from another source, and with other options", () => {
    const [number, source] = ["int number = 1;", "int number = 2;"];
    const library = readFileSync(compile(at("one.so"), number, "-shared"));
    expect(readFileSync(compile(at("two.so"), source, "-shared"))).not.toEqual(library);
    const named = compile(at("named.so"), number, "-shared", "-Wl,-soname,libnumber.so");
    expect(readFileSync(named)).not.toEqual(library);
  });

  it("puts this run's directory where an earlier run's result named its own", () => {
    const options = [`-Wl,-rpath,${at("lib")},--build-id=none`];
    const kept = ["first", "second"].map((name) =>
      compile(at(name), "int main(void) {}", ...options),
    );
    const made = at("made");
    run(["gcc", "-xc", "-", "-o", made, ...options], { input: "int main(void) {}" });
    for (const path of kept) expect(readFileSync(path)).toEqual(readFileSync(made));
  });

  it("reads files named in options", () => {
    const source = "int one(void) { return 1; } int two(void) { return 2; }";
    const libraries = ["V1 { one; };", "V1 { one; }; V2 { two; };"].map((script, index) => {
      writeFileSync(at("versions"), script);
      const options = ["-shared", "-Wl,--version-script=versions,-soname,libnumber.so"];
      return readFileSync(compile(at(`lib${index}.so`), source, ...options));
    });
    expect(libraries.map((library) => library.includes("V2"))).toEqual([false, true]);
  });

  it("links a library as it is now", () => {
    const source = "extern int number(void); int main(void) { return number(); }";
    const statuses = [3, 4].map((number) => {
      const object = compile(at("number.o"), `int number(void) { return ${number}; }`, "-c");
      const program = compile(at("program"), source, object);
      return execFileSync("/bin/sh", ["-c", '"$1"; echo $?', "sh", program], { encoding: "utf8" });
    });
    expect(statuses).toEqual(["3\n", "4\n"]);
  });

  it("needs the linker, even for what was kept", needs("ld.lld"), () => {
    const link = () => compile(at("linked"), "int main(void) { return 0; }", "-fuse-ld=lld");
    link();
    const gcc = execFileSync("/bin/sh", ["-c", "command -v gcc"], { encoding: "utf8" }).trim();
    mkdirSync(at("tools"));
    symlinkSync(gcc, at("tools/gcc"));
    vi.stubEnv("PATH", at("tools"));
    try {
      expect(link).toThrow(/ld\.lld ENOENT/);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
