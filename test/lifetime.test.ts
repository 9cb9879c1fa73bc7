// Native work belongs to the environment and the call that asked for it: whatever ends a worker thread, the process or
// the call, nothing aborts and nothing crashes.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { resolve } from "../lib/index.js";
import { node, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const driver = fileURLToPath(new URL("support/call-until-ended.mjs", import.meta.url));
const directory = scratchDirectory();
/** How often each call is ended in each way; FIXELF_ENDINGS asks for more. */
const times = Number(process.env.FIXELF_ENDINGS ?? 1);

const { calls, exports } = JSON.parse(run([...node, driver, "--list"]).stdout) as {
  calls: string[];
  exports: string[];
};

/** These are done when they return, or are not functions. */
const synchronous = [
  ...["FixelfError", "ScanBatch", "Store", "Summarizer", "batchFilter", "become", "bytesOf"],
  ...["presetDirectories", "presetNames", "removeIndex", "storePlace", "textOf", "variables"],
];

/** These run Nix's processes, and end with them. */
const ofNix = ["get", "planGet"];

/** How the work is ended, and the exit code that proves it. */
const endings = [
  ["a worker that is terminated", "worker", 0],
  ["process.exit", "exit", 3],
  ["an error that nobody catches", "throw", 1],
  ["nothing left to do", "nothing", 0],
  ["a signal", "abort", 0],
] as const;

describe("a call under way", () => {
  beforeAll(async () => {
    for (let index = 0; index < 8; index++) {
      mkdirSync(join(directory, "tree", String(index)), { recursive: true });
      copyFileSync(process.execPath, join(directory, "tree", String(index), "node"));
    }
    for (let index = 10; index < 60; index++) {
      const library = join(directory, `store/${"0".repeat(30)}${index}-library/lib`);
      mkdirSync(library, { recursive: true });
      copyFileSync("/bin/true", join(library, "libtrue.so"));
    }
    copyFileSync("/bin/true", join(directory, "program"));
    // A glibc for it: this machine's, under another name.
    const { interpreter, libraries } = await resolve("/bin/true");
    const glibc = join(directory, `store/${"0".repeat(32)}-glibc/lib`);
    mkdirSync(glibc, { recursive: true });
    for (const { path } of libraries)
      if (path !== null) copyFileSync(path, join(glibc, basename(path)));
    copyFileSync(interpreter.path as string, join(glibc, "loader"));
    // As nixpkgs' binutils wrapper names both.
    const support = join(directory, "bintools/nix-support");
    mkdirSync(support, { recursive: true });
    writeFileSync(join(support, "dynamic-linker"), join(glibc, "loader"));
    writeFileSync(join(support, "orig-libc"), dirname(glibc));
  });

  it("covers everything that the API has", () => {
    expect(
      [...calls.filter((call) => !call.includes(".")), ...synchronous, ...ofNix].sort(),
    ).toEqual(exports.sort());
  });

  describe.each(calls)("%s", (call) => {
    it.each(endings)("is ended by %s", { timeout: 3_600_000 }, (_, ending, expected) => {
      for (let time = 0; time < times; time++) {
        const { code, signal, stdout, stderr } = run([...node, driver, call, ending, directory], {
          env: { XDG_STATE_HOME: join(directory, "state") },
        });
        expect([code, signal], stderr).toEqual([expected, null]);
        if (ending === "worker") expect(stdout).toBe("lives\n");
        if (ending === "throw") expect(stderr).toContain("thrown on purpose");
        if (ending === "abort") expectCancelled(call, stdout);
        // Some calls read all that is there, so they would take longer with each run.
        for (const left of ["own", "state"])
          rmSync(join(directory, left), { recursive: true, force: true });
      }
    });
  });
});

function expectCancelled(call: string, stdout: string): void {
  const { answers, more } = JSON.parse(stdout) as { answers: string[]; more: number };
  expect(answers).not.toContain("cancelled, without the reason");
  // A signal that was aborted beforehand ends every call except a watch, which then has nothing to
  // begin.
  expect(answers[0]).toBe(call === "watch" ? "answered" : "cancelled");
  // Twenty calls lie between, each of which would leave one; the last may still be closing its own.
  expect(more).toBeLessThan(10);
}
