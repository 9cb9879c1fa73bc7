// A Rust program that needs nothing but the C library and libgcc_s.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../support/needs.js";
import { openWorld, type World } from "../world/world.js";
import { expectFixedForGood, expectHealthy, expectNoStart, fix, undo } from "./life.js";

describe("npm's @biomejs/cli-linux-x64", needs("test world"), () => {
  let world: World;
  let program: string;
  let original: string;

  beforeAll(async () => {
    world = await openWorld();
    program = `${await world.copyProgram("biome")}/biome`;
    original = await world.sha256(program);
  });
  afterAll(() => world?.dispose());

  it("does not start", () => expectNoStart(world, program));

  it("starts when fixed, and does its work", async () => {
    await fix(world, program);
    await expectHealthy(world, program);
    expect(await world.check([program, "--version"])).toContain("2.6.8");
    const formatted = await world.shell(
      `echo "a  =  1" | ${program} format --stdin-file-path a.js`,
    );
    expect(formatted).toBe("a = 1;");
  });

  it("is not written a second time", () => expectFixedForGood(world, program));

  it("is the original again when undone", async () => {
    await undo(world, [program]);
    expect(await world.sha256(program)).toBe(original);
  });
});
