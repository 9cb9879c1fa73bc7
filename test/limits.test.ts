// Too few descriptors, threads and processes: each command answers as usual, with fewer threads, or reports what it
// lacks. It never takes what it could not open for missing, unreadable or broken.
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { resolve } from "../lib/index.js";
import { needs } from "./support/needs.js";
import { patience } from "./support/patience.js";
import { addonEnvironment } from "./support/preload.js";
import { commandLine } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const api = new URL("../dist/index.js", import.meta.url).href;
const directory = scratchDirectory();
const tree = join(directory, "tree");
const store = join(directory, "store");
const glibc = join(store, `${"0".repeat(32)}-glibc/lib`);
const state = {
  XDG_STATE_HOME: join(directory, "state"),
  XDG_CACHE_HOME: join(directory, "cache"),
};
const environment = { ...process.env, ...addonEnvironment, ...state };

/** The descriptors of Node itself, just after its start. */
const own = Number(
  execFileSync(process.execPath, ["-p", "require('fs').readdirSync('/proc/self/fd').length"], {
    encoding: "utf8",
  }),
);
const limits = [...Array.from({ length: 10 }, (_, more) => own + more), own + 16, own + 40];

beforeAll(async () => {
  const deep = join(tree, ...Array.from({ length: 30 }, (_, depth) => `d${depth}`));
  mkdirSync(deep, { recursive: true });
  for (let index = 0; index < 12; index++) copyFileSync("/bin/ls", join(tree, `ls-${index}`));
  copyFileSync("/bin/true", join(deep, "true"));
  mkdirSync(glibc, { recursive: true });
  const { interpreter, libraries } = await resolve("/bin/ls");
  for (const { path } of libraries) if (path) copyFileSync(path, join(glibc, basename(path)));
  copyFileSync(interpreter.path as string, join(glibc, "loader"));
});

const loader = () => ["--interpreter", join(glibc, "loader"), "--no-gc-root"];
const commands: [string, () => string[]][] = [
  ["inspect", () => ["inspect", join(tree, "ls-0")]],
  ["tree", () => ["tree", join(tree, "ls-0"), "--store", store]],
  ["doctor", () => ["doctor", tree, "--store", store]],
  ["scan", () => ["scan", tree, "--format", "ndjson"]],
  ["fix --dry-run", () => ["fix", tree, "--dry-run", "--store", store, ...loader()]],
  ["env", () => ["env", tree, "--store", store]],
  ["closure", () => ["closure", tree, "--store", store]],
  ["refs", () => ["refs", tree, "--store", store]],
  ["find", () => ["find", "libc.so.6", "--store", store]],
  ["loaders", () => ["loaders", "--store", store]],
];

interface Ran {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

function run(args: readonly string[], descriptors?: number): Ran {
  const json = args[0] === "scan" ? [] : ["--json"];
  const command = [...commandLine, ...args, ...json];
  const limit = descriptors === undefined ? [] : ["prlimit", `--nofile=${descriptors}`];
  const [program = "", ...rest] = [...limit, ...command];
  return spawnSync(program, rest, { encoding: "utf8", env: environment, timeout: patience });
}

/** Whether Node itself gave up, with a message of its own or about what it could not import. */
function nodeGaveUp({ stdout, stderr }: Ran): boolean {
  return stdout === "" && /EMFILE|[Tt]oo many open files/.test(stderr);
}

function saysSo({ status, stdout, stderr }: Ran): boolean {
  return status === 2 && (stdout + stderr).includes("too-many-open-files");
}

describe("with few descriptors", needs("prlimit"), () => {
  it.each(commands)("%s answers as usual, or reports it", (_, args) => {
    const right = run(args());
    expect(right.signal).toBeNull();
    const answered: number[] = [];
    for (const limit of limits) {
      const got = run(args(), limit);
      expect(got.signal, `${limit}: ${got.stderr}`).toBeNull();
      if (got.stdout === right.stdout && got.status === right.status) answered.push(limit);
      else
        expect(nodeGaveUp(got) || saysSo(got), `${limit}: ${got.stdout}${got.stderr}`).toBe(true);
    }
    // With only a few more than Node's own, it depends on what happens to be open.
    expect(answered).toEqual(expect.arrayContaining(limits.slice(-2)));
  });

  // Both ways in which the addon is found and loaded: its directory is read, its file mapped.
  it.each([
    ["readdirSync", "fs"],
    ["dlopen", "process"],
  ])("a missing descriptor for %s is not taken for a missing addon", (call, owner) => {
    const preloaded = join(directory, `${call}.cjs`);
    writeFileSync(
      preloaded,
      `const fs = require("node:fs");
      const { ${call}: original } = ${owner};
      ${owner}.${call} = function (...given) {
        ${owner}.${call} = original;
        try { for (;;) fs.openSync("/dev/null"); } catch {}
        return original.apply(this, given);
      };`,
    );
    const [node = "", ...rest] = [...commandLine, "inspect", "--json", join(tree, "ls-0")];
    const args = ["--nofile=64", node, "--require", preloaded, ...rest];
    const { status, stdout } = spawnSync("prlimit", args, { encoding: "utf8", env: environment });
    expect([status, JSON.parse(stdout).files[0].error.code]).toEqual([2, "too-many-open-files"]);
  });

  it("fix changes files, or reports it and leaves them", () => {
    const original = execFileSync("sha256sum", [join(tree, "ls-0")], { encoding: "utf8" });
    const seen = new Set<string>();
    for (const limit of limits) {
      const here = join(directory, `fixed-${limit}`);
      cpSync(tree, here, { recursive: true });
      const got = run(["fix", here, "--store", store, ...loader()], limit);
      expect(got.signal, `${limit}: ${got.stderr}`).toBeNull();
      if (nodeGaveUp(got)) continue;
      const { files = [], error } = JSON.parse(got.stdout) as {
        files?: { path: string; outcome: string; error: { code: string } | null }[];
        error?: { code: string };
      };
      if (error) expect(error.code).toBe("too-many-open-files");
      for (const { path, outcome, error } of files) {
        seen.add(outcome);
        if (outcome === "fixed") continue;
        expect([outcome, error?.code]).toEqual(["failed", "too-many-open-files"]);
        if (!path.includes("/ls-")) continue;
        const now = execFileSync("sha256sum", [path], { encoding: "utf8" });
        expect(now.split(" ")[0]).toBe(original.split(" ")[0]);
      }
      expect(readdirSync(here).filter((name) => name.includes("fixelf"))).toEqual([]);
    }
    expect(seen).toContain("fixed");
  });
});

// Root may start as many as there can be (kernel/fork.c, copy_process).
describe("without another thread or process", needs("prlimit", "setpriv", "root"), () => {
  const somebody = 4711;
  const program = `
    import { execFileSync } from "node:child_process";
    import { stat } from "node:fs/promises";
    const api = await import(${JSON.stringify(api)});
    const [store, tree, loader, limited] = process.argv.slice(1);
    // libuv aborts where it cannot start its own.
    await Promise.all(Array.from({ length: 16 }, () => stat("/")));
    if (limited === "limited") execFileSync("prlimit", ["--pid", String(process.pid), "--nproc=1:1"]);
    const options = { store, index: false, interpreter: loader };
    const rows = [];
    for await (const batch of api.scan([tree])) rows.push(batch.length);
    const { length: references } = await api.references([tree], { store });
    const planned = await api.plan([tree], { ...options, gcRoot: false });
    const outcomes = await api.apply(planned);
    const diagnoses = await api.diagnose([tree], { store, index: false });
    const undone = await api.undo([tree]);
    console.log(JSON.stringify({
      rows, references,
      outcomes: outcomes.map(({ outcome }) => outcome),
      unverified: [...new Set(outcomes.flatMap(({ verified, reasons }) => verified ? [] : reasons.slice(-1)))],
      verdicts: diagnoses.map(({ verdict }) => verdict),
      undone: undone.map(({ outcome }) => outcome),
    }));`;

  it("everything is done by the existing ones", () => {
    const here = join(directory, "another's");
    cpSync(tree, here, { recursive: true });
    execFileSync("chown", ["-R", `${somebody}:${somebody}`, here]);
    const theirs = join(directory, "their-state");
    mkdirSync(theirs);
    chownSync(theirs, somebody, somebody);
    chmodSync(directory, 0o755);
    const answer = (limited: string) => {
      const user = [`--reuid=${somebody}`, `--regid=${somebody}`, "--clear-groups"];
      const node = [process.execPath, "--input-type=module", "-e", program, "--"];
      const { status, signal, stdout, stderr } = spawnSync(
        "setpriv",
        [...user, ...node, store, here, join(glibc, "loader"), limited],
        { encoding: "utf8", env: { ...environment, HOME: theirs, XDG_STATE_HOME: theirs } },
      );
      expect([status, signal], stderr).toEqual([0, null]);
      return JSON.parse(stdout) as { unverified: string[] };
    };
    const { unverified, ...right } = answer("");
    expect(unverified).toEqual([]);
    expect(answer("limited")).toEqual({
      ...right,
      unverified: [expect.stringMatching(/^the loader was not asked: cannot start the program/)],
    });
  });
});
