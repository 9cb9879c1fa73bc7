// The examples, each as its first lines say.
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { node, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { NixosRoot } from "./support/store.js";

const examples = resolve(import.meta.dirname, "../examples");
const example = (name: string, ...words: string[]) =>
  run([...node, join(examples, name), ...words]);
type Matcher = (
  path: string,
  options: { root: string },
) => Promise<{ pass: boolean; message: () => string }>;
const { toStart }: { toStart: Matcher } = await import(join(examples, "to-start.mjs"));

describe("the examples", needs("gcc"), () => {
  const nixos = new NixosRoot();
  const directory = nixos.in("/opt/app");
  const program = join(directory, "program");
  const lacking = join(directory, "lacking");
  const main = "int main(void) { return 0; }";
  const foreign = "-Wl,--dynamic-linker=/lib65/ld.so";

  it("are all tested here", () => {
    expect(readdirSync(examples).sort()).toEqual([
      "README.md",
      "fix-directory.mjs",
      "scan-in-worker.mjs",
      "to-start.mjs",
    ]);
  });

  it("fix a directory, and fail for what would not start", async () => {
    mkdirSync(directory, { recursive: true });
    compile(program, main, foreign);
    expect(await toStart(program, { root: nixos.path })).toMatchObject({ pass: false });
    const fixed = example("fix-directory.mjs", directory, nixos.path);
    expect(fixed).toMatchObject({ code: 0, stderr: "" });
    expect(fixed.stdout).toMatch(/^fixed {2}\S+\/program {2}interpreter/);
    expect(await toStart(program, { root: nixos.path })).toMatchObject({ pass: true });
    expect(example("fix-directory.mjs", directory, nixos.path)).toMatchObject({
      code: 0,
      stdout: "",
    });

    const absent = join(scratchDirectory(), "libabsent.so.1");
    compile(absent, "int absent(void) { return 0; }", "-shared", "-Wl,-soname,libabsent.so.1");
    compile(lacking, "int absent(void); int main(void) { return absent(); }", foreign, absent);
    const refused = example("fix-directory.mjs", directory, nixos.path);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/^refused {2}\S+\/lacking {2}.*libabsent\.so\.1/);
    const { message } = await toStart(lacking, { root: nixos.path });
    expect(message()).toContain("libabsent.so.1");
  });

  it("scan in a worker", () => {
    const tree = scratchDirectory();
    for (const name of ["one", "two"]) compile(join(tree, name), main);
    copyFileSync(join(tree, "one"), join(tree, "three"));
    const { stdout, stderr, code } = example("scan-in-worker.mjs", tree);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(stdout).toMatch(/ pie'? +│ +3 +│/);
  });
});
