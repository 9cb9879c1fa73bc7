// Whole commands, killed (SIGKILL) just before one of their system calls, whichever thread makes it. Each file is then
// the old one or the new one, or `undo` of it or of its directory repairs it; no other file is left, and the next
// command works. Only calls that may change something count: a kill between two of them always leaves the same state.
// This file tries some of them, and `npm run test:kills` all.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { commandLine, fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc } from "./support/store.js";

/** How many of a command's calls are tried; FIXELF_KILLS gives another number, or "all". */
const tried = process.env.FIXELF_KILLS ?? "5";

describe("a command that is killed at a system call", needs("gcc", "ptrace"), () => {
  const directory = scratchDirectory();
  const killAt = join(directory, "kill-at");
  const store = join(directory, "store");
  const glibc = join(store, `${"a".repeat(32)}-glibc-2.36/lib`);
  const programs = ["one", "two", "three"];
  let loader: string;
  let original: Buffer;

  beforeAll(() => {
    compile(
      killAt,
      readFileSync(fileURLToPath(new URL("support/kill-at.c", import.meta.url)), "utf8"),
    );
    loader = copyGlibc(glibc);
    compile(join(directory, "program"), "int main(void) { return 0; }");
    original = readFileSync(join(directory, "program"));
  });

  /** Files, state and cache of one run. */
  class Stage {
    readonly place = scratchDirectory();
    readonly tree = join(this.place, "tree");
    readonly env = {
      XDG_STATE_HOME: join(this.place, "state"),
      XDG_CACHE_HOME: join(this.place, "cache"),
    };

    constructor() {
      mkdirSync(this.tree);
      for (const name of programs) copyFileSync(join(directory, "program"), join(this.tree, name));
    }
    fixelf(...words: string[]) {
      return fixelf(words, { env: this.env });
    }
    /** Returns how many calls it made. */
    async count({ words, lines }: Ending): Promise<number> {
      const { code, calls, stderr } = await this.#trace(0, words, lines);
      expect(code, stderr).toBe(0);
      return calls;
    }
    /** Returns whether it was killed: the number of its calls varies a little. */
    async kill(call: number, { words, lines }: Ending): Promise<boolean> {
      const { code, stderr } = await this.#trace(call, words, lines);
      expect([0, 137], stderr).toContain(code);
      return code === 137;
    }
    async #trace(call: number, words: readonly string[], lines = Number.POSITIVE_INFINITY) {
      const [file, ...args] = absolute([killAt, `${call}`, ...commandLine, ...words]);
      const traced = spawn(file, args, {
        env: { ...process.env, ...this.env },
        stdio: ["ignore", "pipe", "pipe", "pipe"],
      });
      let seen = 0;
      traced.stdio[1]?.on("data", (bytes: Buffer) => {
        seen += bytes.toString("latin1").split("\n").length - 1;
        if (seen >= lines) traced.kill("SIGINT");
      });
      const [stderr, calls, [code]] = await Promise.all([
        text(traced.stdio[2] as Readable),
        text(traced.stdio[3] as Readable),
        once(traced, "close") as Promise<[number | null]>,
      ]);
      return { code, calls: Number(calls), stderr };
    }
    isOriginal(): boolean[] {
      return programs.map((name) => readFileSync(join(this.tree, name)).equals(original));
    }
    remove(): void {
      rmSync(this.place, { recursive: true });
    }
  }

  /** kill-at does not search PATH. */
  function absolute(words: readonly string[]): [string, ...string[]] {
    const [first = "", ...rest] = words.map((word) => (word === "env" ? "/usr/bin/env" : word));
    return [first, ...rest];
  }

  function callsOf(count: number): number[] {
    const wanted = tried === "all" ? count : Math.min(count, Number(tried));
    // The last ones too: by then something has been written.
    return Array.from({ length: wanted }, (_, index) =>
      Math.max(1, Math.floor(((index + 1) * count) / wanted)),
    );
  }

  /** A command, which ends by itself or is interrupted after so many lines on standard output. */
  interface Ending {
    words: readonly string[];
    lines?: number;
  }

  const options = () => ["--store", store, "--no-index", "--no-gc-root", "--interpreter", loader];
  const fix = (stage: Stage, ...more: string[]) => ["fix", stage.tree, ...options(), ...more];
  const undo = (stage: Stage) => ["undo", stage.tree];

  const watch = (stage: Stage) => ["watch", stage.tree, ...options()];

  const scenarios: [string, ((stage: Stage) => string[])[], (stage: Stage) => Ending][] = [
    ["fix", [], (stage) => ({ words: fix(stage) })],
    ["fix --in-place", [], (stage) => ({ words: fix(stage, "--in-place") })],
    ["watch", [], (stage) => ({ words: watch(stage), lines: programs.length })],
    ["undo", [(stage) => fix(stage)], (stage) => ({ words: undo(stage) })],
    [
      "undo of a fix in place",
      [(stage) => fix(stage, "--in-place")],
      (stage) => ({ words: undo(stage) }),
    ],
  ];

  it.each(scenarios)("%s", { timeout: 86_400_000 }, async (_, before, command) => {
    const prepared = () => {
      const stage = new Stage();
      for (const words of before) expect(stage.fixelf(...words(stage)).code).toBe(0);
      return stage;
    };
    const undisturbed = prepared();
    const count = await undisturbed.count(command(undisturbed));
    expect(count).toBeGreaterThan(20);
    undisturbed.remove();
    let killed = 0;
    for (const call of callsOf(count)) {
      const stage = prepared();
      if (await stage.kill(call, command(stage))) killed++;
      // Undo alternately what can repair each file: the file itself, and its directory.
      const named = call % 2 === 0 ? [stage.tree] : programs.map((name) => join(stage.tree, name));
      const { stdout, stderr } = stage.fixelf("undo", ...named);
      expect(stage.isOriginal(), `${call} of ${count}: ${stdout}${stderr}`).toEqual([
        true,
        true,
        true,
      ]);
      expect(readdirSync(stage.tree).sort(), `${call} of ${count}`).toEqual([...programs].sort());
      const again = stage.fixelf(...fix(stage));
      expect(again.code, `${call} of ${count}: ${again.stdout}${again.stderr}`).toBe(0);
      expect(stage.isOriginal()).toEqual([false, false, false]);
      stage.remove();
    }
    expect(killed).toBeGreaterThan(0);
  });

  it("index", { timeout: 86_400_000 }, async () => {
    const index = ["index", "--store", store];
    const undisturbed = new Stage();
    const count = await undisturbed.count({ words: index });
    undisturbed.remove();
    let killed = 0;
    for (const call of callsOf(count)) {
      const stage = new Stage();
      if (await stage.kill(call, { words: index })) killed++;
      for (const words of [["find", "libc.so.6", "--store", store], index]) {
        const { code, stdout, stderr } = stage.fixelf(...words);
        expect([code, stderr], `${call} of ${count}`).toEqual([
          0,
          expect.not.stringContaining("damaged"),
        ]);
        expect(stdout).not.toBe("");
      }
      stage.remove();
    }
    expect(killed).toBeGreaterThan(0);
  });
});
