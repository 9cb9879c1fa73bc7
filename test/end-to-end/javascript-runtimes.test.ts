// Runtimes that find their own parts by offsets in their file. patchelf makes some of them crash at
// their start; what they compile programs into carries the program behind a copy of themselves.
import { writeFileSync } from "node:fs";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../support/needs.js";
import { openWorld, type World } from "../world/world.js";
import type { DoctorDocument } from "./contract.js";
import { expectFixedForGood, expectNoStart, fix, undo } from "./life.js";

describe("JavaScript runtimes", needs("test world"), () => {
  let world: World;
  let script: string;

  beforeAll(async () => {
    world = await openWorld("stub");
    script = "/home/user/script.js";
    writeFileSync(world.host(script), "console.log('six times seven is', 6 * 7);\n");
  });
  afterAll(() => world?.dispose());

  const lives: [name: string, provide: () => Promise<string>, ...args: string[]][] = [
    ["bun", async () => `${await world.copyProgram("bun")}/bin/bun`, "run", "/home/user/script.js"],
    ["deno", async () => `${await world.copyProgram("deno")}/deno`, "run", "/home/user/script.js"],
    ["a program that bun has compiled", compiledByBun],
  ];

  describe.each(lives)("%s", (_, provide, ...args) => {
    let program: string;
    let original: string;
    beforeAll(async () => {
      program = await provide();
      original = await world.sha256(program);
    });

    it("does not start", () => expectNoStart(world, program));

    it("runs a script when it is fixed", async () => {
      await fix(world, program);
      // Bun may open libsecret while it runs, and can do without.
      const { document } = await world.fixelfJson<DoctorDocument>(["doctor", program]);
      expect(document.files).toMatchObject([{ verdict: "healthy" }]);
      expect(await world.check([program, ...args])).toBe("six times seven is 42");
    });

    it("is not written a second time", () => expectFixedForGood(world, program));

    it("is the original again when undone", async () => {
      await undo(world, [program]);
      expect(await world.sha256(program)).toBe(original);
    });
  });

  /** By this machine, which has the loader that bun names. */
  async function compiledByBun(): Promise<string> {
    const program = "/home/user/compiled";
    const bun = `${await world.copyProgram("bun")}/bin/bun`;
    await execa(world.host(bun), [
      "build",
      "--compile",
      world.host(script),
      "--outfile",
      world.host(program),
    ]);
    await world.giveToUser(program);
    return program;
  }
});
