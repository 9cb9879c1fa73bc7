// Every system call that changes a file or flushes it fails, one after the other, or is the last one of a process that
// is killed. Whatever happens, each file is the old one or the new one, whole (after a kill in the middle of an
// in-place change: once that is undone), and no other file is left.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { apply, plan } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { until } from "./support/patience.js";
import { addonEnvironment } from "./support/preload.js";
import { scratchDirectory } from "./support/scratch.js";

type Action = "edit" | "edit-in-place" | "undo";

interface Scenario {
  title: string;
  /** What was done before, undisturbed. */
  before: Action[];
  action: Action;
  files: number;
  /** Only calls with these names: with several files, threads do the rest in varying order. */
  calls?: readonly string[];
}

/** One disturbed run: the `when`-th call with that name, on each thread, fails or kills. */
interface Fault {
  call: string;
  when: number;
  effect: string;
}

const scenarios: Scenario[] = [
  { title: "a first change", before: [], action: "edit", files: 1 },
  { title: "a change in place", before: [], action: "edit-in-place", files: 1 },
  { title: "a second change", before: ["edit-in-place"], action: "edit", files: 1 },
  { title: "a second change in place", before: ["edit"], action: "edit-in-place", files: 1 },
  { title: "undo", before: ["edit"], action: "undo", files: 1 },
  {
    title: "changes of many files",
    before: [],
    action: "edit",
    files: 6,
    calls: ["linkat", "renameat", "renameat2", "fsync", "syncfs"],
  },
  {
    title: "changes of many files in place",
    before: [],
    action: "edit-in-place",
    files: 6,
    calls: ["linkat", "renameat", "fsync", "syncfs"],
  },
];

/** Everything that can change or flush something; reads are of no interest here. */
const calls = [
  ...["openat", "pwrite64", "ftruncate", "fallocate", "fsync", "fdatasync"],
  ...[
    "syncfs",
    "linkat",
    "renameat",
    "renameat2",
    "unlinkat",
    "fchmod",
    "fchown",
    "utimensat",
    "flock",
  ],
];

// Errors alternate; each call is also the last one of a process that is killed. Not under the sanitizers, where every
// process takes a second to start: they are after the paths that lead out of an error. After them, only the kills are
// left (vitest.config.ts).
const errors = ["error=EIO", "error=ENOSPC", "error=EINTR"];
const withKills = addonEnvironment.LD_PRELOAD === undefined;
const withErrors = process.env.FIXELF_TESTS !== "rest";
// Longer each time than any slack: the file has to grow.
const runpath = (step: number) => `/nix/store/${"x".repeat(4000 * (step + 1))}/lib`;

const driver = fileURLToPath(new URL("support/write-once.mjs", import.meta.url));
const run = promisify(execFile);

describe(
  `faults: ${[withErrors && "errors", withKills && "kills"].filter(Boolean).join(" and ")}`,
  needs("gcc", "strace"),
  () => {
    const directory = scratchDirectory();
    const program = join(directory, "program");
    let turns = 0;

    beforeAll(() => {
      compile(program, "int main(void) { return 0; }");
    });

    /** The files and records of one run, as a scenario begins. */
    class Stage {
      readonly place = join(directory, `${++turns}`);
      readonly records = join(this.place, "records");
      readonly log = join(this.place, "strace");
      readonly files: string[];

      constructor(count: number) {
        mkdirSync(join(this.place, "files"), { recursive: true });
        mkdirSync(this.records);
        this.files = Array.from({ length: count }, (_, index) =>
          join(this.place, "files", `program-${index}`),
        );
        for (const file of this.files) {
          copyFileSync(program, file);
          // Root also has to give the file back to its owner.
          if (process.getuid?.() === 0) chownSync(file, 12345, 12345);
        }
      }
      contents(): string[] {
        return this.files.map((file) =>
          createHash("sha256").update(readFileSync(file)).digest("hex"),
        );
      }
      others(): string[] {
        return readdirSync(join(this.place, "files")).filter((name) => !/^program-\d$/.test(name));
      }
      /** In this process, undisturbed. */
      async prepare(actions: readonly Action[]): Promise<void> {
        for (const [step, action] of actions.entries()) {
          for (const file of this.files) {
            const searchPath = { value: runpath(step), tag: "runpath" as const };
            const layout = await native.layOut(file, { searchPath });
            const inPlace = action === "edit-in-place";
            const job = { path: file, output: file, layout, inPlace };
            const [failure] = await native.apply([job], this.records);
            if (failure) throw failure;
          }
        }
      }
      /**
       * Returns what became of each file: null or an error's code; just null if the process was
       * killed.
       */
      async act(
        action: Action,
        step: number,
        options: string[],
      ): Promise<(string | null)[] | null> {
        const environment = { UV_THREADPOOL_SIZE: "1", ...addonEnvironment };
        const args = [
          ...["-f", "-qq", "-o", this.log, "-e", `trace=${calls.join(",")}`],
          ...Object.entries(environment).flatMap(([name, value]) => ["-E", `${name}=${value}`]),
          ...options,
          ...[process.execPath, driver, action, this.records, runpath(step), ...this.files],
        ];
        try {
          const { stdout } = await run("strace", args);
          return JSON.parse(stdout) as (string | null)[];
        } catch (error) {
          const { signal, code, stderr } = error as {
            signal?: string;
            code?: number;
            stderr: string;
          };
          if (signal === "SIGKILL" || code === 137) return null;
          throw new Error(`the driver failed: ${stderr}`, { cause: error });
        }
      }
    }

    /** Every relevant call of the undisturbed run, and how often its thread had made it before. */
    function faultsOf(log: string, wanted: readonly string[]): Fault[] {
      const lines = readFileSync(log, "utf8").split("\n");
      const marker = lines.findIndex((line) => line.includes('"/fixelf/begin"'));
      const thread = lines[marker]?.split(" ", 1)[0];
      const counts = new Map<string, number>();
      const faults: Fault[] = [];
      for (const [index, line] of lines.entries()) {
        const call = /^(\d+) +(\w+)\(/.exec(line);
        if (call === null || call[1] !== thread) continue;
        const name = call[2] as string;
        const when = (counts.get(name) ?? 0) + 1;
        counts.set(name, when);
        if (index <= marker || !wanted.includes(name) || line.includes('"/sys/')) continue;
        const error = errors[faults.length % errors.length] as string;
        if (withErrors) faults.push({ call: name, when, effect: error });
        if (withKills) faults.push({ call: name, when, effect: "signal=SIGKILL" });
      }
      return faults;
    }

    /** What is wrong after one disturbed run; empty if nothing is. */
    async function disturb(
      scenario: Scenario,
      { call, when, effect }: Fault,
      [original, old, next]: [string, string, string],
    ): Promise<string[]> {
      const stage = new Stage(scenario.files);
      await stage.prepare(scenario.before); // records are kept by path: each run makes its own
      const answers = await stage.act(scenario.action, scenario.before.length, [
        "-e",
        `inject=${call}:${effect}:when=${when}`,
      ]);
      const problems: string[] = [];
      const wasDisturbed =
        answers === null || readFileSync(stage.log, "utf8").includes("(INJECTED)");
      if (!wasDisturbed) problems.push("it was not disturbed");
      if (effect.includes("SIGKILL") !== (answers === null))
        problems.push(`it answered ${answers}`);
      const inPlace = scenario.action === "edit-in-place";
      for (const [index, content] of stage.contents().entries()) {
        const answer = answers?.[index];
        const mayBeHalf = answers === null && inPlace;
        if (content !== old && content !== next && !mayBeHalf) problems.push("it is neither");
        if (answer === null && content !== next) problems.push("it said done, and it is not");
      }
      if (answers !== null && stage.others().length > 0) problems.push(`left ${stage.others()}`);
      // As undo finds them for their directory: a half-written file need not be an ELF file.
      const { paths: remembered } = await native.changedBelow(
        join(stage.place, "files"),
        stage.records,
      );
      for (const [index, content] of stage.contents().entries()) {
        const isKnown = remembered.includes(stage.files[index] as string);
        if (content !== original && !isKnown) problems.push("its directory has no record of it");
      }
      const undone = await native.undo(stage.files, stage.records);
      for (const [index, content] of stage.contents().entries()) {
        const code = undone[index]?.code ?? "restored";
        if (content !== original) problems.push(`it is not the original, undo said ${code}`);
      }
      if (stage.others().length > 0) problems.push(`undo left ${stage.others()}`);
      const records = readdirSync(stage.records);
      if (records.length > 0) problems.push(`undo left records ${records}`);
      if (problems.length === 0) rmSync(stage.place, { recursive: true });
      return problems;
    }

    it.each(scenarios)("during $title leave each file old or new", async (scenario) => {
      const stage = new Stage(scenario.files);
      await stage.prepare(scenario.before);
      const old = stage.contents()[0] as string;
      const answers = await stage.act(scenario.action, scenario.before.length, []);
      expect(answers).toEqual(stage.files.map(() => null));
      const next = stage.contents()[0] as string;
      expect(next).not.toBe(old);
      const faults = faultsOf(stage.log, scenario.calls ?? calls);
      expect(faults.length).toBeGreaterThan(5);

      const original = new Stage(1).contents()[0] as string;
      const problems: string[] = [];
      const queue = [...faults];
      const worker = async () => {
        for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
          const { call, when, effect } = fault;
          const found = await disturb(scenario, fault, [original, old, next]);
          problems.push(...found.map((problem) => `${call} ${when} ${effect}: ${problem}`));
        }
      };
      await Promise.all(Array.from({ length: availableParallelism() }, worker));
      expect(problems).toEqual([]);
    });

    const renamed = async (stage: Stage, ...faults: string[]) =>
      stage.act("edit", 0, ["-e", `inject=renameat2:${faults.join(":")}`]);

    it.each(["EINVAL", "ENOSYS"])(
      "rename files if they cannot be exchanged (%s)",
      async (error) => {
        const stage = new Stage(2);
        const [original] = stage.contents();
        expect(await renamed(stage, `error=${error}`)).toEqual([null, null]);
        expect(readFileSync(stage.log, "utf8")).toContain("(INJECTED)");
        for (const content of stage.contents()) expect(content).not.toBe(original);
        expect(stage.others()).toEqual([]);
      },
    );

    describe("during another's last-moment replacement of the file", () => {
      /** Replaces the first file by others, each while an exchange is held up. */
      const contend = async (stage: Stage, contents: readonly string[]) => {
        const [file] = stage.files as [string];
        const answers = renamed(stage, "delay_enter=1500000");
        for (const [index, content] of contents.entries()) {
          // Just before an exchange the temporary name exists, and later has the other's file.
          const awaited = index === 0 ? null : contents[index - 1];
          await until("its temporary name", () => {
            const [name] = stage.others();
            if (name === undefined) return false;
            if (awaited === null) return true;
            const path = join(stage.place, "files", name);
            return readFileSync(path, "utf8") === awaited;
          });
          writeFileSync(join(stage.place, "theirs"), content);
          renameSync(join(stage.place, "theirs"), file);
        }
        return answers;
      };
      it.each([[["one"]], [["one", "two"]], [["one", "two", "three"]]])(
        "keep it: %j",
        async (contents) => {
          const stage = new Stage(1);
          expect(await contend(stage, contents)).toEqual(["changed"]);
          expect(readFileSync(stage.files[0] as string, "utf8")).toBe(contents.at(-1));
          expect(stage.others()).toEqual([]);
          expect(readdirSync(stage.records)).toEqual([]);
        },
      );
    });

    describe("and a kill", () => {
      it("may leave the original beside the new file, which then does not count as a program", async () => {
        const stage = new Stage(1);
        const [original] = stage.contents();
        // The first two calls are for records that do not exist.
        expect(await stage.act("edit", 0, ["-e", "inject=unlinkat:signal=SIGKILL:when=3"])).toBe(
          null,
        );
        expect(stage.contents()).not.toEqual([original]);
        const [leftover, ...more] = stage.others();
        expect(more).toEqual([]);
        const place = join(stage.place, "files");
        const planned = await plan([place], { root: stage.place, gcRoot: false });
        expect(planned.files.map(({ host }) => host)).toEqual(stage.files);
        expect(planned.leftovers).toEqual([join(place, leftover as string)]);
        // A file with such a name that belongs to none of the files.
        const similar = join(place, ".none.fixelf-0123456789abcdef");
        copyFileSync(program, similar);
        await apply({ ...planned, files: [], leftovers: [...planned.leftovers, similar] });
        expect(stage.others()).toEqual([basename(similar)]);
      });
    });
  },
);
