// fixelf watch, on a root shaped like NixOS, made from this machine's own glibc. No Nix.
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  apply,
  inspect,
  type PresetName,
  plan,
  presetDirectories,
  presetNames,
  undo,
  type WatchEvent,
  type WatchedDirectory,
  type WatchOptions,
  type WatchOutcome,
  watch,
} from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { until } from "./support/patience.js";
import { fixelf, startFixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { NixosRoot, storePath } from "./support/store.js";

const other = `${storePath("answer-1.0", "b")}/lib`;

describe("watch", needs("gcc"), () => {
  const directory = scratchDirectory();
  const nixos = new NixosRoot();
  const { loader, path: root } = nixos;
  const build = scratchDirectory();
  /** Where programs arrive. */
  let inbox: string;
  let running: { stop(): Promise<void> }[];

  const says = (text: string) =>
    `#include <stdio.h>\nint main(void) { puts("${text}"); return 0; }\n`;
  const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  const isFixed = async (path: string) =>
    (await inspect(path).catch(() => null))?.interpreter === loader;
  /** A program that needs libanswer.so, with or without it. */
  const layOut = (top: string, withLibrary = true) => {
    mkdirSync(join(top, "bin"), { recursive: true });
    if (withLibrary) {
      mkdirSync(join(top, "lib"), { recursive: true });
      copyFileSync(join(build, "libanswer.so"), join(top, "lib/libanswer.so"));
    }
    copyFileSync(join(build, "program"), join(top, "bin/program"));
    return join(top, "bin/program");
  };

  /** A watch in this process, and what it has reported so far. */
  const start = async (
    directories: readonly (string | WatchedDirectory)[] = [inbox],
    options: WatchOptions = {},
  ) => {
    const controller = new AbortController();
    const outcomes: WatchOutcome[] = [];
    const events: WatchEvent[] = [];
    const done = (async () => {
      const told = watch(directories, {
        root,
        gcRoot: false,
        ...options,
        signal: controller.signal,
        onWatch: (event) => events.push(event),
      });
      for await (const outcome of told) outcomes.push(outcome);
    })();
    const stop = async () => {
      controller.abort();
      await done;
    };
    running.push({ stop });
    await until("the watch has begun", () =>
      events.some(({ kind }) => kind === "watching" || kind === "waiting"),
    );
    return { outcomes, events, stop };
  };

  /** The command, in a process of its own. */
  const spawnWatch = (words: readonly string[] = [inbox], by: readonly string[] = []) => {
    const options = ["--json", "--root", root, "--no-gc-root"];
    const child = startFixelf(["watch", ...words, ...options], { by });
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (bytes) => {
      said.stdout += bytes;
    });
    child.stderr.on("data", (bytes) => {
      said.stderr += bytes;
    });
    // Once all of its output has been read, too.
    const ended = once(child, "close");
    running.push({
      stop: async () => {
        child.kill("SIGKILL");
        await ended;
      },
    });
    return { child, said, ended };
  };

  beforeAll(() => {
    const options = ["-shared", "-fPIC", "-Wl,-soname,libanswer.so"];
    const library = compile(
      join(build, "libanswer.so"),
      "int answer(void) { return 42; }",
      ...options,
    );
    compile(
      join(build, "program"),
      '#include <stdio.h>\nint answer(void); int main(void) { printf("%d\\n", answer()); }',
      library,
    );
    for (const text of ["one", "two"]) compile(join(build, text), says(text));
    // The store's copy, which must not be taken if the program brings its own.
    mkdirSync(nixos.in(other), { recursive: true });
    copyFileSync(library, nixos.in(`${other}/libanswer.so`));
  });
  beforeEach(() => {
    running = [];
    inbox = scratchDirectory(root);
    process.env.XDG_STATE_HOME = scratchDirectory();
  });
  afterEach(() => Promise.all(running.map(({ stop }) => stop())));

  it("fixes what is there, what is copied in and what is renamed in", async () => {
    copyFileSync(join(build, "one"), join(inbox, "there"));
    const { outcomes } = await start();
    await until("what was there is fixed", () => isFixed(join(inbox, "there")));
    copyFileSync(join(build, "one"), join(inbox, "copied"));
    await until("what was copied is fixed", () => isFixed(join(inbox, "copied")));
    copyFileSync(join(build, "two"), join(directory, "elsewhere"));
    renameSync(join(directory, "elsewhere"), join(inbox, "renamed"));
    linkSync(join(build, "two"), join(inbox, "linked"));
    const original = sha256(join(build, "two"));
    for (const name of ["renamed", "linked"])
      await until(`${name} is fixed`, () => isFixed(join(inbox, name)));
    await until("all is told", () => outcomes.length >= 4);
    expect(outcomes.map(({ path, outcome }) => [basename(path), outcome]).sort()).toEqual([
      ["copied", "fixed"],
      ["linked", "fixed"],
      ["renamed", "fixed"],
      ["there", "fixed"],
    ]);
    // The file's other name, outside the directory, is unchanged.
    expect(sha256(join(build, "two"))).toBe(original);
  });

  it("fixes a directory as one program, whose own libraries take precedence", async () => {
    const { outcomes } = await start();
    const staged = join(directory, "staged");
    layOut(staged);
    renameSync(staged, join(inbox, "app"));
    const program = join(inbox, "app/bin/program");
    await until("it is fixed", () => isFixed(program));
    expect((await inspect(program)).runpath).toMatch(/^\$ORIGIN\/\.\.\/lib:/);
    // Without it, the store's.
    const bare = layOut(join(inbox, "bare"), false);
    await until("it is fixed", () => isFixed(bare));
    expect((await inspect(bare)).runpath).toContain(other);
    await until("all is told", () => outcomes.length === 2);
  });

  it("waits for what is still being written, and for what comes with it", async () => {
    const { outcomes } = await start();
    const program = layOut(join(inbox, "app"), false);
    mkdirSync(join(inbox, "app/lib"));
    // As when a download is unpacked: the library is opened, and its bytes come late.
    const bytes = readFileSync(join(build, "libanswer.so"));
    const file = openSync(join(inbox, "app/lib/libanswer.so"), "w");
    writeSync(file, bytes, 0, 1000);
    await sleep(1000);
    expect(await isFixed(program)).toBe(false);
    writeSync(file, bytes, 1000);
    closeSync(file);
    await until("it is fixed", () => isFixed(program));
    expect((await inspect(program)).runpath).toMatch(/^\$ORIGIN\/\.\.\/lib:/);
    expect(outcomes.filter(({ error }) => error !== null)).toEqual([]);
  });

  it("does not wait for ever if something is always being written", async () => {
    await start();
    mkdirSync(join(inbox, "app"));
    const log = openSync(join(inbox, "app/log"), "w");
    const timer = setInterval(() => writeFileSync(join(inbox, "app/state"), "still here"), 20);
    try {
      copyFileSync(join(build, "one"), join(inbox, "app/program"));
      await until("it is fixed", () => isFixed(join(inbox, "app/program")));
    } finally {
      clearInterval(timer);
      closeSync(log);
    }
  });

  it("fixes a tree of 2,000 files, each program once", needs("tar"), async () => {
    const tree = join(directory, "tree");
    for (let index = 0; index < 2000; index++) {
      const folder = join(tree, `part-${index % 40}`);
      mkdirSync(folder, { recursive: true });
      if (index % 20 === 0) copyFileSync(join(build, "program"), join(folder, `program-${index}`));
      else writeFileSync(join(folder, `file-${index}`), `${index}\n`);
    }
    mkdirSync(join(tree, "lib"));
    copyFileSync(join(build, "libanswer.so"), join(tree, "lib/libanswer.so"));
    // The library comes first: on a busy machine tar may pause for longer than watch waits.
    const archive = ["-cf", join(directory, "tree.tar"), "--sort=name", "tree"];
    execFileSync("tar", ["-C", directory, ...archive]);
    const programs = Array.from({ length: 100 }, (_, index) =>
      join(inbox, `tree/part-${(index * 20) % 40}/program-${index * 20}`),
    );

    const { outcomes } = await start();
    await promisify(execFile)("tar", ["-C", inbox, "-xf", join(directory, "tree.tar")]);
    await until("all are told", () => outcomes.length >= programs.length);
    expect(outcomes.map(({ path }) => path).sort()).toEqual([...programs].sort());
    for (const path of programs) expect((await inspect(path)).runpath).toContain("$ORIGIN/../lib");
    // Its own writes are not news.
    await sleep(500);
    expect(outcomes.length).toBe(programs.length);
  });

  it("keeps a program intact that is replaced while it is being fixed", async () => {
    const path = join(inbox, "program");
    const one = join(build, "one");
    const two = join(build, "two");
    const fixedOf = async (original: string) => {
      const output = join(directory, `${basename(original)}-fixed`);
      await apply(await plan([original], { root, gcRoot: false, output }));
      return sha256(output);
    };
    const fixed = { one: await fixedOf(one), two: await fixedOf(two) };
    const whole = new Set([sha256(one), sha256(two), ...Object.values(fixed)]);
    await start([inbox], { settle: 5 });
    for (let round = 0; round < 60; round++) {
      const [text, original] = round % 2 === 0 ? (["one", one] as const) : (["two", two] as const);
      copyFileSync(original, join(directory, "next"));
      renameSync(join(directory, "next"), path);
      // At another moment of the fix each time.
      const end = performance.now() + (round % 20) * 4;
      do {
        expect(whole).toContain(sha256(path));
        await sleep(1);
      } while (performance.now() < end);
      if (round % 20 !== 19) continue;
      await until("the newest is fixed", () => sha256(path) === fixed[text]);
    }
    // No file of ours is left.
    expect(readdirSync(inbox)).toEqual(["program"]);
  });

  it("fixes what an exchange puts in place, a file or a directory", async () => {
    const exchanges = compile(
      join(build, "exchange"),
      `#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
int main(int count, char **words) {
  return count == 3 ? renameat2(AT_FDCWD, words[1], AT_FDCWD, words[2], RENAME_EXCHANGE) : 2;
}
`,
    );
    const exchange = (one: string, other: string) => execFileSync(exchanges, [one, other]);
    writeFileSync(join(inbox, "program"), "not yet");
    mkdirSync(join(inbox, "app"));
    await start();
    const staged = scratchDirectory(root);
    copyFileSync(join(build, "one"), join(staged, "program"));
    exchange(join(staged, "program"), join(inbox, "program"));
    await until("the file is fixed", () => isFixed(join(inbox, "program")));
    layOut(join(staged, "app"));
    exchange(join(staged, "app"), join(inbox, "app"));
    await until("the directory is fixed", () => isFixed(join(inbox, "app/bin/program")));
    copyFileSync(join(build, "two"), join(inbox, "app/bin/two"));
    await until("what comes into it later is fixed", () => isFixed(join(inbox, "app/bin/two")));
  });

  it("loses nothing to kill -9, and fixes nothing twice", async () => {
    const programs: string[] = [];
    for (let round = 0; round < 6; round++) {
      const { child, said, ended } = spawnWatch();
      await until("it watches", () => said.stderr.includes("watching"));
      for (let index = 0; index < 10; index++)
        programs.push(layOut(join(inbox, `app-${round}-${index}`)));
      await sleep(100 + round * 60);
      child.kill("SIGKILL");
      await ended;
    }
    const last = spawnWatch();
    await until("it watches", () => last.said.stderr.includes("watching"));
    for (const program of programs) await until(`${program} is fixed`, () => isFixed(program));
    last.child.kill("SIGHUP");
    expect(await last.ended).toEqual([0, null]);

    const inodes = programs.map((program) => statSync(program).ino);
    const again = spawnWatch();
    await until("it watches", () => again.said.stderr.includes("watching"));
    layOut(join(inbox, "marker"));
    await until("it works", () => again.said.stdout.includes("marker"));
    again.child.kill("SIGINT");
    expect(await again.ended).toEqual([0, null]);
    expect(programs.map((program) => statSync(program).ino)).toEqual(inodes);
    // Data on stdout, one JSON object per line.
    const [record, ...more] = again.said.stdout.trim().split("\n");
    expect(more).toEqual([]);
    expect(JSON.parse(record as string)).toMatchObject({
      path: join(inbox, "marker/bin/program"),
      outcome: "fixed",
      error: null,
    });
    // No file of ours is left.
    const names = readdirSync(inbox, { recursive: true, encoding: "utf8" });
    expect(names.filter((name) => name.includes("fixelf"))).toEqual([]);
  });

  it("examines everything again when the kernel's queue overflows", async () => {
    const most = Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "utf8"));
    const { child, said } = spawnWatch();
    await until("it watches", () => said.stderr.includes("watching"));
    child.kill("SIGSTOP");
    // All of its threads: one that is still running would empty the queue.
    const stateOf = (thread: string) =>
      /^State:\t(.)/m.exec(readFileSync(`/proc/${child.pid}/task/${thread}/status`, "utf8"))?.[1];
    await until("it stands still", () =>
      readdirSync(`/proc/${child.pid}/task`).every((thread) => stateOf(thread) === "T"),
    );
    mkdirSync(join(inbox, "noise"));
    // Each is created and closed: two events. The program's own come after the queue is full.
    for (let index = 0; index < most / 2 + 100; index++)
      writeFileSync(join(inbox, `noise-${index}`), "");
    const program = layOut(join(inbox, "late"));
    child.kill("SIGCONT");
    await until("the overflow is told", () => said.stderr.includes("overflowed"));
    await until("the program is fixed", () => isFixed(program));
    // The directories created meanwhile are watched as well.
    copyFileSync(join(build, "one"), join(inbox, "late/bin/one"));
    await until("what comes later is fixed", () => isFixed(join(inbox, "late/bin/one")));
  });

  it("survives directories that vanish, come back and are renamed", async () => {
    const later = join(inbox, "not/there/yet");
    const { events } = await start([{ path: later }]);
    expect(events).toEqual([{ kind: "waiting", path: later }]);
    mkdirSync(later, { recursive: true });
    copyFileSync(join(build, "one"), join(later, "first"));
    await until("it is fixed", () => isFixed(join(later, "first")));

    rmSync(join(inbox, "not"), { recursive: true });
    await until("its absence is noticed", () => events.at(-1)?.kind === "waiting");
    layOut(join(later, "app"));
    await until("it is fixed", () => isFixed(join(later, "app/bin/program")));

    // It is moved away, with what is in it, and replaced by another.
    renameSync(later, join(inbox, "away"));
    mkdirSync(later);
    copyFileSync(join(build, "one"), join(inbox, "away/unwatched"));
    copyFileSync(join(build, "one"), join(later, "second"));
    await until("it is fixed", () => isFixed(join(later, "second")));
    expect(await isFixed(join(inbox, "away/unwatched"))).toBe(false);

    // A directory below it is renamed, vanishes and is created again.
    renameSync(join(inbox, "away/app"), join(later, "app"));
    renameSync(join(later, "app"), join(later, "app-2"));
    copyFileSync(join(build, "two"), join(later, "app-2/bin/two"));
    await until("it is fixed", () => isFixed(join(later, "app-2/bin/two")));
    for (let round = 0; round < 30; round++) {
      layOut(join(later, "short-lived"));
      rmSync(join(later, "short-lived"), { recursive: true });
    }
    layOut(join(later, "short-lived"));
    await until("it is fixed", () => isFixed(join(later, "short-lived/bin/program")));
  });

  it("does not follow links out of the root", async () => {
    const outside = layOut(join(directory, "outside"));
    const before = sha256(outside);
    await start();
    symlinkSync(join(directory, "outside"), join(inbox, "link"));
    symlinkSync(outside, join(inbox, "program"));
    copyFileSync(join(build, "one"), join(inbox, "marker"));
    await until("the watch has seen them", () => isFixed(join(inbox, "marker")));
    await sleep(500);
    expect(sha256(outside)).toBe(before);
  });

  it("does not follow links out of the directory", async () => {
    const elsewhere = scratchDirectory(root);
    const program = layOut(join(elsewhere, "app"));
    const before = sha256(program);
    const { outcomes } = await start();
    symlinkSync(join(elsewhere, "app"), join(inbox, "tree"));
    symlinkSync(program, join(inbox, "program"));
    copyFileSync(join(build, "one"), join(inbox, "marker"));
    await until("the watch has seen them", () => isFixed(join(inbox, "marker")));
    await sleep(500);
    expect(sha256(program)).toBe(before);
    expect(outcomes.map(({ path }) => basename(path))).toEqual(["marker"]);
  });

  it("fixes executable scripts", async () => {
    const { outcomes } = await start();
    const staged = join(directory, "staged-script");
    const script = join(inbox, "app/bin/script");
    mkdirSync(join(staged, "bin"), { recursive: true });
    copyFileSync(join(build, "one"), join(staged, "bin/one"));
    writeFileSync(join(staged, "bin/script"), "#!/usr/bin/one\n", { mode: 0o755 });
    writeFileSync(join(staged, "bin/module"), "#!/usr/bin/one\n", { mode: 0o644 });
    renameSync(staged, join(inbox, "app"));
    await until("it is told", () => outcomes.length >= 2);
    expect(readFileSync(script, "utf8")).toBe(
      `#!${join(inbox, "app/bin/one").slice(root.length)}\n`,
    );
    expect(readFileSync(join(inbox, "app/bin/module"), "utf8")).toBe("#!/usr/bin/one\n");
    // A script that comes alone.
    writeFileSync(join(inbox, "app/bin/later"), "#!/usr/bin/one\n", { mode: 0o755 });
    await until("that is told, too", () => outcomes.length >= 3);
    expect(outcomes.map(({ path, outcome }) => [basename(path), outcome]).sort()).toEqual([
      ["later", "fixed"],
      ["one", "fixed"],
      ["script", "fixed"],
    ]);
  });

  it("does not write a file again that it had to restore", async () => {
    // Verification asks the loader, and this one crashes where it begins (e_entry).
    const store = join(directory, "broken-store");
    const lib = join(store, basename(dirname(nixos.glibc)), "lib");
    mkdirSync(lib, { recursive: true });
    copyFileSync(nixos.in(`${nixos.glibc}/libc.so.6`), join(lib, "libc.so.6"));
    const bytes = readFileSync(nixos.in(loader));
    bytes.writeBigUInt64LE(0n, 24);
    writeFileSync(join(lib, basename(loader)), bytes, { mode: 0o755 });
    const system = join(directory, "no-system");
    const { outcomes } = await start([inbox], { root: "", store, system, index: false });
    const nowhere = "-Wl,-I,/nowhere/ld-linux.so.2";
    compile(join(build, "elsewhere"), says("one"), nowhere);
    mkdirSync(join(inbox, "app"));
    const program = join(inbox, "app/program");
    copyFileSync(join(build, "elsewhere"), program);
    await until("it is told", () => outcomes.length > 0);
    const inode = statSync(program).ino;
    // Neither its own writes nor other events there make it try again.
    copyFileSync(join(build, "elsewhere"), join(inbox, "app/another"));
    await until("another is told", () => outcomes.length > 1);
    await sleep(1000);
    expect(outcomes).toMatchObject(
      ["program", "another"].map((name) => ({
        path: join(inbox, "app", name),
        outcome: "failed",
        error: { code: "verification-failed" },
      })),
    );
    expect(statSync(program).ino).toBe(inode);
    // Different content is a different case.
    compile(join(build, "elsewhere-2"), says("two"), nowhere);
    copyFileSync(join(build, "elsewhere-2"), program);
    await until("that is told, too", () => outcomes.length > 2);
    expect(outcomes[2]).toMatchObject({ path: program, outcome: "failed" });
  });

  it("names files for other machines and for another libc in one line", async () => {
    const { outcomes, events } = await start();
    const staged = join(directory, "staged-foreign");
    mkdirSync(staged);
    copyFileSync(join(build, "one"), join(staged, "one"));
    // e_machine (gABI, "ELF Header"): SPARC V9 and Alpha, on which this test never runs.
    for (const [name, machine] of Object.entries({ a: 43, b: 43, c: 0x9026 })) {
      const bytes = readFileSync(join(build, "program"));
      bytes.writeUInt16LE(machine, 18);
      writeFileSync(join(staged, name), bytes);
    }
    const module = readFileSync(join(build, "libanswer.so"));
    module.writeUInt16LE(43, 18);
    writeFileSync(join(staged, "module.node"), module);
    const bare = ["-shared", "-fPIC", "-nostdlib"];
    const libc = join(build, "libc.musl-x86_64.so.1");
    compile(libc, "void musl(void) {}", ...bare, `-Wl,-soname,${basename(libc)}`);
    const ofMusl = "void musl(void); void begin(void) { musl(); }";
    compile(join(staged, "musl.node"), ofMusl, ...bare, libc);
    renameSync(staged, join(inbox, "app"));
    await until("it is told", () => events.some(({ kind }) => kind === "passed-over"));
    await until("the other is fixed", () => isFixed(join(inbox, "app/one")));
    copyFileSync(join(build, "two"), join(inbox, "app/two"));
    await until("a later one is fixed", () => isFixed(join(inbox, "app/two")));
    await until("that is told", () => outcomes.length === 2);
    expect(outcomes.map(({ path, outcome }) => [basename(path), outcome])).toEqual([
      ["one", "fixed"],
      ["two", "fixed"],
    ]);
    const told = events.filter((event) => event.kind === "passed-over");
    expect(told).toEqual([
      { kind: "passed-over", path: join(inbox, "app"), files: 5, machines: expect.any(Array) },
    ]);
    const machines = told.flatMap((event) => event.machines);
    expect(machines).toEqual([...new Set(machines)]);
    expect(machines).toHaveLength(3);
    expect(machines).toContainEqual(expect.stringMatching(/^musl on /));
  });

  it("reports once what it refuses, and goes on", async () => {
    const { outcomes } = await start();
    mkdirSync(join(inbox, "app"));
    // A download that was cut off in the middle of its program headers.
    const cut = readFileSync(join(build, "one")).subarray(0, 200);
    writeFileSync(join(inbox, "app/damaged"), cut);
    await until("it is told", () => outcomes.length > 0);
    expect(outcomes).toMatchObject([
      { path: join(inbox, "app/damaged"), outcome: "refused", error: { code: "truncated" } },
    ]);
    copyFileSync(join(build, "one"), join(inbox, "app/good"));
    await until("another is fixed", () => isFixed(join(inbox, "app/good")));
    await until("that is told", () => outcomes.length > 1);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["refused", "fixed"]);
  });

  it("writes nothing with dryRun, and reports each file once", async () => {
    const { outcomes } = await start([inbox], { dryRun: true });
    const program = layOut(join(inbox, "app"));
    const before = sha256(program);
    await until("it is told", () => outcomes.length > 0);
    copyFileSync(join(build, "one"), join(inbox, "app/one"));
    await until("the next is told", () => outcomes.length > 1);
    expect(outcomes.map(({ path, outcome }) => [path, outcome])).toEqual([
      [program, "would-fix"],
      [join(inbox, "app/one"), "would-fix"],
    ]);
    expect(outcomes[0]?.edits.map(({ what }) => what)).toEqual(["interpreter", "runpath"]);
    expect(sha256(program)).toBe(before);
  });

  it("takes each program at the depth given", async () => {
    await start([{ path: inbox, depth: 2 }]);
    const old = layOut(join(inbox, "tool/1.0"));
    // Another version's library does not count as its own.
    const bare = layOut(join(inbox, "tool/2.0"), false);
    for (const program of [old, bare]) await until(`${program} is fixed`, () => isFixed(program));
    expect((await inspect(old)).runpath).toContain("$ORIGIN/../lib");
    expect((await inspect(bare)).runpath).toContain(other);
    expect((await inspect(bare)).runpath).not.toContain("tool");
  });

  it("can be undone once it is over", async () => {
    const { stop } = await start();
    const program = layOut(join(inbox, "app"));
    await until("it is fixed", () => isFixed(program));
    await stop();
    await undo([program]);
    expect(sha256(program)).toBe(sha256(join(build, "program")));
  });

  it("names files for other systems that come on their own, at any time", async () => {
    // 64-bit Mach-O (mach-o/loader.h, MH_MAGIC_64), and a PE file after its DOS header (PE format, "MS-DOS Stub").
    const machO = Buffer.from("cffaedfe0700000103000000", "hex");
    const pe = Buffer.alloc(256);
    pe.write("MZ");
    pe.writeUInt32LE(128, 60);
    pe.write("PE\0\0", 128);
    writeFileSync(join(inbox, "early"), machO);
    const { events } = await start();
    const told = () =>
      events.flatMap((event) =>
        event.kind === "passed-over" ? [`${basename(event.path)}: ${event.machines}`] : [],
      );
    await until("the first is told", () => told().length === 1);
    writeFileSync(join(inbox, "late.node"), machO);
    writeFileSync(join(inbox, "text"), "neither");
    await until("the second is told", () => told().length === 2);
    writeFileSync(join(inbox, "late.dll"), pe);
    await until("the third is told", () => told().length === 3);
    expect(told()).toEqual([
      expect.stringMatching(/^early: macOS/),
      expect.stringMatching(/^late.node: macOS/),
      expect.stringMatching(/^late.dll: Windows/),
    ]);
  });

  it("refuses to watch a file", () => {
    const file = join(inbox, "file");
    writeFileSync(file, "");
    expect(() => watch([file])).toThrow(
      expect.objectContaining({
        code: "usage",
        message: `${file} is a file: name the directory that it is in`,
      }),
    );
  });

  it("gives no advice for a directory that may not be watched", () => {
    const { stderr, code } = fixelf(["watch", "/nix/store"]);
    expect(stderr.trimEnd()).toBe(
      "fixelf: /nix/store is in the store, which only Nix may write to",
    );
    expect(code).toBe(1);
  });

  it("refuses to watch the store, or anything that contains all of it", () => {
    const none = { root, gcRoot: false };
    expect(() => watch([nixos.in(nixos.glibc)], none)).toThrow(
      expect.objectContaining({ code: "in-store" }),
    );
    for (const path of ["/", root, join(root, "nix")])
      expect(() => watch([path], none)).toThrow(expect.objectContaining({ code: "usage" }));
    expect(() => watch(["/nix/store"])).toThrow(expect.objectContaining({ code: "in-store" }));
    expect(() => watch([])).toThrow(expect.objectContaining({ code: "usage" }));
  });

  describe("at the kernel's limit", needs("user namespaces"), () => {
    it("reports it, and scans again from time to time", async () => {
      for (let index = 0; index < 20; index++) mkdirSync(join(inbox, `app-${index}`));
      // Each user namespace has its own limit, which affects no other.
      const limited = 'echo 5 >/proc/sys/user/max_inotify_watches; exec "$@"';
      const { said } = spawnWatch(
        [inbox, "--rescan", "1"],
        ["unshare", "--user", "--map-root-user", "/bin/sh", "-c", limited, "sh"],
      );
      await until("it is told", () => said.stderr.includes("max_user_watches"));
      expect(said.stderr).toContain("every 1 seconds");
      for (let index = 0; index < 20; index++)
        copyFileSync(join(build, "one"), join(inbox, `app-${index}/one`));
      for (let index = 0; index < 20; index++)
        await until("it is fixed", () => isFixed(join(inbox, `app-${index}/one`)));
      expect(said.stderr.match(/max_user_watches/g)?.length).toBe(2);
    });
  });
});

describe("presets", () => {
  const directories = (name: PresetName, environment: Record<string, string> = {}) =>
    presetDirectories(name, { HOME: "/home/me", ...environment }).map(({ path, depth = 1 }) =>
      depth === 1 ? path : `${path}:${depth}`,
    );

  it("have the places that each tool documents", () => {
    const below = (top: string, ...names: string[]) =>
      names.map((name) => `/home/me/${top}/${name}`);
    const server = (top: string) => below(top, "bin", "cli/servers", "extensions");
    expect(Object.fromEntries(presetNames.map((name) => [name, directories(name)]))).toEqual({
      rye: below(".rye", "py", "uv", "tools"),
      uv: [...below(".local/share/uv", "python", "tools"), ...below(".cache/uv", "archive-v0")],
      mise: below(".local/share/mise", "installs:2"),
      rustup: below(".rustup", "toolchains"),
      cargo: below(".cargo", "bin"),
      npm: below(".npm", "_npx"),
      pnpm: [...below(".local/share/pnpm", "global", "nodejs"), ...below(".cache/pnpm", "dlx")],
      yarn: below(".config/yarn/global", "node_modules"),
      bun: below(".bun", "bin", "install/global/node_modules"),
      nvm: below(".nvm", "versions/node"),
      fnm: [".local/share/fnm", ".fnm"].flatMap((top) => below(top, "node-versions")),
      volta: below(".volta", "bin", "tools/image:2"),
      pyenv: below(".pyenv", "versions"),
      ghcup: below(".ghcup", "ghc", "hls", "bin"),
      stack: below(".stack", "programs:2"),
      juliaup: [...below(".julia", "juliaup"), ...below(".juliaup", "bin")],
      gradle: below(".gradle", "jdks", "wrapper/dists"),
      "android-sdk": below(
        "Android/Sdk",
        ...["build-tools", "cmdline-tools", "cmake", "ndk", "platform-tools:0", "emulator:0"],
      ),
      jetbrains: [
        ...below(".local/share/JetBrains/Toolbox", "apps"),
        ...below(".cache/JetBrains/RemoteDev", "dist"),
        "/home/me/.jdks",
      ],
      playwright: below(".cache", "ms-playwright"),
      puppeteer: below(".cache", "puppeteer:2"),
      cypress: below(".cache", "Cypress"),
      prisma: below(".cache", "prisma:3"),
      mason: below(".local/share/nvim/mason", "packages"),
      "vscode-server": [
        ...server(".vscode-server"),
        ...server(".vscode-server-insiders"),
        ...below(".vscode", "cli/servers"),
      ],
      "vscodium-server": server(".vscodium-server"),
      "cursor-server": server(".cursor-server"),
      "windsurf-server": server(".windsurf-server"),
      "vscode-extensions": [
        ...[".vscode", ".vscode-insiders", ".vscode-oss", ".cursor", ".windsurf"],
      ].flatMap((editor) => below(editor, "extensions")),
    });
  });

  it("are those of the NixOS module, and documented", () => {
    const text = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
    const list = /types\.enum \[([^\]]*)\]/.exec(text("nix/module.nix"));
    expect(list?.[1]?.match(/[\w-]+/g)).toEqual(presetNames);
    const table = text("docs/watching.md")
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    const documented = table.flatMap((line) => line.split(" | ")[0]?.match(/[\w-]+/g) ?? []);
    expect(documented).toEqual(presetNames);
  });

  it("honor the variables of each tool", () => {
    const xdg = { XDG_DATA_HOME: "/data", XDG_CACHE_HOME: "/cache" };
    expect(directories("rye", { RYE_HOME: "/r" })).toEqual(["/r/py", "/r/uv", "/r/tools"]);
    expect(directories("uv", xdg)).toEqual([
      ...["/data/uv/python", "/data/uv/tools", "/cache/uv/archive-v0"],
    ]);
    const uv = { UV_PYTHON_INSTALL_DIR: "/p", UV_TOOL_DIR: "/t", UV_CACHE_DIR: "/c" };
    expect(directories("uv", uv)).toEqual(["/p", "/t", "/c/archive-v0"]);
    expect(directories("mise", xdg)).toEqual(["/data/mise/installs:2"]);
    expect(directories("mise", { ...xdg, MISE_DATA_DIR: "/m" })).toEqual(["/m/installs:2"]);
    expect(directories("vscode-server", { VSCODE_AGENT_FOLDER: "/v" })).toContain("/v/bin");
    expect(directories("playwright", xdg)).toEqual(["/cache/ms-playwright"]);
    expect(directories("playwright", { PLAYWRIGHT_BROWSERS_PATH: "/b" })).toEqual(["/b"]);
    expect(() => directories("playwright", { PLAYWRIGHT_BROWSERS_PATH: "0" })).toThrow(
      "node_modules",
    );
    expect(directories("cargo", { CARGO_HOME: "/c" })).toEqual(["/c/bin"]);
    expect(directories("cargo", { CARGO_HOME: "/c", CARGO_INSTALL_ROOT: "/i" })).toEqual([
      "/i/bin",
    ]);
    expect(directories("npm", { npm_config_prefix: "/n", npm_config_cache: "/k" })).toEqual([
      "/n/lib/node_modules",
      "/k/_npx",
    ]);
    expect(directories("rustup", { RUSTUP_HOME: "/r" })).toEqual(["/r/toolchains"]);
    expect(directories("pnpm", { ...xdg, PNPM_HOME: "/n" })).toEqual([
      ...["/n/global", "/n/nodejs", "/cache/pnpm/dlx"],
    ]);
    expect(directories("yarn", { XDG_CONFIG_HOME: "/f" })).toEqual(["/f/yarn/global/node_modules"]);
    expect(directories("yarn", { XDG_CONFIG_HOME: "/f", ...xdg })).toEqual([
      "/data/yarn/global/node_modules",
    ]);
    expect(directories("bun", { BUN_INSTALL: "/b", BUN_INSTALL_GLOBAL_DIR: "/g" })).toEqual([
      ...["/b/bin", "/g/node_modules"],
    ]);
    expect(directories("nvm", { XDG_CONFIG_HOME: "/f" })).toEqual(["/f/nvm/versions/node"]);
    expect(directories("nvm", { XDG_CONFIG_HOME: "/f", NVM_DIR: "/n" })).toEqual([
      "/n/versions/node",
    ]);
    expect(directories("fnm", { FNM_DIR: "/f" })).toEqual(["/f/node-versions"]);
    expect(directories("volta", { VOLTA_HOME: "/v" })).toEqual(["/v/bin", "/v/tools/image:2"]);
    expect(directories("pyenv", { PYENV_ROOT: "/p" })).toEqual(["/p/versions"]);
    expect(directories("ghcup", { GHCUP_INSTALL_BASE_PREFIX: "/g" })[0]).toBe("/g/.ghcup/ghc");
    expect(directories("ghcup", { GHCUP_USE_XDG_DIRS: "", ...xdg, XDG_BIN_HOME: "/b" })).toEqual([
      ...["/data/ghcup/ghc", "/data/ghcup/hls", "/b"],
    ]);
    expect(directories("stack", { STACK_XDG: "1", ...xdg })).toEqual(["/data/stack/programs:2"]);
    expect(directories("stack", { STACK_XDG: "1", ...xdg, STACK_ROOT: "/s" })).toEqual([
      "/s/programs:2",
    ]);
    expect(directories("juliaup", { JULIAUP_DEPOT_PATH: "/j" })[0]).toBe("/j/juliaup");
    expect(directories("gradle", { GRADLE_USER_HOME: "/g" })[0]).toBe("/g/jdks");
    expect(directories("android-sdk", { ANDROID_SDK_ROOT: "/s" })[0]).toBe("/s/build-tools");
    expect(directories("android-sdk", { ANDROID_SDK_ROOT: "/s", ANDROID_HOME: "/a" })[0]).toBe(
      "/a/build-tools",
    );
    expect(directories("puppeteer", { ...xdg, PUPPETEER_CACHE_DIR: "/p" })).toEqual(["/p:2"]);
    expect(directories("cypress", { ...xdg, CYPRESS_CACHE_FOLDER: "/y" })).toEqual(["/y"]);
    expect(directories("prisma", xdg)).toEqual(["/cache/prisma:3", "/home/me/.cache/prisma:3"]);
    expect(directories("mason", { ...xdg, NVIM_APPNAME: "mine" })).toEqual([
      "/data/mine/mason/packages",
    ]);
    expect(directories("vscode-extensions", { VSCODE_EXTENSIONS: "/e" })).toEqual(["/e"]);
    // The XDG specification says that relative paths are ignored.
    expect(directories("uv", { XDG_DATA_HOME: "data" })[0]).toBe("/home/me/.local/share/uv/python");
  });

  it("read npm's prefix where users set it", () => {
    const home = scratchDirectory();
    try {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is npm's, not ours
      writeFileSync(join(home, ".npmrc"), "; mine\nprefix = ${HOME}/.npm-global\ncolor=false\n");
      expect(directories("npm", { HOME: home })).toEqual([
        join(home, ".npm-global/lib/node_modules"),
        join(home, ".npm/_npx"),
      ]);
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
