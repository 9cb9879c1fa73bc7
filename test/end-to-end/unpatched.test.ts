// Programs that run without a byte of them being changed: with each way of `run`, and with the
// variables that `env` prints.
import { appendFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile } from "../support/compile.js";
import { inEachRoot } from "../world/in-each-root.js";
import { openWorld, type RunOptions, type World } from "../world/world.js";
import { expectNoStart, expectStartByNixLdOnly } from "./life.js";

const payload = "what it carries";
/** Prints what precedes its own last eight bytes, which hold the length of that. */
const payloadSource = `
#include <stdio.h>
#include <stdlib.h>
int main(int count, char **arguments) {
  unsigned long length = 0;
  FILE *self = fopen("/proc/self/exe", "r");
  fseek(self, -8, SEEK_END);
  fread(&length, 8, 1, self);
  if (length > 1000) return 3;
  fseek(self, -8 - (long)length, SEEK_END);
  char *text = calloc(1, length + 1);
  if (fread(text, 1, length, self) != length) return 4;
  printf("%s by %s\\n", text, arguments[0]);
  return count > 1 ? system(arguments[1]) : 0;
}`;

inEachRoot(
  "programs that stay as they are",
  (loader) => {
    let world: World;
    let before: Map<string, string>;
    const cpython = "/home/user/cpython";
    const python = `${cpython}/usr/bin/python3.11`;
    const node = "/home/user/node/bin/node";
    const carrier = "/home/user/carrier";
    // What Python compiles would be new files in the tree.
    const environment = { PYTHONDONTWRITEBYTECODE: "1" };
    const modules = "import warnings; warnings.simplefilter('ignore'); import ssl, crypt, sqlite3";

    beforeAll(async () => {
      world = await openWorld(loader);
      await world.copyProgram("cpython");
      await world.copyProgram("node");
      makeCarrier(world.host(carrier));
      await world.giveToUser(carrier);
      before = await digests();
    });
    afterAll(() => world?.dispose());

    const digests = async () => {
      const paths = [cpython, node, carrier];
      const all = await Promise.all(paths.map((path) => world.sha256(path)));
      return new Map(paths.map((path, index) => [path, all[index] as string]));
    };
    const run = (how: string, words: readonly string[], options: RunOptions = {}) =>
      world.check(["fixelf", "run", "--how", how, ...words], { environment, ...options });
    const pythonRuns = (how: string, script: string, options?: RunOptions) =>
      run(how, ["--with", cpython, python, "-c", script], options);

    it("start only through nix-ld, if it has their libraries", async () => {
      await expectNoStart(world, python);
      for (const program of [node, carrier]) await expectStartByNixLdOnly(world, program);
    });

    describe.each(["namespace", "copy", "loader"])("run --how %s", (how) => {
      it("runs CPython, with modules that need libraries from the store", async () => {
        const script = `${modules}
print(ssl.OPENSSL_VERSION.split()[0])
print(crypt.crypt('secret', '$6$salt').startswith('$6$salt$'))
print(sqlite3.connect(':memory:').execute('select 6 * 7').fetchone()[0])`;
        expect(await pythonRuns(how, script)).toBe("OpenSSL\nTrue\n42");
      });

      it("runs Node", async () => {
        expect(await run(how, [node, "-p", "process.version + ' ' + process.argv0"])).toBe(
          `v24.21.0 ${node}`,
        );
      });

      it("runs them for an ordinary user", async () => {
        expect(await run(how, [node, "-p", "process.getuid()"], { asUser: true })).toBe("1000");
      });

      it("leaves the environment of children alone", async () => {
        const outside = await world.check(["env"], { environment });
        const script =
          "import subprocess; print(subprocess.check_output(['env']).decode().strip())";
        expect(variablesOf(await pythonRuns(how, script))).toEqual(variablesOf(outside));
      });
    });

    describe.each(["namespace", "copy"])("run --how %s", (how) => {
      it("lets a program find its payload from its own end", async () => {
        expect(await run(how, [carrier])).toBe(`${payload} by ${carrier}`);
      });
    });

    it("knows that the loader is not the program", async () => {
      const { stdout } = await world.fixelf(["run", "--how", "loader", "--dry-run", carrier]);
      expect(stdout).toContain("what the program looks for in itself is not found");
    });

    describe("run in a namespace", () => {
      it("starts the very file", async () => {
        const script = "import os, sys; print(os.readlink('/proc/self/exe'), sys.executable)";
        expect(await pythonRuns("namespace", script)).toBe(`${python} ${python}`);
      });

      it("lets a program start itself again", async () => {
        const script = `import subprocess, sys; ${modules}
print(subprocess.check_output([sys.executable, '-c', 'import ssl; print(6 * 7)']).decode().strip())`;
        expect(await pythonRuns("namespace", script)).toBe("42");
      });

      it("shows the whole system, and leaves nothing behind that is missing outside", async () => {
        const script = `import os
print(sorted(os.listdir('/'))); open('/home/user/written', 'w').write('by it')`;
        const outside = (await world.check(["ls", "-1", "/"])).split("\n");
        const inside = await pythonRuns("namespace", script);
        for (const name of outside) expect(inside).toContain(`'${name}'`);
        expect(await world.check(["cat", "/home/user/written"])).toBe("by it");
        expect((await world.check(["ls", "-1", "/"])).split("\n")).toEqual(outside);
      });

      it("runs a script, and what it starts", async () => {
        const script = "/home/user/start.sh";
        // NixOS has no /bin/bash; the store has a program of that name.
        const write = (line: string) =>
          world.shell(`printf '%s\\n' '#!/bin/bash' '${line}' >${script}; chmod +x ${script}`);
        await write(`${node} -p "6 * 7"`);
        expect((await world.run([script])).exitCode).not.toBe(0);
        expect(await run("namespace", ["--with", node, script])).toBe("42");
        // A program that was not named finds a loader, and the libraries that come with it.
        await write(carrier);
        expect(await run("namespace", [script])).toBe(`${payload} by ${carrier}`);
      });

      it("shows what other distributions have, with --fhs", async () => {
        const asked =
          "/usr/bin/env sh -c 'echo env'; test -x /bin/ls && echo ls; ls /bin | head -n 1";
        const outside = await world.run(["sh", "-c", "test -e /bin/ls"]);
        expect(outside.exitCode).not.toBe(0);
        const said = await world.check(["fixelf", "run", "--fhs", "sh", "-c", asked]);
        expect(said.split("\n").slice(0, 2)).toEqual(["env", "ls"]);
      });

      it("is tried first", async () => {
        const { stderr, stdout } = await world.fixelf(["run", "--verbose", node, "-p", "6 * 7"]);
        expect(stderr).toMatch(/^fixelf runs it in a namespace: /);
        expect(stdout).toBe("42");
      });

      it("prints nothing without --verbose", async () => {
        expect((await world.fixelf(["run", node, "-p", "6 * 7"])).stderr).toBe("");
      });
    });

    describe("with what env prints", () => {
      it("start through the loader", async () => {
        const script = `eval "$(fixelf env ${cpython} 2>/dev/null)"
        "$NIX_LD" --library-path "$NIX_LD_LIBRARY_PATH" ${python} -c "${modules}; print(6 * 7)"
        eval "$(fixelf env ${node} 2>/dev/null)"
        "$NIX_LD" --library-path "$NIX_LD_LIBRARY_PATH" ${node} -p '6 * 7'`;
        expect(await world.shell(script, { environment })).toBe("42\n42");
      });

      it("start through a farm, which garbage collection leaves alone", async () => {
        const farm = "/home/user/farm";
        const script = `eval "$(fixelf env --farm ${farm} ${cpython} 2>/dev/null)"
        test "$NIX_LD_LIBRARY_PATH" = ${farm}
        nix-store --gc >/dev/null 2>&1
        "$NIX_LD" --library-path "$NIX_LD_LIBRARY_PATH" ${python} -c "${modules}; print(6 * 7)"`;
        expect(await world.shell(script, { environment })).toBe("42");
      });

      if (loader === "absent" || loader === "stub") {
        it("start with the command that does without a stand-in", async () => {
          const { stderr } = await world.fixelf(["env", node]);
          expect(stderr).toContain("/lib64/ld-linux-x86-64.so.2");
          const command = stderr.split("\n").find((line) => line.startsWith("  /"));
          expect(await world.shell(`${command} -p '6 * 7'`)).toBe("42");
        });
        return;
      }

      const script = `eval "$(fixelf env ${cpython} ${node})"
      ${python} -c "${modules}; print(6 * 7)"
      ${node} -p '6 * 7'
      eval "$(fixelf env ${carrier})"
      ${carrier}`;
      const answer = `42\n42\n${payload} by ${carrier}`;

      it("start through the stand-in, unchanged", async () => {
        const { stdout, stderr, exitCode } = await world.run(["sh", "-euc", script], {
          environment,
        });
        expect(stderr).toBe("");
        expect(stdout).toBe(answer);
        expect(exitCode).toBe(0);
      });
      it("start through the stand-in and a farm", async () => {
        const farmed = script.replaceAll(
          "fixelf env",
          "fixelf env --farm /home/user/stand-in-farm",
        );
        expect(await world.shell(farmed, { environment })).toBe(answer);
      });
      it("do not pass the stand-in's library path on to children", async () => {
        const children = `eval "$(fixelf env ${node})"
        ${node} -p 'require("node:child_process").execFileSync("env").toString()'`;
        const shown = await world.shell(children, { environment });
        expect(shown).toContain("NIX_LD=");
        expect(shown).not.toMatch(/^LD_/m);
      });
    });

    it("have not changed by a byte", async () => {
      expect(await digests()).toEqual(before);
    });
  },
  "gcc",
);

function makeCarrier(path: string): void {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(payload.length));
  appendFileSync(compile(path, payloadSource), Buffer.concat([Buffer.from(payload), length]));
}

/** Without what a shell adds about itself. */
function variablesOf(printed: string): string[] {
  return printed
    .split("\n")
    .filter((line) => !/^(_|SHLVL|OLDPWD|PWD)=/.test(line))
    .sort();
}
