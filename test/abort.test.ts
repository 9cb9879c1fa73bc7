// What a signal ends: native work under way stops midway, and of many files no further one is
// begun.
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { underWay } from "../lib/addon/under_way.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { addonEnvironment } from "./support/preload.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();

describe("native work under way", () => {
  const store = join(directory, "store");
  const many = <T>(one: T, count = 1_000_000) => Array.from({ length: count }, () => one);
  const program = process.execPath;
  // Each symbol's name has to be read, and Node has tens of thousands of symbols.
  const layOutSymbols = (path: string) =>
    native.layOut(path, { renameSymbols: [{ from: "printf", to: "none" }] });
  const sleepingProgram = realpathSync("/bin/sleep");
  const sleeper = {
    file: sleepingProgram,
    arguments: ["600"],
    environment: [],
    subjects: [sleepingProgram],
  };

  beforeAll(() => mkdirSync(join(store, "one/lib"), { recursive: true }));

  // Undisturbed, each of them would take far longer than it is given here, and would complete in
  // the end.
  it.each<[string, () => Promise<unknown>]>([
    ["the reading of libraries", () => native.libraries({ root: "", store }, many("one"), true)],
    ["the resolution", () => new native.Files("").resolve(many(program), {})],
    ["the planning", () => new native.Files("").override(many({ path: program }))],
    ["the undoing", () => stoppedUndo(many(join(directory, "none"), 100_000))],
    ["the layout", () => Promise.all(many(program, 16).map(layOutSymbols))],
    ["the run of programs", () => native.run([sleeper], 600_000)],
  ])("%s", async (what, call) => {
    const { signal } = new AbortController();
    const cancellation = native.cancellation();
    const answer = underWay.run({ signal, cancellation }, call).then(
      () => "answered",
      ({ code, message }) => `${code}: ${message}`,
    );
    await sleep(100);
    native.cancel(cancellation);
    expect(await answer).toBe(`cancelled: ${what} was cancelled`);
  });

  /** The last answer is for a file that was never examined. */
  async function stoppedUndo(paths: string[]): Promise<never> {
    const records = join(directory, "records");
    mkdirSync(records, { mode: 0o700 });
    throw (await native.undo(paths, records)).at(-1);
  }
});

describe("work on many files", needs("gcc", "prlimit", "readelf"), () => {
  // Eight at a time (jobsAtOnce in native/patch/write.cpp).
  const script = `
    import { execFileSync } from "node:child_process";
    import { cpSync, readFileSync, statSync } from "node:fs";
    const api = await import(${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)});
    const [tree, loader] = process.argv.slice(1);
    execFileSync("prlimit", ["--pid", String(process.pid), "--nofile=280"]);
    const contents = (files) => files.map((file) => readFileSync(file, "latin1"));
    const options = { store: "/nowhere", index: false, gcRoot: false, interpreter: loader };
    const planned = await api.plan([tree], options);
    const files = planned.files.map(({ host }) => host);
    const original = contents(files);
    const reason = new Error("wanted no longer");

    /** Aborts as soon as the first file has been replaced. */
    async function abortedMidway(call) {
      const controller = new AbortController();
      const { ino } = statSync(files[0]);
      const look = () => {
        if (statSync(files[0]).ino === ino) setImmediate(look);
        else controller.abort(reason);
      };
      const answer = call(controller.signal);
      look();
      return (await answer).map(({ outcome, error }) => [outcome, error?.code ?? null].join());
    }
    const applied = await abortedMidway((signal) => api.apply(planned, { signal }));
    const changed = contents(files).map((content, index) => content !== original[index]);
    await api.apply(await api.plan([tree], options));
    const undone = await abortedMidway((signal) => api.undo([tree], { signal }));
    await api.undo([tree]);
    const restored = contents(files).every((content, index) => content === original[index]);
    console.log(JSON.stringify({ applied, changed, undone, restored }));`;

  it("finishes those begun, and does not begin the others", () => {
    const tree = join(directory, "tree");
    const first = compile(join(tree, "program-100"), "int main(void) { return 0; }");
    for (let index = 101; index < 500; index++) copyFileSync(first, join(tree, `program-${index}`));
    const loader = join(directory, "loader");
    const [, usual = ""] =
      /interpreter: (\S+)\]/.exec(execFileSync("readelf", ["-lW", first], { encoding: "utf8" })) ??
      [];
    execFileSync("cp", ["-L", usual, loader]);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", script, "--", tree, loader],
      {
        encoding: "utf8",
        env: { ...process.env, ...addonEnvironment, XDG_STATE_HOME: join(directory, "state") },
      },
    );
    expect(status, stderr).toBe(0);
    const { applied, changed, undone, restored } = JSON.parse(stdout) as {
      applied: string[];
      changed: boolean[];
      undone: string[];
      restored: boolean;
    };
    expect([...new Set(applied)].sort()).toEqual(["failed,cancelled", "fixed,"]);
    expect(changed).toEqual(applied.map((outcome) => outcome === "fixed,"));
    expect([...new Set(undone)].sort()).toEqual(["failed,cancelled", "restored,"]);
    expect(restored).toBe(true);
  });
});
