// Runtimes that find their own parts by offsets in their file. patchelf makes some of them crash at
// start; a program that they compile is appended to a copy of themselves.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scratchDirectory } from "../support/scratch.js";
import { inEachRoot } from "../world/in-each-root.js";
import { folder, openWorld, type World } from "../world/world.js";
import type { DoctorDocument } from "./contract.js";
import { expectFixedForGood, expectStartByNixLdOnly, fix, undo } from "./life.js";

const script = "console.log('six times seven is', 6 * 7);\n";

/** Compiled on this machine, which has the loader that bun names: once for all roots. */
const shared = scratchDirectory();
const compiled = join(shared, "compiled");
beforeAll(async () => {
  if (folder === "") return;
  const source = join(shared, "script.js");
  writeFileSync(source, script);
  const bun = join(folder, "programs/bun/bin/bun");
  await execa(bun, ["build", "--compile", source, "--outfile", compiled]);
});

inEachRoot("JavaScript runtimes", (loader) => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld(loader);
    writeFileSync(world.host("/home/user/script.js"), script);
  });
  afterAll(() => world?.dispose());

  const lives: [name: string, provide: () => Promise<string>, ...args: string[]][] = [
    ["bun", async () => `${await world.copyProgram("bun")}/bin/bun`, "run", "/home/user/script.js"],
    ["deno", async () => `${await world.copyProgram("deno")}/deno`, "run", "/home/user/script.js"],
    ["a program that bun has compiled", copyCompiled],
  ];

  describe.each(lives)("%s", (_, provide, ...args) => {
    let program: string;
    let original: string;
    beforeAll(async () => {
      program = await provide();
      original = await world.sha256(program);
    });

    it("starts only through nix-ld", () => expectStartByNixLdOnly(world, program));

    it("runs a script once it is fixed", async () => {
      await fix(world, program);
      // Bun may open libsecret at run time, and can do without it.
      const { document } = await world.fixelfJson<DoctorDocument>(["doctor", program]);
      expect(document.files).toMatchObject([{ verdict: "healthy" }]);
      expect(await world.check([program, ...args])).toBe("six times seven is 42");
    });

    it("is not written a second time", () => expectFixedForGood(world, program));

    it("is the original again once undone", async () => {
      await undo(world, [program]);
      expect(await world.sha256(program)).toBe(original);
    });
  });

  async function copyCompiled(): Promise<string> {
    const program = "/home/user/compiled";
    await execa("cp", [compiled, world.host(program)]);
    await world.giveToUser(program);
    return program;
  }
});
