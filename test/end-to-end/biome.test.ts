// A Rust program that needs only the C library and libgcc_s.
import { afterAll, beforeAll, expect, it } from "vitest";
import { inEachRoot } from "../world/in-each-root.js";
import { openWorld, type World } from "../world/world.js";
import { expectFixedForGood, expectHealthy, expectStartByNixLdOnly, fix, undo } from "./life.js";

inEachRoot("npm's @biomejs/cli-linux-x64", (loader) => {
  let world: World;
  let program: string;
  let original: string;

  beforeAll(async () => {
    world = await openWorld(loader);
    program = `${await world.copyProgram("biome")}/biome`;
    original = await world.sha256(program);
  });
  afterAll(() => world?.dispose());

  it("starts only through nix-ld", () => expectStartByNixLdOnly(world, program));

  it("starts once it is fixed, and does its work", async () => {
    await fix(world, program);
    await expectHealthy(world, program);
    expect(await world.check([program, "--version"])).toContain("2.6.8");
    const formatted = await world.shell(
      `echo "a  =  1" | ${program} format --stdin-file-path a.js`,
    );
    expect(formatted).toBe("a = 1;");
  });

  it("is not written a second time", () => expectFixedForGood(world, program));

  it("is the original again once undone", async () => {
    await undo(world, [program]);
    expect(await world.sha256(program)).toBe(original);
  });
});
