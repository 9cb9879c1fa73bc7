// The compiler of the other tests: what it keeps between runs is what it would make again.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

describe("compile", needs("gcc"), () => {
  const directory = scratchDirectory();
  const at = (name: string) => join(directory, name);

  it("makes the same program of the same words", () => {
    const source = "int main(void) { return 0; }";
    const [first, second] = ["first", "second"].map((name) => compile(at(name), source));
    expect(readFileSync(second as string)).toEqual(readFileSync(first as string));
    execFileSync(second as string);
  });

  it("makes another program of another source, and by other options", () => {
    const [number, source] = ["int number = 1;", "int number = 2;"];
    const library = readFileSync(compile(at("one.so"), number, "-shared"));
    expect(readFileSync(compile(at("two.so"), source, "-shared"))).not.toEqual(library);
    const named = compile(at("named.so"), number, "-shared", "-Wl,-soname,libnumber.so");
    expect(readFileSync(named)).not.toEqual(library);
  });

  it("links a library as it is now", () => {
    const source = "extern int number(void); int main(void) { return number(); }";
    const statuses = [3, 4].map((number) => {
      const object = compile(at("number.o"), `int number(void) { return ${number}; }`, "-c");
      const program = compile(at("program"), source, object);
      return execFileSync("sh", ["-c", '"$1"; echo $?', "sh", program], { encoding: "utf8" });
    });
    expect(statuses).toEqual(["3\n", "4\n"]);
  });
});
