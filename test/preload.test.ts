// Files named in /etc/ld.so.preload, in a root of its own. The real loader decides what is right.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { diagnose, plan } from "../lib/index.js";
import { compile, compileWith } from "./support/compile.js";
import { needs, unshare } from "./support/needs.js";
import { NixosRoot } from "./support/store.js";

describe(
  "a library named in /etc/ld.so.preload",
  needs("gcc", "x86-64", "mount namespaces"),
  () => {
    let root: NixosRoot;
    let program: string;
    const shared = ["-shared", "-fPIC", "-nostdlib"];
    const library = (name: string, text: string, ...options: string[]) =>
      compile(root.in(`opt/${name}`), text, ...shared, `-Wl,-soname,${name}`, ...options);

    beforeAll(() => {
      root = new NixosRoot();
      program = compile(
        root.in("opt/program"),
        "int main(void) { return 0; }",
        `-Wl,--dynamic-linker=${root.loader}`,
        `-Wl,-rpath,${root.glibc}`,
      );
      mkdirSync(root.in("etc"));
      library("libgood.so", "int good(void) { return 1; }");
      // The library that it was linked with is gone, or has changed.
      const dependency = library("libdep.so", "int dep(void) { return 1; }");
      const needed = ["-Wl,--no-as-needed", dependency];
      library("libneeds.so", "int dep(void); int needs(void) { return dep(); }", ...needed);
      copyFileSync(dependency, root.in("opt/renamed.so"));
      const versions = root.in("opt/versions");
      writeFileSync(versions, "NEW_2 { global: old; };");
      const script = `-Wl,--version-script=${versions}`;
      const versioned = library("libversioned.so", "int old(void) { return 1; }", script);
      const here = [versioned, "-Wl,-rpath,/opt"];
      library("libversion.so", "int old(void); int wants(void) { return old(); }", ...here);
      writeFileSync(versions, "OLD_1 { global: old; };");
      library("libversioned.so", "int old(void) { return 1; }", script);
      library("libundefined.so", "extern int nowhere; int *pointer = &nowhere;");
      writeFileSync(
        root.in("opt/text.so"),
        "no library, but longer than the header of an ELF file: ".repeat(9),
      );
      writeFileSync(root.in("opt/empty.so"), "");
      mkdirSync(root.in("opt/directory.so"));
      symlinkSync("nowhere", root.in("opt/dangling.so"));
      copyFileSync(program, root.in("opt/program.so"));
      const good = readFileSync(root.in("opt/libgood.so"));
      // Its dynamic table is past the end.
      writeFileSync(root.in("opt/cut.so"), good.subarray(0, 4096));
      // The one that libneeds.so needs is gone.
      spawnSync("rm", [dependency]);
    });

    const started = () =>
      spawnSync(unshare[0] as string, [...unshare.slice(1), "chroot", root.path, "/opt/program"], {
        encoding: "utf8",
      });

    it.each([
      ["libgood.so", null, null],
      ["missing.so", "warning library-missing", "cannot open shared object file"],
      ["dangling.so", "warning library-missing", "cannot open shared object file"],
      ["text.so", "warning library-unusable", "invalid ELF header"],
      ["empty.so", "warning library-unusable", "file too short"],
      ["directory.so", "warning library-unusable", "cannot read file data"],
      ["program.so", "warning library-unusable", "cannot dynamically load"],
      ["cut.so", "error library-unusable", ""],
      ["libneeds.so", "error library-missing", "libdep.so: cannot open shared object file"],
      ["libversion.so", "error version-missing", "version `NEW_2' not found"],
      ["libundefined.so", "error symbol-missing", "undefined symbol: nowhere"],
    ])("%s: %s", async (name, expected, said) => {
      writeFileSync(root.in("etc/ld.so.preload"), `/opt/${name}\n`);
      const { status, signal, stderr } = started();
      expect(stderr).toContain(said ?? "");
      expect(status === 0 && signal === null, stderr).toBe(expected?.startsWith("error") !== true);
      const [diagnosis] = await diagnose([program], { root: root.path });
      const findings = diagnosis?.findings ?? [];
      expect(findings.map(({ code, severity }) => `${severity} ${code}`)).toEqual(
        expected === null ? [] : [expected],
      );
      expect(diagnosis?.verdict).toBe(status === 0 ? "healthy" : "broken");
      for (const { message, evidence, remedy } of findings) {
        expect([message, ...evidence].join("\n")).toContain("/etc/ld.so.preload names");
        expect(remedy).toMatch(new RegExp(`^Take /opt/${name} out of /etc/ld.so.preload`));
      }
      const { files } = await plan([program], { root: root.path });
      expect(files[0]?.refusal === null).toBe(status === 0);
      expect(files[0]?.edits).toEqual([]);
    });

    it(
      "for another class or machine",
      needs("i686-linux-gnu-gcc", "aarch64-linux-gnu-gcc"),
      async () => {
        for (const [compiler, said] of [
          ["i686-linux-gnu-gcc", "wrong ELF class: ELFCLASS32"],
          ["aarch64-linux-gnu-gcc", "cannot open shared object file"],
        ] as const) {
          const other = compileWith(
            compiler,
            root.in(`opt/${compiler}.so`),
            "int other(void) { return 1; }",
            ...shared,
          );
          writeFileSync(root.in("etc/ld.so.preload"), `/opt/${basename(other)}\n`);
          const { status, stderr } = started();
          expect([status, stderr]).toEqual([0, expect.stringContaining(said)]);
          const [diagnosis] = await diagnose([program], { root: root.path });
          expect(diagnosis).toMatchObject({
            verdict: "healthy",
            findings: [{ code: "library-wrong-machine", severity: "warning" }],
          });
        }
      },
    );
  },
);
