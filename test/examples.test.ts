// Each example does what its header promises.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { commandLine, node, run } from "./support/process.js";
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

  it("are all tested", () => {
    expect(readdirSync(examples).sort()).toEqual([
      "README.md",
      "fix-directory.mjs",
      "foreign-program.nix", // in test/end-to-end/examples.test.ts
      "scan-in-worker.mjs",
      "to-start.mjs",
      "workflow.yml",
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

  describe("the workflow", needs("bash"), () => {
    interface Workflow {
      jobs: { programs: { env: object; steps: { name?: string; run?: string }[] } };
    }
    const text = readFileSync(join(examples, "workflow.yml"), "utf8");
    const { env, steps } = (parse(text) as Workflow).jobs.programs;

    /**
     * Runs the steps in a package with that source as a runner does, up to the first that fails.
     */
    function ran(build: string) {
      const project = scratchDirectory();
      const bin = join(project, "node_modules/.bin");
      // What the first step installs.
      mkdirSync(bin, { recursive: true });
      const words = commandLine.map((word) => `'${word}'`).join(" ");
      writeFileSync(join(bin, "fixelf"), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
      writeFileSync(join(project, "package.json"), JSON.stringify({ scripts: { build } }));
      mkdirSync(join(project, "dist"));
      const done: [string, number | null][] = [];
      let said = "";
      for (const { name = "", run: script } of steps) {
        if (script === undefined || name === "Install") continue;
        // The shell of a step that does not name one.
        const ended = run(["bash", "-e", "-c", script], {
          cwd: project,
          env: {
            ...env,
            ...{ STORE: nixos.in("/nix/store"), XDG_STATE_HOME: join(project, "state") },
            ...{ XDG_CACHE_HOME: join(project, "cache"), npm_config_update_notifier: "false" },
          },
        });
        said += ended.stdout + ended.stderr;
        done.push([name, ended.code]);
        if (ended.code !== 0) break;
      }
      return { done, said, project };
    }

    it("fixes, checks, and leaves programs that run", () => {
      const { done, said, project } = ran(`echo '${main}' | gcc -x c - -o dist/program ${foreign}`);
      expect(done, said).toEqual([
        ["Build", 0],
        ["Fix", 0],
        ["Check", 0],
      ]);
      expect(run([join(project, "dist/program")]).code).toBe(0);
      const { files } = JSON.parse(readFileSync(join(project, "report.json"), "utf8"));
      expect(files).toMatchObject([{ verdict: "healthy" }]);
    });

    it("fails at what cannot be fixed, and gives the reason", () => {
      const library = "echo 'int absent;' | gcc -x c - -shared -o libabsent.so";
      const { done, said } = ran(
        `${library} && echo '${main}' | ` +
          `gcc -x c - -x none -Wl,--no-as-needed libabsent.so -o dist/program ${foreign}`,
      );
      expect(done, said).toEqual([
        ["Build", 0],
        ["Fix", 1],
      ]);
      expect(said).toContain("libabsent.so");
    });
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
