// Native work belongs to the environment that asked for it: whatever ends a worker thread or the process,
// nothing aborts and nothing crashes.
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { node, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const driver = fileURLToPath(new URL("support/call-until-ended.mjs", import.meta.url));
const tree = scratchDirectory();

const calls = ["inspect", "resolve", "resolveAll", "diagnose", "plan", "references", "scan"];
/** How it ends, and the exit code that says that it ended so. */
const endings = [
  ["a worker that is terminated", "worker", 0],
  ["process.exit", "exit", 3],
  ["an error that nobody catches", "throw", 1],
  ["nothing left to do", "nothing", 0],
] as const;

describe("a call under way", () => {
  beforeAll(() => {
    for (let index = 0; index < 8; index++) {
      mkdirSync(join(tree, String(index)));
      copyFileSync(process.execPath, join(tree, String(index), "node"));
    }
  });

  describe.each(calls)("%s", (call) => {
    it.each(endings)("is ended by %s", (_, ending, expected) => {
      const { code, signal, stdout, stderr } = run([...node, driver, call, ending, tree]);
      expect([code, signal], stderr).toEqual([expected, null]);
      if (ending === "worker") expect(stdout).toBe("lives\n");
      if (ending === "throw") expect(stderr).toContain("thrown on purpose");
    });
  });
});
