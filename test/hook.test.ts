// nix/hook.sh alone; test/end-to-end/nix-hook.test.ts uses it in builds.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { needs } from "./support/needs.js";
import { run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const hook = fileURLToPath(new URL("../nix/hook.sh", import.meta.url));

describe("nix/hook.sh", needs("bash"), () => {
  it("finds libraries in the order of their names, whatever the order on disk", () => {
    const directory = scratchDirectory();
    for (const file of ["b/x.so", "a/y.so.1", "C/z.so", "a/deep/w.so", "d/none.txt"]) {
      mkdirSync(join(directory, dirname(file)), { recursive: true });
      writeFileSync(join(directory, file), "");
    }
    const script = `
      addEnvHooks() { :; }
      # As a disk may have them.
      find() { command find "$@" | LC_ALL=C sort -rz; }
      . "$0"
      addAutoPatchelfSearchPath a b C d
      printf '%s\\n' "\${extraAutoPatchelfLibs[@]}"`;
    const { stdout, stderr } = run(["bash", "-euc", script, hook], {
      cwd: directory,
      env: { targetOffset: "0" },
    });
    expect({ stdout, stderr }).toEqual({ stdout: "C\na/deep\na\nb\n", stderr: "" });
  });
});
