// Every foreign program of the test world is started up to its entry point, before and after a fix, by the kernel and
// the loader in that root: both times those that start are exactly those that doctor calls healthy.
import { afterAll, beforeAll, expect, it } from "vitest";
import { native } from "../../lib/addon/native.js";
import { isStartedByLoader } from "../../lib/file/kind.js";
import { compileStarter, parseStarted } from "../start/starter.js";
import { scratchDirectory } from "../support/scratch.js";
import { inEachRoot } from "../world/in-each-root.js";
import { openWorld, type ProgramName, type World } from "../world/world.js";
import type { DoctorDocument } from "./contract.js";

const names: ProgramName[] = ["cpython", "node", "biome", "postgres", "bun", "deno"];

inEachRoot(
  "every program of the world",
  (loader) => {
    let world: World;
    let directory: string;

    beforeAll(async () => {
      world = await openWorld(loader);
      directory = scratchDirectory();
      compileStarter(directory, "-static");
    });
    afterAll(() => world?.dispose());

    /** The programs that start, and those that doctor calls healthy. */
    async function bothSay(tree: string): Promise<{ started: string[]; healthy: string[] }> {
      const top = world.host(tree);
      const walked = await native.walk(top);
      const programs = walked.elf
        .filter(isStartedByLoader)
        .map(({ path }) => tree + path.slice(top.length));
      const input = programs.map((path) => `${path}\n`).join("");
      const output = await world.shell('printf %s "$PROGRAMS" | /starter/starter', {
        environment: { PROGRAMS: input },
        bind: { "/starter": directory },
      });
      const results = parseStarted(output, programs.length);
      const started = programs.filter((_, index) => results[index]?.how === "started");
      const { document } = await world.fixelfJson<DoctorDocument>(["doctor", tree]);
      const healthy = document.files
        .filter(({ path, verdict }) => verdict === "healthy" && programs.includes(path))
        .map(({ path }) => path);
      return { started: started.sort(), healthy: healthy.sort() };
    }

    it.each(names)("%s", async (name) => {
      const tree = await world.copyProgram(name);
      const before = await bothSay(tree);
      expect(before.started).toEqual(before.healthy);
      await world.fixelf(["fix", tree]);
      const after = await bothSay(tree);
      expect(after.started).toEqual(after.healthy);
      // nix-ld starts most of them unchanged.
      if (loader === "nix-ld")
        expect(after.started).toEqual(expect.arrayContaining(before.started));
      else expect(after.started.length).toBeGreaterThan(before.started.length);
    });
  },
  "gcc",
  "x86-64",
);
