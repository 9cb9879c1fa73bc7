// What a user reads about a whole tree: each cause once, with one remedy that works as printed.
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Diagnosis, Outcome } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { commandLine, run, fixelf as start } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc, storePath } from "./support/store.js";

const directory = scratchDirectory();
const root = join(directory, "a root");
const tree = join(root, "opt/my app");
const glibc = join(root, storePath("glibc-2.36"), "lib");
const thing = join(root, storePath("thing-1.0", "b"), "lib");
const env = { NO_COLOR: "1" };
const fixelf = (...words: string[]) => start(words, { env });

/** Runs a line as a shell would that was copied from the output. */
function paste(line: string) {
  const words = commandLine.map((word) => `'${word}'`).join(" ");
  return run(["/bin/sh", "-c", `fixelf() { ${words} "$@"; }\n${line} --no-gc-root`], { env });
}

const remediesOf = (stdout: string) =>
  stdout.split("\n").flatMap((line) => /^ *→ (.*)$/.exec(line)?.[1] ?? []);

describe("a tree of a program and its modules", needs("gcc", "glibc's loader"), () => {
  const modules = ["a", "b", "c", "d", "e"];
  const named = `'${tree}' --root '${root}'`;

  beforeAll(() => {
    copyGlibc(glibc);
    const library = (path: string, ...flags: string[]) =>
      compile(path, "int f(void) { return 1; }", "-shared", "-fPIC", ...flags);
    const thingPath = library(join(thing, "libthing.so.1"), "-Wl,-soname,libthing.so.1");
    const lost = library(join(directory, "liblost.so.3"), "-Wl,-soname,liblost.so.3");
    compile(join(tree, "bin/program"), "int main(void) { return 0; }");
    for (const name of modules)
      library(join(tree, `lib/${name}.so`), "-Wl,--no-as-needed", thingPath);
    library(join(tree, "lib/sad.so"), "-Wl,--no-as-needed", thingPath, lost);
    writeFileSync(join(tree, "half.so"), "\u007fELF", { mode: 0o755 });
    cpSync(tree, join(directory, "copy"), { recursive: true });
  });

  it("is reported by cause, with one remedy for all", () => {
    const { code, stdout, stderr } = fixelf("doctor", "--root", root, tree);
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout.split("\n").length).toBeLessThan(14);
    expect(stdout).toContain(`error  ${tree}/bin/program and 6 libraries\n  interpreter-missing  `);
    expect(stdout).toMatch(/\n {2}library-missing {2}.*libthing\.so\.1 \(6\)/);
    expect(stdout).toContain(`\n  → fixelf fix ${named}\n`);
    expect(stdout).toMatch(
      /\nerror {2}\S.*sad\.so\n {2}library-missing {2}the library liblost\.so\.3/,
    );
    expect(stdout).toMatch(/\n8 files with errors, 0 without findings\n$/);
  });

  it("is not reported with anything but its findings, and no cause is left out", () => {
    const { stdout } = fixelf("doctor", "--root", root, tree);
    const { files } = JSON.parse(fixelf("doctor", "--json", "--root", root, tree).stdout) as {
      files: Diagnosis[];
    };
    const findings = files.flatMap((file) => file.findings);
    expect(new Set(remediesOf(stdout))).toEqual(new Set(findings.map(({ remedy }) => remedy)));
    for (const { code, cause } of findings) {
      expect(stdout).toContain(code);
      if (cause !== null) expect(stdout).toContain(cause);
    }
    expect(files.map(({ kind }) => kind).sort()).toEqual([
      ...Array.from({ length: 6 }, () => "library"),
      ...["other", "program"],
    ]);
  });

  it("is reported file by file with --verbose, and not at all with --quiet", () => {
    const { code, stdout } = fixelf("doctor", "--verbose", "--root", root, tree);
    expect(code).toBe(1);
    for (const name of modules)
      expect(stdout).toMatch(new RegExp(`^broken {2}.*/lib/${name}\\.so$`, "m"));
    const { stdout: silent, stderr, code: same } = fixelf("doctor", "-q", "--root", root, tree);
    expect([silent, stderr, same]).toEqual(["", "", 1]);
  });

  it("is no longer examined when the reader has gone", () => {
    const words = [...commandLine, "doctor", "--verbose", "--root", root, tree];
    const quoted = words.map((word) => `'${word}'`).join(" ");
    // The exit code is that for what has been examined so far.
    const { stdout, stderr } = run(["/bin/sh", "-c", `${quoted} | head -n 1`], { env });
    expect([stdout.split("\n").length, stderr]).toEqual([2, ""]);
  });

  it("is reported with progress on a terminal only", needs("script"), () => {
    const words = [...commandLine, "doctor", "--root", root, tree].map((word) => `'${word}'`);
    const { stdout: shown } = run(["script", "-qec", words.join(" "), "/dev/null"], { env });
    // As much of the line as fits.
    const progress = shown.indexOf(`\r\u001b[Kreading ${tree}`.slice(0, 60));
    expect(progress).toBe(0);
    // What is reported by cause is reported once all causes are known.
    expect(shown.indexOf("error  ")).toBeGreaterThan(progress);
    expect(shown).toContain("8 files with errors, 0 without findings");
    expect(fixelf("doctor", "--root", root, tree).stderr).toBe("");
  });

  it("is fixed by the remedy as printed, and refusals come last", () => {
    const [remedy = ""] = remediesOf(fixelf("doctor", "--root", root, tree).stdout);
    const { code, stdout, stderr } = paste(remedy);
    expect(code).toBe(1);
    const lines = stdout.split("\n");
    expect(lines.length).toBeLessThan(14);
    // Another system's files cannot be run by its loader here.
    expect(lines[0]).toBe(`fixed, not verified  ${tree}/bin/program and 5 libraries`);
    expect(stdout).toMatch(/\n {2}interpreter .*\(1 file\)\n/);
    expect(stdout).toMatch(/\n {2}runpath {2}\+ .*-thing-1\.0\/lib \(5 files\)\n/);
    expect(lines.at(-2)).toBe("6 fixed, not verified, 2 refused");
    const refused = lines.findIndex((line) => line.startsWith("refused  "));
    expect(refused).toBeGreaterThan(lines.findIndex((line) => line.includes("runpath")));
    expect(stdout.slice(stdout.indexOf("refused  "))).toContain("liblost.so.3");
    expect(stderr).toContain(`fixelf undo ${named}`);
  });

  it("is reported with the packages to get, and one command for all of them", () => {
    const app = join(directory, "zlib app");
    // What this machine has in default directories must not count.
    const alone = ["-shared", "-fPIC", "-nostdlib", "-Wl,-z,nodefaultlib"];
    for (const [name, soname] of [
      ...["a.so", "b.so", "c.so"].map((each) => [each, "libz.so.1"] as const),
      ["d.so", "libbz2.so.1.0"] as const,
    ]) {
      const library = compile(
        join(directory, soname),
        "int g(void) { return 1; }",
        ...alone,
        `-Wl,-soname,${soname}`,
      );
      compile(join(app, name), "int g(void); int f(void) { return g(); }", ...alone, library);
    }
    const { stdout } = fixelf("doctor", app);
    expect(stdout).toContain("libz.so.1 (nixpkgs#zlib, 3), libbz2.so.1.0 (nixpkgs#bzip2, 1)");
    expect(remediesOf(stdout)).toEqual([`fixelf fix --get '${app}'`]);
    const { stderr } = fixelf("fix", app, "--interpreter", "/lib64/ld-linux-x86-64.so.2");
    const remedy = `fixelf fix --get '${app}' --interpreter /lib64/ld-linux-x86-64.so.2`;
    expect(stderr).toContain(`Get what is missing with: ${remedy}\n`);
  });

  it("is written so that its name is not taken for an option", () => {
    const place = join(directory, "dash");
    cpSync(join(directory, "copy"), join(place, "-n"), { recursive: true });
    const { stdout } = start(["doctor", "--root", root, "--", "-n"], { cwd: place, env });
    const remedies = remediesOf(stdout);
    expect(remedies[0]).toBe(`fixelf fix ./-n --root '${root}'`);
  });

  it("is mentioned when its program was fixed alone", () => {
    const copy = join(root, "opt/other");
    cpSync(join(directory, "copy"), copy, { recursive: true });
    const { stderr } = fixelf("fix", "--no-gc-root", "--root", root, join(copy, "bin/program"));
    const hint = /^6 libraries beside it still lack others; fix the tree: (.*)$/m.exec(stderr);
    expect(hint?.[1]).toBe(`fixelf fix '${copy}' --root '${root}'`);
    paste(hint?.[1] ?? "");
    const again = fixelf(
      "fix",
      "--json",
      "--no-gc-root",
      "--root",
      root,
      join(copy, "bin/program"),
    );
    expect((JSON.parse(again.stdout) as { files: Outcome[] }).files[0]?.outcome).toBe("unchanged");
    const { stderr: rest } = fixelf("fix", "--root", root, "--no-gc-root", `${copy}/lib/sad.so`);
    expect(rest).not.toContain("beside it");
  });
});
