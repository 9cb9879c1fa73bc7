// The derivation in examples/: Nix builds it, and what comes out runs in a system without /lib64.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile } from "../support/compile.js";
import { needs } from "../support/needs.js";
import { scratchDirectory } from "../support/scratch.js";
import { openWorld, type World } from "../world/world.js";

const expression = fileURLToPath(new URL("nix/example.nix", import.meta.url));

describe("the derivation among the examples", needs("test world", "gcc"), () => {
  const foreign = scratchDirectory();
  let world: World;

  /** Returns the path that it builds, or how it failed and its output. */
  const build = (before = "true") =>
    world.shell(
      `cp -R /tmp/foreign /tmp/program && ${before} && nix-build ${expression} --no-out-link \\
         --argstr libc ${world.store["glibc-trixie"]} --arg src /tmp/program 2>/tmp/log \\
         || { echo "failed with $?"; cat /tmp/log; }; rm -r /tmp/program`,
      { bind: { "/tmp/foreign": foreign } },
    );

  beforeAll(async () => {
    const one = "int one(void) { return 1; }";
    compile(join(foreign, "lib/libone.so.1"), one, "-shared", "-fPIC", "-Wl,-soname,libone.so.1");
    compile(
      join(foreign, "bin/program"),
      'int one(void);\n#include <stdio.h>\nint main(void) { printf("%d\\n", one()); }',
      "-Wl,--dynamic-linker=/nowhere/ld.so",
      join(foreign, "lib/libone.so.1"),
    );
    world = await openWorld();
  });
  afterAll(async () => {
    await world?.dispose();
  });

  it("makes a program that runs", async () => {
    const built = await build();
    expect(built).toMatch(/^\/nix\/store\/\w+-foreign-program$/);
    expect(await world.check([`${built}/bin/program`])).toBe("1");
  });

  it("fails if a library cannot be found, and names it", async () => {
    const said = await build("rm /tmp/program/lib/libone.so.1");
    expect(said).toMatch(/^failed with /);
    expect(said).toContain("could not satisfy dependency libone.so.1 wanted by");
  });
});
