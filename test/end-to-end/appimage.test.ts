// An AppImage of type 2 has its mark in e_ident, after what the kernel reads: a loader that is asked to list the
// program refuses the file (elf/dl-load.c, open_verify: "ELF file ABI version invalid"), and it starts all the same.
import { open } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inEachRoot } from "../world/in-each-root.js";
import { openWorld, type World } from "../world/world.js";
import type { FixDocument } from "./contract.js";
import { expectHealthy, expectStartByNixLdOnly, undo } from "./life.js";

inEachRoot("a program with AppImage's mark", (loader) => {
  let world: World;
  let program: string;

  beforeAll(async () => {
    world = await openWorld(loader);
    program = `${await world.copyProgram("biome")}/biome`;
    const file = await open(world.host(program), "r+");
    // EI_ABIVERSION and the padding after it (AppImage's specification, "Type 2 image format").
    await file.write("AI\u0002", 8, "latin1");
    await file.close();
  });
  afterAll(() => world?.dispose());

  const version = (words: readonly string[]) => world.check([...words, "--version"]);

  it("does not start", () => expectStartByNixLdOnly(world, program));

  it("runs unchanged", async () => {
    for (const how of ["namespace", "copy"])
      expect(await version(["fixelf", "run", "--how", how, program])).toContain("Version");
  });

  it("runs with what env prints, which does not start it through the loader", async () => {
    const { stderr } = await world.fixelf(["env", program]);
    const remedy = /^ {2}(fixelf run .*)$/m.exec(stderr)?.[1];
    expect(stderr).not.toContain("--library-path");
    if (remedy !== undefined) expect(await world.shell(`${remedy} --version`)).toContain("Version");
    // With a stand-in the variables alone are enough.
    expect(remedy === undefined).toBe(loader === "nix-ld" || loader === "fixelf-ld");
  });

  it("runs once it is fixed, as the kernel starts it", async () => {
    const before = await world.sha256(program);
    const { exitCode, document } = await world.fixelfJson<FixDocument>(["fix", program]);
    expect(exitCode).toBe(0);
    expect(document.files).toMatchObject([{ outcome: "fixed", verified: false }]);
    expect(document.files[0]?.reasons.join()).toContain("the kernel takes its e_ident");
    await expectHealthy(world, program);
    expect(await version([program])).toContain("Version");
    await undo(world, [program]);
    expect(await world.sha256(program)).toBe(before);
  });
});
